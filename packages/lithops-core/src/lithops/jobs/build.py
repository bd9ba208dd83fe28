"""From what a user submits to a job: bound to the signature, pickled, in a table."""

from __future__ import annotations

import os
import reprlib
import time
from collections.abc import Callable, Hashable, Iterable, Mapping
from functools import partial
from types import FunctionType
from typing import TYPE_CHECKING, Any

from lithops.errors import BadCallError
from lithops.jobs.binding import Binder, as_items
from lithops.jobs.capture import by_value
from lithops.jobs.culprit import unpicklable
from lithops.jobs.function_cache import FunctionCache
from lithops.jobs.inputs import GrowingInputs, Inputs, encode, encode_some
from lithops.jobs.job import Job, JobFacts
from lithops.jobs.signature import function_name
from lithops.jobs.table import JobTable
from lithops.records import record
from lithops.types import Block, Lane, Payload, Pump
from lithops.worker import codec
from lithops.worker.plan import CallPlan

if TYPE_CHECKING:
    from collections.abc import MutableMapping
    from contextlib import AbstractContextManager

    from lithops.jobs.packing import PackedCalls
    from lithops.jobs.retry import RetryPolicy
    from lithops.jobs.shelf import Shelf
    from lithops.remote.payloads import Place

_ONE_ATOM = "called with one number or text, which fills its parameter"
_PARTITION = "obj"  # reserved for parts of stored objects, so that programs keep their meaning when these come


@record
class JobOptions:
    """What a user may say of one job."""

    extra_args: tuple[object, ...] | dict[str, Any] | None = None
    extra_env: Mapping[str, str] | None = None
    timeout_s: float
    retry: RetryPolicy
    chunksize: int | None
    include_modules: Iterable[str] | None = ()
    exclude_modules: Iterable[str] = ()
    is_map: bool = False
    shelf: Shelf | None = None


class JobBuilder:
    """Makes the jobs of one executor."""

    def __init__(
        self,
        *,
        executor_id: str,
        backend: str,
        runtime_name: str,
        runtime_memory: int | None,
        pump: Pump | None,
        storage: Callable[[], object],
        parallel: int | None,
        lane: Lane = Lane.STREAM,
        put_inputs: Callable[[str, list[Payload]], list[Place]] | None = None,
    ) -> None:
        """`put_inputs` puts inputs of a job into a store that workers reach, if there is one."""
        self._put_inputs = put_inputs
        self._executor_id = executor_id
        self._backend = backend
        self._runtime_name = runtime_name
        self._runtime_memory = runtime_memory
        self._pump = pump
        self._storage = storage
        self._parallel = parallel
        self._lane = lane
        self._cache = FunctionCache()

    def from_items(self, job_id: str, function: Callable[..., object], data: object, options: JobOptions) -> Job:
        """Make a job of one call per item of `data`, as `as_items` sees it, or of the one item if it is no map.

        Raises `BadCallError` that names the parameter or the item that does not fit or cannot be pickled.
        """
        created, start = time.time(), time.perf_counter()
        one_atom = not options.is_map and type(data) in codec.ATOMS and not options.extra_args and not options.extra_env
        if one_atom and (known := self._known(function, options)) is not None:
            source = Inputs(known, [Block(first=0, count=1, payload=codec.encode_atoms([data]))])
            serialize_s = time.perf_counter() - start
            return self._job(job_id, function_name(function), source, 1, options, created, serialize_s)
        binder = self._binder(function, options)
        items, length = as_items(data) if options.is_map else (iter((data,)), 1)

        def explain(index: int, item: object, error: Exception) -> BadCallError:
            where = f"the data of item {index}" if options.is_map else "the data"
            return unpicklable(f"{where} of {function_name(function)!r} ({reprlib.repr(item)})", item, error)

        def capturing() -> AbstractContextManager[None]:
            return by_value(options.include_modules, options.exclude_modules)

        shared: tuple[memoryview, ...] = ()
        places: MutableMapping[int, Place] | None = None
        if self._lane is Lane.STREAM:
            blocks, shared = encode(
                items,
                whole=length is not None,
                check=binder.check_all,
                explain=explain,
                capturing=capturing,
                shelf=options.shelf,
            )
        else:
            put = None if self._put_inputs is None else partial(self._put_inputs, f"{self._executor_id}-{job_id}")
            blocks, places = encode_some(items, put, check=binder.check_all, explain=explain, capturing=capturing)
        plain = one_atom and not binder.placement
        payload = self._payload(function, binder, options, key=_ONE_ATOM if plain else None)
        source = Inputs(payload, blocks, shared)
        serialize_s = time.perf_counter() - start
        job = self._job(job_id, function_name(function), source, source.calls, options, created, serialize_s)
        if places is not None:
            job.places = places
        return job

    def from_packed(self, job_id: str, packed: PackedCalls, options: JobOptions) -> Job:
        """Make a job of calls that are packed. Raises `BadCallError` if the function cannot be pickled."""
        created = time.time()
        payload = self._cache.serialize(
            packed.function,
            packed.plan,
            key=packed.key,
            include_modules=options.include_modules,
            exclude_modules=options.exclude_modules,
        )
        source = Inputs(payload, [packed.block])
        return self._job(job_id, packed.name, source, source.calls, options, created, 0.0)

    def growing(
        self, job_id: str, function: Callable[..., object], calls: int, options: JobOptions, sample: object = None
    ) -> Growing:
        """Make a job whose inputs come later, one by one. `sample` stands for them if it is known what they are like.

        Raises `BadCallError` if the function does not take the sample.
        """
        created = time.time()
        binder = self._binder(function, options)
        # The items are not known yet, so the reserved parameters are settled by one that stands for them.
        try:
            binder.check(sample)
        except BadCallError:
            if sample is not None:
                raise
            binder = self._binder(function, options)  # it may take several arguments: tuples may come
        source = GrowingInputs(self._payload(function, binder, options))
        job = self._job(job_id, function_name(function), source, calls, options, created, 0.0)
        return Growing(job, source, function, options, binder)

    def _binder(self, function: Callable[..., object], options: JobOptions) -> Binder:
        binder = Binder(function, options.extra_args)
        if (
            type(function) is FunctionType
            and _PARTITION in binder.parameter_names
            and not _fills(options.extra_args, _PARTITION)
        ):
            raise BadCallError(
                f"function {function_name(function)!r} has a parameter {_PARTITION!r}, which is reserved for partitions of "
                "stored objects; this version does not make them: rename the parameter"
            )
        return binder

    def _known(self, function: Callable[..., object], options: JobOptions) -> Payload | None:
        """Return the pickle of a function that was called with one argument before, so it need not be looked at."""
        return self._cache.find(
            function,
            key=_ONE_ATOM,
            include_modules=options.include_modules,
            exclude_modules=options.exclude_modules,
        )

    def _payload(
        self, function: Callable[..., object], binder: Binder, options: JobOptions, key: Hashable = None
    ) -> Payload:
        """Pickle the plan of a job. `key` stands for all that is said of it, if there is something shorter."""
        placement = binder.placement
        env = environment(options.extra_env) if options.extra_env else {}

        def plan() -> CallPlan:
            with_storage = any(name == "storage" for name, _ in placement)
            return CallPlan(
                function,
                extra_args=options.extra_args,
                placement=placement,
                env=env,
                storage=self._storage() if with_storage else None,
            )

        if key is None and not options.extra_args:
            key = placement, tuple(env.items())
        return self._cache.serialize(
            function,
            plan,
            key=key,
            include_modules=options.include_modules,
            exclude_modules=options.exclude_modules,
        )

    def _job(
        self,
        job_id: str,
        name: str,
        source: Inputs | GrowingInputs,
        calls: int,
        options: JobOptions,
        created: float,
        serialize_s: float,
    ) -> Job:
        facts = JobFacts(
            executor_id=self._executor_id,
            job_id=job_id,
            function_name=name,
            backend=self._backend,
            runtime_name=self._runtime_name,
            runtime_memory=self._runtime_memory,
            timeout_s=options.timeout_s,
            retry=options.retry,
            created=created,
            serialize_s=serialize_s,
            function_bytes=len(source.function.body),
            chunksize=options.chunksize,
            is_map=options.is_map,
            parallel=self._parallel,
            lane=self._lane,
        )
        return Job(facts, JobTable(calls, self._pump), source)


class Growing:
    """A job whose inputs are the results of another."""

    def __init__(
        self, job: Job, source: GrowingInputs, function: Callable[..., object], options: JobOptions, binder: Binder
    ) -> None:
        self.job = job
        self._binder = binder
        self._source = source
        self._function = function
        self._options = options

    def add(self, row: int, item: object) -> None:
        """Add the input of one call. Raises `BadCallError` if it does not fit or cannot be pickled."""
        (block,) = self.blocks(row, [item], "the result that goes to")
        self._source.add(block)

    def blocks(self, first: int, items: list[object], what: str = "the data of item {} of") -> list[Block]:
        """Return the inputs of the calls from `first` on, for a job that keeps them elsewhere.

        Raises `BadCallError` if one does not fit or cannot be pickled; `what` tells what it is.
        """

        def explain(index: int, bad: object, error: Exception) -> BadCallError:
            return unpicklable(f"{what.format(first + index)} {function_name(self._function)!r}", bad, error)

        options, binder = self._options, self._binder
        blocks, _ = encode(
            items,
            whole=len(items) == 1,
            check=binder.check_all if len(items) > 1 else lambda single: binder.check(single[0], first),
            explain=explain,
            capturing=lambda: by_value(options.include_modules, options.exclude_modules),
        )
        return [Block(first=first + block.first, count=block.count, payload=block.payload) for block in blocks]


def _fills(extra_args: object, name: str) -> bool:
    return isinstance(extra_args, dict) and name in extra_args


def environment(extra: object) -> dict[str, str]:
    """Check what becomes environment variables: a worker could only fail on what the system refuses."""
    if not isinstance(extra, Mapping):
        raise BadCallError(
            f"extra_env must be a dict of names and values, found {reprlib.repr(extra)} of type "
            f"{type(extra).__name__!r}"
        )
    return {_env_name(name): _env_value(name, value) for name, value in extra.items()}


def _env_name(name: object) -> str:
    if isinstance(name, str) and name and "=" not in name and _is_fit(name):
        return name
    raise BadCallError(f"extra_env has the name {name!r}; it must be text without '=' that the system can hold")


def _env_value(name: object, value: object) -> str:
    if isinstance(value, bool | int | float):
        return str(value)
    if not isinstance(value, str):
        raise BadCallError(
            f"extra_env[{name!r}] must be text, found {value!r} of type {type(value).__name__!r}; write it as text"
        )
    if not _is_fit(value):
        raise BadCallError(f"extra_env[{name!r}] is {value!r}, which the system cannot hold; encode it, e.g. as base64")
    return value


def _is_fit(text: str) -> bool:
    try:
        return b"\0" not in os.fsencode(text)
    except UnicodeEncodeError:
        return False
