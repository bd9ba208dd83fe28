"""The frozen records that cross the contract between the core, its plugins and its workers.

Nothing here imports anything of the project, so that a worker can load it in an empty environment. Columns of a
`Report` are sequences with one entry per call; times are seconds, memory is KiB, durations come from the worker's
monotonic clock and stamps from its wall clock.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar, dataclass_transform

_Class = TypeVar("_Class", bound=type)


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(field,))
def record(cls: _Class) -> _Class:
    """Make a class a frozen, keyword-only record.

    That it is frozen is for type checkers to hold: enforced at run time it would double the cost of making one, and a
    call that does nothing makes eight.
    """
    made: _Class = dataclass(kw_only=True, slots=True, unsafe_hash=True)(cls)  # type: ignore[call-overload]
    return made


class Lane(str, enum.Enum):
    """How the input and output of an activation travel."""

    STREAM = "stream"
    RESPONSE = "response"
    STORAGE = "storage"
    PUSH = "push"


class CallState(enum.IntEnum):
    """The state of one call; everything from `DONE` on is final for its attempt.

    `LOST` is only ever reported, never kept: the core turns it into another attempt or into an error.
    """

    NEW = 0
    SENT = 1
    DONE = 2
    ERROR = 3
    CANCELLED = 4
    LOST = 5


class Cause(str, enum.Enum):
    """Why an activation or a call was lost or ended without an answer of its own."""

    CRASHED = "crashed"
    MEMORY = "memory"
    TIMEOUT = "timeout"
    KILLED = "killed"
    PREEMPTED = "preempted"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    FORGED = "forged"
    FORGOTTEN = "forgotten"


@record
class Payload:
    """A pickle (protocol 5) and the large buffers that were kept out of it, in the order the pickle names them.

    One buffer object may stand in several payloads of a job: it is then sent to each worker once.
    """

    body: bytes | memoryview
    buffers: tuple[memoryview, ...] = ()


@record
class Block:
    """The inputs of the calls `first .. first + count - 1`, encoded for a worker by `lithops.worker.codec`."""

    first: int
    count: int
    payload: Payload


class CallSource(Protocol):
    """Where a stream backend takes the function and the inputs of a job from."""

    @property
    def function(self) -> Payload:
        """The pickled `lithops.worker.plan.CallPlan` of the job."""

    @property
    def shared(self) -> tuple[memoryview, ...]:
        """Buffers that stand in more than one block; a worker gets each of them once."""

    def block_of(self, call: int) -> Block:
        """Return the block that holds the input of `call`."""


@record
class Limits:
    """What a backend may be handed. `None` means unbounded, 0 means not at all."""

    calls_per_activation: int | None = 1
    """None: a stream; the pool behind it splits the job itself."""
    activations_per_request: int = 1
    in_flight: int | None = None
    """Activations that may be open at once."""
    requests_per_s: float | None = None
    request_bytes: int = 0
    """Largest input inside a request; 0: inputs travel by reference only."""
    response_bytes: int = 0
    """Largest result inside a response; 0: there is no response lane."""
    longest_s: float | None = None
    platform_retries: bool = False
    """The platform repeats failed activations by itself."""


@record
class CallRange:
    """The calls `first .. first + count - 1` of a job, all at their `attempt`-th try (from 1)."""

    first: int
    count: int
    attempt: int = 1


@record
class Activation:
    """One run of a worker, as the core orders it from a backend."""

    activation_id: str
    """Made by the core; unique over retries and backups, so it serves as an idempotency token."""
    job_key: str
    ranges: tuple[CallRange, ...]
    lane: Lane
    timeout_s: float
    """What one call may take."""
    deadline: float
    """`time.monotonic()` of the driver by which the activation must have ended; infinite for streams."""
    source: CallSource | None = None
    """Stream lane only: function and inputs, taken from when they are sent."""
    payload: Callable[[], bytes] | None = None
    """Other lanes: renders the request when it is sent, not when it is queued."""
    payload_bytes: int = 0
    chunksize: int | None = None
    """Stream lane: calls handed to a worker at once; None: adapted to what calls take."""
    index: int = 0
    """Position in an array request."""
    backup_of: str | None = None


@record
class Receipt:
    """What the platform calls the activations it has taken; an array of activations is one receipt."""

    activation_ids: tuple[str, ...]
    backend_ref: str
    """JSON-able; written to the journal of durable jobs."""
    index_base: int = 0


@record
class LogSlice:
    """What one call wrote to its standard streams."""

    call: int
    tail: str
    """The last of it, decoded with replacement characters."""
    path: str | None = None
    """A file on the driver's machine that holds all of it, from byte `start` to byte `end`."""
    start: int = 0
    end: int = 0


@record
class Report:
    """What a worker says about the contiguous calls it ran. A partial report simply covers fewer calls."""

    activation_id: str
    first: int
    count: int
    attempt: int
    states: bytes
    """One `CallState` per call: DONE, ERROR, CANCELLED or LOST."""
    results: Payload
    """Encoded by `lithops.worker.codec.encode_results`: a value, or a `Failure` for what is not DONE."""
    started: Sequence[float]
    """Wall-clock stamps."""
    ended: Sequence[float]
    cpu_user: Sequence[float]
    cpu_system: Sequence[float]
    peak_kb: Sequence[int]
    """High-water mark of the worker's resident memory when the call ended."""
    grown_kb: Sequence[int]
    """By how much the call raised that mark."""
    worker: str = ""
    """Host-unique name of the worker, for timelines."""
    logs: Sequence[LogSlice] = ()
    """Only of calls that wrote something."""
    final: bool = False
    """Nothing more comes from this activation."""
    billed_ms: int | None = None


class Sink(Protocol):
    """Where a backend says what becomes of activations. Thread-safe, idempotent; never blocks, never raises."""

    def accepted(self, receipt: Receipt) -> None:
        """The platform has taken these activations; they must not be started again."""

    def started(self, activation_ids: Sequence[str], at: float) -> None:
        """Workers of these activations have begun, at wall-clock `at`."""

    def reported(self, reports: Sequence[Report]) -> None:
        """Calls have ended. The first report of a call wins; later ones are dropped."""

    def lost(self, activation_id: str, cause: Cause, detail: str, not_begun: Sequence[CallRange]) -> None:
        """An activation died. `not_begun` goes back without an attempt charged; the rest of it is charged one."""

    def throttled(self, activation_ids: Sequence[str], retry_after_s: float | None) -> None:
        """The platform asks to come back later; no attempt is charged."""

    def refused(self, activation_ids: Sequence[str], error: Exception) -> None:
        """The platform will not run these activations; their calls fail with `error`."""


class Pump(Protocol):
    """Drives a backend's streams on a thread that has to wait anyway: handing over between threads costs more than a call."""

    def run_until(self, ready: Callable[[], bool], deadline: float) -> None:
        """Read streams on this thread until `ready()` or `time.monotonic() >= deadline`.

        Returns at once, with nothing done, if another thread reads them.
        """

    def wake(self) -> None:
        """Have the thread in `run_until` look at its `ready()` again."""


@record
class CancelRequest:
    """Stop activations, or only some of their calls."""

    receipts: tuple[Receipt, ...]
    ranges: tuple[CallRange, ...] = ()
    """Empty: all calls of the receipts."""


@record
class CancelReport:
    """How many activations the request reached; what becomes of their calls arrives through the sink."""

    stopped: int


@record
class CleanScope:
    """What `clean` may remove."""

    job_keys: tuple[str, ...] = ()
    """Empty: everything that this user's drivers left behind."""
    everything: bool = False
    """Also what is kept for the next run (runtimes, networks)."""


@record
class CleanReport:
    """What a plugin removed, in words a user can read."""

    removed: tuple[str, ...] = ()


@record
class RuntimeMeta:
    """What an activation will find where it runs."""

    python: tuple[int, int]
    description: str


@record
class ExecutorInfo:
    """Who a plugin works for; handed to `configure`."""

    executor_id: str
    mode: str
    backend: str
    storage: str
    state_dir: str
    """Private folder (0700) of this user's state on this machine."""
    stream_logs: bool = False
    """Echo what calls print on the driver's standard streams as it comes."""


@record
class JobInfo:
    """A job, as events tell of it."""

    job_key: str
    function_name: str
    calls: int
    submitted: float


# --- storage


@record
class ByteRange:
    """Bytes `start .. end` of an object, both included, as in HTTP; `end=None` runs to the last byte.

    A negative `start` with `end=None` means the last `-start` bytes.
    """

    start: int
    end: int | None = None


@record
class ObjectMeta:
    """What a store knows of an object."""

    bucket: str
    key: str
    size_bytes: int
    etag: str
    """Changes whenever the content does; opaque."""
    modified: float
    """Wall-clock stamp."""
    metadata: Mapping[str, str] = field(default_factory=dict)


class Readable(Protocol):
    """Anything with `read(size)` that returns bytes."""

    def read(self, size: int = -1, /) -> bytes:
        """Return up to `size` bytes, all that is left if negative."""


@record
class PutRequest:
    """Write an object, whole or not at all."""

    bucket: str
    key: str
    body: bytes | memoryview | Readable
    metadata: Mapping[str, str] = field(default_factory=dict)
    if_match: str | None = None
    """Only replace an object that has this etag, else `PreconditionFailed`."""


@record
class GetRequest:
    """Read an object or a part of it."""

    bucket: str
    key: str
    range: ByteRange | None = None
    if_match: str | None = None


@record
class ObjectBody:
    """An object on its way in: `stream` must be closed by whoever asked for it."""

    meta: ObjectMeta
    stream: ReadableStream


class ReadableStream(Readable, Protocol):
    """A `Readable` that holds a resource."""

    def close(self) -> None:
        """Release what the stream holds; idempotent."""


@record
class ObjectRef:
    """The name of an object."""

    bucket: str
    key: str


@record
class ListRequest:
    """List the objects whose key begins with `prefix`, in the byte order of their keys."""

    bucket: str
    prefix: str = ""
    start_after: str = ""
    """Only keys after this one."""


@record
class ObjectListing:
    """Objects of a bucket; `objects` may fetch pages as it is read."""

    objects: Iterator[ObjectMeta]


@record
class DeleteRequest:
    """Delete objects; a key that does not exist counts as deleted."""

    bucket: str
    keys: tuple[str, ...]


@record
class DeleteReport:
    """How many keys are gone now."""

    deleted: int


@record
class CopyRequest:
    """Copy an object inside one store."""

    source: ObjectRef
    target: ObjectRef


@record
class BucketRef:
    """The name of a bucket."""

    bucket: str


@record
class BucketMeta:
    """What a store says of a bucket that exists."""

    bucket: str
    created: bool = False
    """Made by this very request."""


@record
class PresignRequest:
    """Make a URL with which anybody may get or put one object for a while."""

    bucket: str
    key: str
    method: str = "GET"
    valid_s: float = 3600.0


@record
class PresignedUrl:
    """A URL that carries its own permission; as secret as a password until it expires."""

    url: str = field(repr=False)
    expires: float


Json = dict[str, Any]
"""A JSON object whose shape its producer documents."""
