"""The standard library's multiprocessing, with processes that run as calls wherever the configuration says.

    from lithops.multiprocessing import Pool, Process, Queue

Everything here is loaded when it is first touched.
"""

from __future__ import annotations

TYPE_CHECKING = False  # typing.TYPE_CHECKING, without importing typing
if TYPE_CHECKING:
    from multiprocessing import AuthenticationError as AuthenticationError
    from multiprocessing import BufferTooShort as BufferTooShort
    from multiprocessing import ProcessError as ProcessError
    from multiprocessing import TimeoutError as TimeoutError
    from multiprocessing import active_children as active_children
    from multiprocessing import current_process as current_process
    from multiprocessing import get_logger as get_logger
    from multiprocessing import log_to_stderr as log_to_stderr
    from multiprocessing import parent_process as parent_process

    from lithops.multiprocessing.conditions import Barrier as Barrier
    from lithops.multiprocessing.conditions import Condition as Condition
    from lithops.multiprocessing.conditions import Event as Event
    from lithops.multiprocessing.context import Manager as Manager
    from lithops.multiprocessing.context import allow_connection_pickling as allow_connection_pickling
    from lithops.multiprocessing.context import cpu_count as cpu_count
    from lithops.multiprocessing.context import freeze_support as freeze_support
    from lithops.multiprocessing.context import get_all_start_methods as get_all_start_methods
    from lithops.multiprocessing.context import get_context as get_context
    from lithops.multiprocessing.context import get_start_method as get_start_method
    from lithops.multiprocessing.context import set_executable as set_executable
    from lithops.multiprocessing.context import set_forkserver_preload as set_forkserver_preload
    from lithops.multiprocessing.context import set_start_method as set_start_method
    from lithops.multiprocessing.pipes import Pipe as Pipe
    from lithops.multiprocessing.pool import Pool as Pool
    from lithops.multiprocessing.process import Process as Process
    from lithops.multiprocessing.queues import JoinableQueue as JoinableQueue
    from lithops.multiprocessing.queues import Queue as Queue
    from lithops.multiprocessing.queues import SimpleQueue as SimpleQueue
    from lithops.multiprocessing.sharedctypes import Array as Array
    from lithops.multiprocessing.sharedctypes import RawArray as RawArray
    from lithops.multiprocessing.sharedctypes import RawValue as RawValue
    from lithops.multiprocessing.sharedctypes import Value as Value
    from lithops.multiprocessing.synchronize import BoundedSemaphore as BoundedSemaphore
    from lithops.multiprocessing.synchronize import Lock as Lock
    from lithops.multiprocessing.synchronize import RLock as RLock
    from lithops.multiprocessing.synchronize import Semaphore as Semaphore

_HOME = {
    "multiprocessing": (
        "AuthenticationError BufferTooShort ProcessError TimeoutError active_children current_process get_logger "
        "log_to_stderr parent_process"
    ),
    "lithops.multiprocessing.conditions": "Barrier Condition Event",
    "lithops.multiprocessing.pipes": "Pipe",
    "lithops.multiprocessing.context": (
        "Manager allow_connection_pickling cpu_count freeze_support get_all_start_methods get_context "
        "get_start_method set_executable set_forkserver_preload set_start_method"
    ),
    "lithops.multiprocessing.pool": "Pool",
    "lithops.multiprocessing.process": "Process",
    "lithops.multiprocessing.queues": "JoinableQueue Queue SimpleQueue",
    "lithops.multiprocessing.sharedctypes": "Array RawArray RawValue Value",
    "lithops.multiprocessing.synchronize": "BoundedSemaphore Lock RLock Semaphore",
}
_HOMES = {name: home for home, names in _HOME.items() for name in names.split()}
_MODULES = frozenset({"config", "connection", "managers", "pool", "process", "queues", "sharedctypes", "synchronize"})
_INSTEAD = {
    "context": "call get_context(), which returns this package",
    "dummy": "threads are the standard library's: import multiprocessing.dummy",
    "reduction": "what is shared pickles by itself; the standard library's is multiprocessing.reduction",
    "resource_tracker": "nothing here needs it; the standard library's is multiprocessing.resource_tracker",
    "shared_memory": "use Array, Value or a Manager, or, on one machine only, import multiprocessing.shared_memory",
    "util": "it is the standard library's: import multiprocessing.util",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> object:
    from importlib import import_module

    if name in _MODULES:  # as `import multiprocessing` has them, too
        return import_module(f"lithops.multiprocessing.{name}")
    if name not in _HOMES:
        instead = f"; {_INSTEAD[name]}" if name in _INSTEAD else ""
        raise AttributeError(f"module 'lithops.multiprocessing' has no attribute {name!r}{instead}")
    value: object = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES, *_MODULES})
