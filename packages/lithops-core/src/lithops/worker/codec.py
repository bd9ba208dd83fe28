"""How inputs and results are laid out in bytes; the one place that knows.

Values of the few types in `ATOMS` are pickled together, which costs next to nothing per value. Everything else is
pickled one by one, so that a value that cannot be loaded spoils its own call only, and results are loaded when
somebody asks for them, on the thread that asks.
"""

from __future__ import annotations

import io
import pickle
import struct
import time
from array import array
from collections.abc import Callable, Container, Iterable, MutableMapping, Sequence

from lithops import errors
from lithops.types import Block, CallRange, CallState, LogSlice, Payload, Report

ATOMS = frozenset({int, float, complex, bool, str, bytes, type(None)})
OUT_OF_BAND = 64 * 1024
"""Smallest buffer, in bytes, that is kept out of a pickle."""

_LIST = b"L"
_STREAM = b"S"
_CRASHED = "a worker process ended when it loaded the argument of this call"
_COUNT = struct.Struct("<I")

Known = MutableMapping[tuple[int, int], memoryview]
"""Buffers that were met before, by where they are and how long."""
Dump = Callable[[io.BytesIO, Callable[[pickle.PickleBuffer], object]], pickle.Pickler]
"""Makes a pickler for a stream and a buffer callback."""


HEAD_BYTES = 512
"""As much of a pickle is at hand wherever it lies, to see what it holds without loading it."""


class Unloaded:
    """A value that is still in its pickle, here or elsewhere."""

    __slots__ = ()

    is_here = False
    """Whether the pickle is at hand."""

    @property
    def head(self) -> bytes:
        """The first `HEAD_BYTES` of the pickle."""
        raise NotImplementedError

    @property
    def nbytes(self) -> int:
        """Size of the pickle and its buffers."""
        raise NotImplementedError

    def lies_in(self, payloads: object) -> None:
        """Take note of the `lithops.remote.payloads.PayloadStore` that has what is not here."""

    def pickled(self) -> Pickled:
        """Return it with its pickle at hand; raises `StorageError` if that cannot be had."""
        raise NotImplementedError

    def load(self) -> object:
        """Unpickle the value; raises whatever its class raises, and `StorageError`."""
        return self.pickled().load()


class Pickled(Unloaded):
    """A value whose pickle is at hand."""

    __slots__ = ("buffers", "data", "first", "last")

    is_here = True

    def __init__(self, data: bytes, first: int = 0, last: int = 0) -> None:
        self.data = data
        self.first, self.last = first, last  # its buffers among those of the batch
        self.buffers: Sequence[memoryview] = ()

    @property
    def head(self) -> bytes:
        """See `Unloaded`."""
        return self.data[:HEAD_BYTES]

    @property
    def nbytes(self) -> int:
        """See `Unloaded`."""
        return len(self.data) + sum([view.nbytes for view in self.buffers])

    def pickled(self) -> Pickled:
        """See `Unloaded`."""
        return self

    def load(self) -> object:
        """See `Unloaded`."""
        return pickle.loads(self.data, buffers=self.buffers)

    def __reduce__(self) -> tuple[type[Pickled], tuple[bytes, int, int]]:
        return Pickled, (self.data, self.first, self.last)


class BufferCatcher:
    """A buffer callback that keeps large buffers out of the pickle; one that is known already is kept once."""

    __slots__ = ("_known", "caught")

    def __init__(self, known: Known | None = None) -> None:
        self.caught: list[memoryview] = []
        self._known = known

    def __call__(self, buffer: pickle.PickleBuffer) -> bool:
        try:
            raw = buffer.raw()
        except BufferError:  # not contiguous
            return True
        if raw.nbytes < OUT_OF_BAND:
            return True
        if self._known is not None:
            # The view in the table keeps the memory alive, so that its address cannot come to mean another.
            raw = self._known.setdefault((_address(raw.obj), raw.nbytes), raw)
        self.caught.append(raw)
        return False


def _address(owner: object) -> int:
    """Return where the memory of a buffer is, or, where only its owner knows, what stands for it as well."""
    # An array that is stored column by column has a new owner each time it is pickled.
    interface = getattr(owner, "__array_interface__", None)
    return int(interface["data"][0]) if interface is not None else id(owner)


class ItemEncoder:
    """Encodes the items of consecutive calls into one body, item by item.

    Pickles share their memo, so an object that several items refer to is written once; unless they are `alone`, so
    that `cut` can take them apart.
    """

    def __init__(self, dump: Dump, known: Known | None, *, alone: bool = False) -> None:
        self._alone = alone
        self._file = io.BytesIO()
        self._catcher = BufferCatcher(known)
        self._pickler = dump(self._file, self._catcher)
        self._ends: list[int] = []

    @property
    def size(self) -> int:
        """Bytes of the body so far."""
        return self._file.tell()

    @property
    def buffer_bytes(self) -> int:
        """Bytes of the buffers kept out so far."""
        return sum(view.nbytes for view in self._catcher.caught)

    def add(self, item: object) -> None:
        """Append one item; raises what pickling it raises, with the body as it was before."""
        start, caught = self._file.tell(), len(self._catcher.caught)
        if self._alone:
            self._pickler.clear_memo()
        try:
            self._pickler.dump(item)
        except BaseException:
            self._file.seek(start)
            self._file.truncate()
            del self._catcher.caught[caught:]
            raise
        self._ends += (self._file.tell(), len(self._catcher.caught))

    def finish(self) -> Payload:
        """Return the encoded items."""
        n = len(self._ends)
        head = _STREAM + _COUNT.pack(n // 2) + struct.pack(f"<{n}Q", *self._ends)
        return Payload(body=head + self._file.getvalue(), buffers=tuple(self._catcher.caught))


def encode_atoms(items: list[object]) -> Payload:
    """Encode items that are all of a type in `ATOMS`."""
    return Payload(body=_LIST + pickle.dumps(items, 5))


def cut(block: Block, first: int, count: int) -> Block:
    """Return a block of some of the calls of `block`, whose items must have been encoded `alone`, or are atoms."""
    if block.count == count:
        return block
    low = first - block.first
    high = low + count
    view = memoryview(block.payload.body)
    if view[:1] == _LIST:
        return Block(first=first, count=count, payload=encode_atoms(pickle.loads(view[1:])[low:high]))
    start = 1 + _COUNT.size
    begin, buffer = struct.unpack_from("<2Q", view, start + 16 * (low - 1)) if low else (0, 0)
    kept = struct.unpack_from(f"<{2 * count}Q", view, start + 16 * low)
    moved = [end - (begin, buffer)[k % 2] for k, end in enumerate(kept)]
    head = _STREAM + _COUNT.pack(count) + struct.pack(f"<{2 * count}Q", *moved)
    data = view[start + 16 * block.count :][begin : kept[-2]]
    return Block(
        first=first,
        count=count,
        payload=Payload(body=head + data, buffers=block.payload.buffers[buffer : kept[-1]]),
    )


class ItemReader:
    """Loads the items of a body, in order and as far as they are asked for.

    In the place of an item that cannot be loaded stands the `LoadFailure` that says why.
    """

    def __init__(self, body: bytes | memoryview, buffers: Sequence[memoryview]) -> None:
        view = memoryview(body)
        self.items: list[object] = []
        self.failed = False
        """Whether there is a `LoadFailure` among the items."""
        self._atoms = view[1:] if view[:1] == _LIST else None
        if self._atoms is not None:
            return
        (count,) = _COUNT.unpack_from(view, 1)
        self._ends = struct.unpack_from(f"<{2 * count}Q", view, 1 + _COUNT.size)
        self._data = view[1 + _COUNT.size + 16 * count :]
        self._queue = _Rewindable(buffers)
        self._unpickler = pickle.Unpickler(io.BytesIO(self._data), buffers=self._queue)
        self._lost: set[int] = set()  # entries of the memo that must not be used
        self._counted = 0  # items whose entries in the memo are counted, and how many these are
        self._entries = 0

    def read(self, stop: int, trying: Callable[[int], None] | None = None, skip: Container[int] = ()) -> None:
        """Load all items before item `stop`; `trying` is told the number of each, those in `skip` are not tried."""
        items = self.items
        if self._atoms is not None:
            if not items:
                items += pickle.loads(self._atoms)
            return
        load, queue, ends = self._unpickler.load, self._queue, self._ends
        for k in range(len(items), stop):
            if k in skip:
                self._give_up(k, tried=False)
                items.append(LoadFailure(errors.WorkerCrashedError(_CRASHED)))
            elif self._lost and self._refers_to_lost(k):
                self._give_up(k, tried=False)
                items.append(LoadFailure(ValueError("it shares a part with another item that cannot be loaded")))
            else:
                if trying is not None:
                    trying(k)
                try:
                    items.append(load())
                except BaseException as error:  # noqa: BLE001 - user code runs here
                    self._give_up(k, tried=True)
                    items.append(LoadFailure(error))
            load = self._unpickler.load
            queue.position = ends[2 * k + 1]

    def _pickle_of(self, k: int) -> bytes:
        return bytes(self._data[self._ends[2 * k - 2] if k else 0 : self._ends[2 * k]])

    def _refers_to_lost(self, k: int) -> bool:
        from lithops.worker.salvage import fetches

        return fetches(self._pickle_of(k), self._lost)

    def _give_up(self, k: int, *, tried: bool) -> None:
        """Go on behind item `k`, with the memo that the next pickle expects."""
        from lithops.worker.salvage import lost_entries, unpickler_with  # a rare need, 10 ms to import

        while self._counted < k:
            self._entries += lost_entries(self._pickle_of(self._counted), 0, 0)[0]
            self._counted += 1
        memo: dict[int, object] = dict(self._unpickler.memo.copy())
        count, lost = lost_entries(self._pickle_of(k), self._entries, len(memo) - self._entries if tried else 0)
        self._entries, self._counted = self._entries + count, k + 1
        memo.update(dict.fromkeys(lost))
        self._lost |= lost
        self.failed = True
        self._unpickler = unpickler_with(memo, bytes(self._data[self._ends[2 * k] :]), self._queue)


def decode_items(block: Block) -> list[object]:
    """Return all items of a block."""
    reader = ItemReader(block.payload.body, block.payload.buffers)
    reader.read(block.count)
    return reader.items


class _Rewindable:
    """The buffers of a body, in order, from any position."""

    def __init__(self, buffers: Sequence[memoryview]) -> None:
        self._buffers = buffers
        self.position = 0

    def __iter__(self) -> _Rewindable:
        return self

    def __next__(self) -> memoryview:
        if self.position >= len(self._buffers):
            raise StopIteration
        self.position += 1
        return self._buffers[self.position - 1]


class LoadFailure:
    """Stands for an item that could not be loaded."""

    __slots__ = ("error",)

    def __init__(self, error: BaseException) -> None:
        self.error = error


_ONE_CALL = struct.Struct("<dd2f2Q")
Buffer = bytes | bytearray | memoryview
Columns = tuple[Sequence[float], Sequence[float], Sequence[float], Sequence[float], Sequence[int], Sequence[int]]


def encode_columns(times: list[float], cpu: list[float], memory: list[int]) -> bytes:
    """Pack what was measured of n calls: begin and end, user and system CPU, peak and growth, two numbers a call."""
    if len(times) == 2:
        return _ONE_CALL.pack(*times, *cpu, *memory)
    return array("d", times).tobytes() + array("f", cpu).tobytes() + array("Q", memory).tobytes()


def decode_columns(data: bytes, count: int) -> Columns:
    """Return the six columns of `count` calls. Raises `ValueError` or `struct.error` if there are not so many."""
    if count == 1:
        begin, end, user, system, peak, grown = _ONE_CALL.unpack(data)
        return (begin,), (end,), (user,), (system,), (peak,), (grown,)
    split = 16 * count
    if len(data) != _ONE_CALL.size * count:
        raise ValueError(f"{len(data)} bytes are not the columns of {count} calls")
    times, cpu, memory = array("d", data[:split]), array("f", data[split : split + 8 * count]), array("Q")
    memory.frombytes(data[split + 8 * count :])
    return times[0::2], times[1::2], cpu[0::2], cpu[1::2], memory[0::2], memory[1::2]


def encode_report(
    states: bytes | bytearray, columns: bytes, entries: list[object], logs: list[LogSlice]
) -> tuple[bytes, int]:
    """Lay out what a worker says of calls; returns the bytes and how many of them tell of logs."""
    told = pickle.dumps(logs, 5) if logs else b""
    return b"".join((states, columns, told, pickle.dumps(entries, 5))), len(told)


def decode_report(body: Buffer, count: int, logs_size: int) -> tuple[bytes, Columns, list[LogSlice], bytes]:
    """Return states, columns and logs of `count` calls, and the results as `decode_results` takes them."""
    split = count + _ONE_CALL.size * count
    behind = split + logs_size
    logs: list[LogSlice] = pickle.loads(body[split:behind]) if logs_size else []
    return bytes(body[:count]), decode_columns(bytes(body[count:split]), count), logs, bytes(body[behind:])


def report_of_unrun(
    part: CallRange, state: CallState, failure: object = None, *, activation_id: str = "", final: bool = False
) -> Report:
    """Return a report that ends calls which no worker reported, all of them with the same `failure`."""
    n, now = part.count, time.time()
    return Report(
        activation_id=activation_id,
        first=part.first,
        count=n,
        attempt=part.attempt,
        states=bytes((state,)) * n,
        results=encode_results([failure] * n),
        started=array("d", (now,)) * n,
        ended=array("d", (now,)) * n,
        cpu_user=array("f", (0.0,)) * n,
        cpu_system=array("f", (0.0,)) * n,
        peak_kb=array("I", (0,)) * n,
        grown_kb=array("I", (0,)) * n,
        final=final,
    )


def encode_results(entries: list[object], buffers: Iterable[memoryview] = ()) -> Payload:
    """Encode results: atoms as they are, everything else as `Pickled` or `Failure`."""
    return Payload(body=pickle.dumps(entries, 5), buffers=tuple(buffers))


def decode_results(payload: Payload) -> list[object]:
    """Return the entries, each `Pickled` one with its buffers at hand."""
    entries: list[object] = pickle.loads(payload.body)
    if payload.buffers:
        for entry in entries:
            if type(entry) is Pickled:
                entry.buffers = payload.buffers[entry.first : entry.last]
    return entries
