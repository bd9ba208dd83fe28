"""The frozen records that cross the contract between the core, its plugins and its workers.

Nothing here needs more than the standard library, so that a worker can load it in an empty environment. Columns of a
`Report` are sequences with one entry per call; times are seconds, memory is KiB, durations come from the worker's
monotonic clock and stamps from its wall clock. One module of more than 400 lines, because plugins import the contract's
records from it by one name.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Any, Protocol

from lithops.records import field, record

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from lithops.exchanges import Fate as Fate
    from lithops.exchanges import HttpRequest as HttpRequest
    from lithops.exchanges import HttpResponse as HttpResponse
    from lithops.exchanges import Outcome as Outcome
    from lithops.objects import BucketMeta as BucketMeta
    from lithops.objects import BucketRef as BucketRef
    from lithops.objects import ByteRange as ByteRange
    from lithops.objects import CopyRequest as CopyRequest
    from lithops.objects import DeleteReport as DeleteReport
    from lithops.objects import DeleteRequest as DeleteRequest
    from lithops.objects import GetRequest as GetRequest
    from lithops.objects import ListRequest as ListRequest
    from lithops.objects import ObjectBody as ObjectBody
    from lithops.objects import ObjectListing as ObjectListing
    from lithops.objects import ObjectMeta as ObjectMeta
    from lithops.objects import ObjectRef as ObjectRef
    from lithops.objects import PresignedUrl as PresignedUrl
    from lithops.objects import PresignRequest as PresignRequest
    from lithops.objects import PutRequest as PutRequest
    from lithops.objects import Readable as Readable
    from lithops.objects import ReadableStream as ReadableStream
    from lithops.objects import WorkerPart as WorkerPart


class Lane(enum.StrEnum):
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


class Cause(enum.StrEnum):
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

    @property
    def nbytes(self) -> int:
        """Size of the pickle and its buffers."""
        return len(self.body) + sum([buffer.nbytes for buffer in self.buffers])


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
        """Buffers of which a worker gets each once, though they stand in several blocks, perhaps of several jobs."""

    def block_of(self, call: int) -> Block:
        """Return the block that holds the input of `call`."""


@record
class Limits:
    """What a backend may be handed. `None` means unbounded, 0 means not at all."""

    calls_per_activation: int | None = 1
    """None: a stream; the pool behind it splits the job itself."""
    activations_per_request: int = 1
    """More than 1: arrays. `invoke` is handed at most so many at once, which share one request (`payload`) and differ in
    their `index`; their inputs travel by reference."""
    in_flight: int | None = None
    """Activations that may be open at once."""
    parallel_calls: int | None = None
    """Calls that can run at the same time, if that is known; shown to the user, not enforced."""
    requests_per_s: float | None = None
    request_bytes: int = 0
    """Largest input inside a request; 0: inputs travel by reference only."""
    response_bytes: int = 0
    """Largest result inside a response; 0: there is no response lane."""
    queued_bytes: int | None = None
    """Largest input inside a request whose answer is not waited for; None: as `request_bytes`."""
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
    ordered: float = 0.0
    """`time.monotonic()` of the driver when the core made it; 0 for streams."""
    source: CallSource | None = None
    """Stream lane only: function and inputs, taken from when they are sent."""
    payload: Callable[[], bytes] | None = None
    """Other lanes: renders the request when it is sent, not when it is queued."""
    payload_bytes: int = 0
    chunksize: int | None = None
    """Stream lane: calls handed to a worker at once; None: adapted to what calls take."""
    index: int = 0
    """Position among the activations that `invoke` was handed together; by it a worker of an array finds its part."""
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
    """That of the range in the activation; a report that says otherwise is refused."""
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
    """Drives a backend's streams on a thread that has to wait anyway: a hand-over between threads costs more."""

    def run_until(self, ready: Callable[[], bool], deadline: float) -> None:
        """Read streams on this thread until `ready()` or `time.monotonic() >= deadline`.

        Returns at once, with nothing done, if another thread reads them.
        """

    def wake(self) -> None:
        """Have the thread in `run_until` look at its `ready()` again."""

    def attend(self) -> None:
        """Have the streams read without delay: nobody is going to call `run_until` for what comes next."""


class Phase(enum.StrEnum):
    """What a platform knows of an activation."""

    QUEUED = "queued"
    RUNNING = "running"
    GONE = "gone"


@record
class ActivationState:
    """What has become of an activation, as its platform tells."""

    activation_id: str
    phase: Phase
    cause: Cause = Cause.UNREACHABLE
    """GONE: what took it down, if there is no report of it."""
    detail: str = ""


@record
class CancelRequest:
    """Stop activations, or only some of their calls."""

    receipts: tuple[Receipt, ...]
    ranges: tuple[CallRange, ...] = ()
    """Empty: all calls of the receipts."""

    def covers(self, ranges: Sequence[CallRange]) -> bool:
        """Whether all these calls are to be stopped."""
        return not self.ranges or all(
            any(mine.first <= part.first and part.first + part.count <= mine.first + mine.count for mine in self.ranges)
            for part in ranges
        )


@record
class CancelReport:
    """How many activations the request reached; what becomes of their calls arrives through the sink."""

    stopped: int


@record
class Usage:
    """What was used of a platform, or will be, as far as it costs something."""

    activations: int = 0
    billed_ms: int = 0
    """Of all activations together."""
    memory_mb: int = 0
    """Of one activation; 0 if that is not what is paid for."""

    @property
    def gb_s(self) -> float:
        """Gigabytes of memory times seconds."""
        return self.billed_ms / 1000 * self.memory_mb / 1024


@record
class Cost:
    """What a `Usage` costs."""

    amount: float
    currency: str
    as_of: str
    """The date of the prices, as in `2026-11-30`: they change."""
    parts: Mapping[str, float] = field(default_factory=dict)
    """The amount by what it is for."""


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
class RuntimeRequest:
    """What activations will need where they run, beside the core and what the backend itself brings."""

    packages: tuple[str, ...] = ()
    """Top-level packages to bundle, as `lithops.bundle.contents.collect` takes them."""
    requirements: tuple[str, ...] = ()
    """What is to be installed."""


@record
class RuntimeMeta:
    """What an activation will find where it runs."""

    python: tuple[int, int]
    description: str
    shares_files: bool = False
    """It runs on the driver's machine and sees the files of the driver's user."""


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


Json = dict[str, Any]
"""A JSON object whose shape its producer documents."""


_HTTP = frozenset({"Fate", "HttpRequest", "HttpResponse", "Outcome"})


def __getattr__(name: str) -> object:
    """Load the records of storage hooks and of HTTP hooks when one of them is touched: most programs use none."""
    if name.startswith("_"):
        raise AttributeError(f"module 'lithops.types' has no attribute {name!r}")
    if name in _HTTP:
        from lithops import exchanges as home
    else:
        from lithops import objects as home  # type: ignore[no-redef]

    if not hasattr(home, name):
        raise AttributeError(f"module 'lithops.types' has no attribute {name!r}")
    value: object = getattr(home, name)
    globals()[name] = value
    return value
