"""Run ordinary Python functions in parallel, on whatever there is.

    import lithops

    with lithops.FunctionExecutor() as fexec:
        fexec.map(lambda x: x * x, range(10))
        print(fexec.get_result())

Everything here is loaded when it is first touched, so that `import lithops` costs next to nothing.
"""

from __future__ import annotations

from lithops._version import __version__ as __version__

TYPE_CHECKING = False  # typing.TYPE_CHECKING, without importing typing
if TYPE_CHECKING:
    from lithops import aio as aio
    from lithops import config as config
    from lithops import errors as errors
    from lithops import executors as executors
    from lithops import future as future
    from lithops import multiprocessing as multiprocessing
    from lithops import plots as plots
    from lithops import retries as retries
    from lithops import storage as storage
    from lithops import types as types
    from lithops import utils as utils
    from lithops.aio import AsyncFunctionExecutor as AsyncFunctionExecutor
    from lithops.attaching import attach as attach
    from lithops.executors import FunctionExecutor as FunctionExecutor
    from lithops.executors import LocalhostExecutor as LocalhostExecutor
    from lithops.executors import ServerlessExecutor as ServerlessExecutor
    from lithops.executors import StandaloneExecutor as StandaloneExecutor
    from lithops.hookspecs import API_VERSION as API_VERSION
    from lithops.hookspecs import hookimpl as hookimpl
    from lithops.retries import RetryingFunctionExecutor as RetryingFunctionExecutor
    from lithops.retries import RetryPolicy as RetryPolicy
    from lithops.storage import Storage as Storage
    from lithops.wait import get_result as get_result
    from lithops.wait import wait as wait

_HOME = {
    "AsyncFunctionExecutor": "lithops.aio",
    "attach": "lithops.attaching",
    "FunctionExecutor": "lithops.executors",
    "LocalhostExecutor": "lithops.executors",
    "ServerlessExecutor": "lithops.executors",
    "StandaloneExecutor": "lithops.executors",
    "RetryPolicy": "lithops.retries",
    "RetryingFunctionExecutor": "lithops.retries",
    "Storage": "lithops.storage",
    "get_result": "lithops.wait",
    "hookimpl": "lithops.hookspecs",
    "API_VERSION": "lithops.hookspecs",
}
_MODULES = {
    *("aio", "config", "errors", "executors", "future", "multiprocessing", "plots", "retries", "storage", "types"),
    *("utils", "wait"),
}

__all__ = ["__version__", "wait", *_HOME]


def __getattr__(name: str) -> object:
    from importlib import import_module

    if name in _MODULES:  # `wait`, too, which can be called: `lithops.wait(fs)` works however it was imported
        return import_module(f"lithops.{name}")
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module 'lithops' has no attribute {name!r}")
    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_MODULES})
