"""What the standard library asks its contexts for. There is one context here, the package itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lithops.multiprocessing.config import parallel

if TYPE_CHECKING:
    from lithops.multiprocessing.managers import SyncManager

METHOD = "lithops"
_NAMES = (METHOD, "fork", "spawn", "forkserver")


def get_context(method: str | None = None) -> Any:
    """Return the package; the standard library's start methods are accepted and mean the same."""
    import lithops.multiprocessing

    if method is not None and method not in _NAMES:
        raise ValueError(f"cannot find context for {method!r}; there are {', '.join(_NAMES)}, which all mean the same")
    return lithops.multiprocessing


def get_start_method(allow_none: bool = False) -> str:
    """Return `lithops`."""
    return METHOD


def set_start_method(method: str | None, force: bool = False) -> None:
    """Accept the standard library's start methods, which all mean the same."""
    get_context(method)


def get_all_start_methods() -> list[str]:
    """Return the only one there is."""
    return [METHOD]


def cpu_count() -> int:
    """Return how many processes run best at the same time, by the configuration."""
    return parallel()


def Manager() -> SyncManager:  # noqa: N802 - the standard library's name
    """Start a process that keeps objects which others use through proxies."""
    from lithops.multiprocessing.managers import SyncManager

    manager = SyncManager()
    manager.start()
    return manager


def freeze_support() -> None:
    """Do nothing: no program is run again to be a process."""


def set_executable(executable: str) -> None:
    """Do nothing: the interpreter is the configuration's (`runtime`)."""


def set_forkserver_preload(module_names: list[str]) -> None:
    """Do nothing: workers import what calls need."""


def allow_connection_pickling() -> None:
    """Do nothing: connections of this package can be pickled."""
