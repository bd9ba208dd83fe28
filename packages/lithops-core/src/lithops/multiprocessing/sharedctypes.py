"""Values and arrays that processes share: ctypes objects in a block of bytes.

On one machine the block is memory that all processes have, and the objects are real ctypes objects in it. Elsewhere
they read and write the block with each access (`remotectypes`).
"""

from __future__ import annotations

import ctypes
from multiprocessing import sharedctypes
from typing import Any

from lithops.multiprocessing.carrier import new_key
from lithops.multiprocessing.choice import own
from lithops.multiprocessing.kinds import Description, Kind, describe, kind_of
from lithops.multiprocessing.remotectypes import Remote, view, wrapper
from lithops.multiprocessing.shared import Use

_standard: Any = sharedctypes  # typeshed knows some of it only
_wrapped = _standard.synchronized


def RawValue(typecode_or_type: Any, *args: Any) -> Any:  # noqa: N802 - the standard library's name
    """Return a shared ctypes object, without a lock."""
    return _new(_kind(typecode_or_type)(*args))


def RawArray(typecode_or_type: Any, size_or_initializer: Any) -> Any:  # noqa: N802 - as above
    """Return a shared ctypes array, without a lock."""
    kind = _kind(typecode_or_type)
    if isinstance(size_or_initializer, int):
        return _new((kind * size_or_initializer)())
    return _new((kind * len(size_or_initializer))(*size_or_initializer))


def Value(typecode_or_type: Any, *args: Any, lock: Any = True, ctx: Any = None) -> Any:  # noqa: N802 - as above
    """Return a shared ctypes object with a lock; the bare object with `lock=False`."""
    return _locked(RawValue(typecode_or_type, *args), lock)


def Array(typecode_or_type: Any, size_or_initializer: Any, *, lock: Any = True, ctx: Any = None) -> Any:  # noqa: N802
    """Return a shared ctypes array with a lock; the bare array with `lock=False`."""
    return _locked(RawArray(typecode_or_type, size_or_initializer), lock)


def copy(obj: Any) -> Any:
    """Return a shared copy of a ctypes object."""
    kind = getattr(obj, "_kind", None) or type(obj)
    data = obj.data() if isinstance(obj, Remote) else bytes(obj)
    return _new(kind.from_buffer_copy(data))


def synchronized(obj: Any, lock: Any = None, ctx: Any = None) -> Any:
    """Return a wrapper of a shared object whose attributes and items are used with its lock."""
    import lithops.multiprocessing

    kind = wrapper(obj) if isinstance(obj, Remote) else None
    if kind is None:
        made = _wrapped(obj, lock, ctx=lithops.multiprocessing)
        kind = type(made)
    else:
        made = kind(obj, lock, ctx=lithops.multiprocessing)
    made.__class__ = type(kind.__name__, (kind,), {"__reduce__": _reduce_synchronized})
    return made


def attach(use: Use, description: Description) -> Any:
    """Return this process's view of a shared object; what they are pickled as."""
    return _view(use, kind_of(description))


def _view(use: Use, kind: Kind) -> Any:
    block = use.carrier.map(use.key, ctypes.sizeof(kind))
    if block is None:
        return view(use, kind)
    shared: Any = type(kind.__name__, (kind,), {"__reduce__": _reduce, "__reduce_ex__": _reduce})
    made = shared.from_buffer(block)
    made._use = use
    made._kind = kind
    return made


def _new(beginning: Any) -> Any:
    kind = type(beginning)
    describe(kind)  # which says so if it cannot be shared
    use = Use(own(), new_key())
    use.carrier.write(use.key, 0, bytes(beginning))
    return _view(use, kind)


def _kind(typecode_or_type: Any) -> Kind:
    return _standard.typecode_to_type.get(typecode_or_type, typecode_or_type)


def _locked(obj: Any, lock: Any) -> Any:
    if lock is False:
        return obj
    if lock is True or lock is None:
        from lithops.multiprocessing.synchronize import RLock

        lock = RLock()
    if not hasattr(lock, "acquire"):
        raise AttributeError(f"{lock!r} has no method 'acquire'; pass a lock of lithops.multiprocessing, True or False")
    return synchronized(obj, lock)


def _reduce(obj: Any, _protocol: int = 0) -> tuple[Any, tuple[Any, ...]]:
    return attach, (obj._use, describe(obj._kind))


def _reduce_synchronized(obj: Any) -> tuple[Any, tuple[Any, ...]]:
    return synchronized, (obj.get_obj(), obj.get_lock())
