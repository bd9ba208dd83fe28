"""From files, the environment and keywords to the validated settings of an executor.

Loaded when first touched: `resolve` without anything to read or check imports neither pydantic nor yaml.
"""

from __future__ import annotations

TYPE_CHECKING = False  # typing.TYPE_CHECKING, without importing typing
if TYPE_CHECKING:
    from lithops.config.classic import default_config as default_config
    from lithops.config.classic import extract_storage_config as extract_storage_config
    from lithops.config.classic import load_config as load_config
    from lithops.config.classic import load_yaml_config as load_yaml_config
    from lithops.config.paths import logs_dir as logs_dir
    from lithops.config.paths import state_dir as state_dir
    from lithops.config.places import search_list as search_list
    from lithops.config.redaction import redact as redact
    from lithops.config.resolution import resolve as resolve
    from lithops.config.settings import GlobalSettings as GlobalSettings
    from lithops.config.settings import Settings as Settings
    from lithops.config.template import render_template as render_template

_HOME = {
    "GlobalSettings": "settings",
    "Settings": "settings",
    "default_config": "classic",
    "extract_storage_config": "classic",
    "load_config": "classic",
    "load_yaml_config": "classic",
    "logs_dir": "paths",
    "redact": "redaction",
    "render_template": "template",
    "resolve": "resolution",
    "search_list": "places",
    "state_dir": "paths",
}

__all__ = [*_HOME]


def __getattr__(name: str) -> object:
    from importlib import import_module

    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module 'lithops.config' has no attribute {name!r}")
    value: object = getattr(import_module(f"lithops.config.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
