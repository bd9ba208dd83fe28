"""Run the service by hand, or as `FaasDouble` does."""

from __future__ import annotations

import sys

from lithops_testing.faas.routes import FunctionService
from lithops_testing.faas.settings import Settings
from lithops_testing.service.program import run

if __name__ == "__main__":
    run("lithops_testing.faas", Settings, FunctionService, sys.argv[1:])
