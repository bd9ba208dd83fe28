"""A function service on this machine: a process of its own that really runs what is deployed to it.

    with FaasDouble(latency_s=0.03) as service:
        print(service.endpoint, service.counters()["requests"])

Or by hand, `python -m lithops_testing.faas --help`. Nothing in here knows lithops, apart from `stub`: to the service a
function is an archive and the name of a callable that takes and returns bytes.
"""

from __future__ import annotations

from lithops_testing.faas.double import FaasDouble

__all__ = ["FaasDouble"]
