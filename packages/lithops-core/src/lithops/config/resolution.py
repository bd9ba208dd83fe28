"""From whatever the user said, wherever it was said, to one `Settings`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from lithops.config.settings import AUTO, LOCALHOST, Settings
from lithops.config.sources import locate

_NO_OVERRIDES: Mapping[str, object] = MappingProxyType({})


def resolve(
    *,
    mode: str | None = None,
    config: Mapping[str, Any] | None = None,
    config_file: str | os.PathLike[str] | None = None,
    backend: str | None = None,
    storage: str | None = None,
    monitoring: str | None = None,
    overrides: Mapping[str, object] = _NO_OVERRIDES,
    thorough: bool = False,
) -> Settings:
    """Find, read, select and validate the configuration of one executor.

    `overrides` are keys of the compute backend's section; None among them means "not given". Raises `ConfigError` for
    what is wrong with the configuration and `PluginError` for what is wrong with a plugin that it chooses. `thorough`
    also validates the sections of installed plugins that are not in use, and tells of all problems in one error.
    """
    source = locate(config, config_file)
    given = {key: value for key, value in overrides.items() if value is not None}
    if source is None and not given:
        # the start of most programs: nothing to read, nothing to check, so nothing slow to import
        plain = (mode or LOCALHOST, backend or LOCALHOST, storage or LOCALHOST, monitoring or AUTO)
        if plain == (LOCALHOST, LOCALHOST, LOCALHOST, AUTO):
            return Settings()

    from lithops.config.assembly import assemble
    from lithops.config.document import Document
    from lithops.config.problems import Problems
    from lithops.config.selection import select
    from lithops.config.sources import read

    problems = Problems(keep=thorough)
    document = read(source, problems) if source is not None else Document(origin="", sections={})
    chosen = select(document, problems, mode=mode, backend=backend, storage=storage, monitoring=monitoring)
    origin = source.origin if source is not None else None
    settings = assemble(document, chosen, given, problems, source=origin, thorough=thorough)
    problems.tell()
    return settings
