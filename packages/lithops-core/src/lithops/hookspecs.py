"""THE CONTRACT: every hook a plugin can implement.

A compute or storage backend is a class whose methods carry `@lithops.hookimpl` and have the names below. It may
subclass the spec class, so that a type checker holds the signatures to it; that is optional and changes nothing at
run time. Class attributes complete a backend: `name` (its key), `Config` (a pydantic model, the import string
`"package.module:Model"` of one, which is only imported when there is something to validate, or `None`), where it
needs a newer contract than the first `api_version`, and where it shares settings with others of its vendor `provider`
(the section of the configuration that its own goes over). It is made without arguments and does no work before
`configure`.

A first-result hook is answered by the first plugin that does not return `None`; `None` means "not me", so such a hook
always returns a record. The other hooks are events: every plugin is called, and an exception in one is logged with
the plugin's name and stops nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    import click
    from pydantic import BaseModel

    from lithops.types import (
        Activation,
        ActivationState,
        BucketMeta,
        BucketRef,
        CancelReport,
        CancelRequest,
        CleanReport,
        CleanScope,
        CopyRequest,
        Cost,
        DeleteReport,
        DeleteRequest,
        ExecutorInfo,
        GetRequest,
        HttpRequest,
        HttpResponse,
        JobInfo,
        Limits,
        ListRequest,
        ObjectBody,
        ObjectListing,
        ObjectMeta,
        ObjectRef,
        Outcome,
        PresignedUrl,
        PresignRequest,
        Pump,
        PutRequest,
        Receipt,
        Report,
        RuntimeMeta,
        RuntimeRequest,
        Sink,
        Usage,
        WorkerPart,
    )

API_VERSION = 1
"""Raised when a plugin written for it could not run on an older core; plugins name the one they need."""

hookspec = pluggy.HookspecMarker("lithops")
hookimpl = pluggy.HookimplMarker("lithops")


class ComputeSpec:
    """What runs activations: a localhost, serverless or standalone backend."""

    @hookspec(firstresult=True)
    def limits(self, config: BaseModel | None) -> Limits:
        """Say what `invoke` may be handed. Called once per executor, before the first job; may ask the account."""
        raise NotImplementedError

    @hookspec(firstresult=True)
    def deploy_runtime(self, request: RuntimeRequest) -> RuntimeMeta:
        """Make sure that activations find their runtime, and say what it is. Before the first job; idempotent."""
        raise NotImplementedError

    @hookspec(firstresult=True)
    def invoke(self, activations: Sequence[Activation], sink: Sink) -> Sequence[Receipt]:
        """Start activations of one job, one runtime and one lane.

        Return once the platform or engine has taken them, never wait for work. Each start is told at once by
        `sink.accepted`. If this raises, activations that were not accepted are tried again for a `TransportError` that
        does not last, and their calls fail for any other. Never returns None: the receipts, in the order they were
        accepted.
        """
        raise NotImplementedError

    @hookspec(firstresult=True)
    def prepare(self, activation: Activation) -> HttpRequest:
        """Write the request that starts one activation, signed and ready to be sent.

        Serverless backends whose platform takes an activation per request implement this and `interpret` instead of
        `invoke`: connections, concurrency, deadlines and retries are the mode's. Called on one thread, right before
        the request is sent and again for each repetition; must not wait.
        """
        raise NotImplementedError

    @hookspec(firstresult=True)
    def interpret(self, activation: Activation, response: HttpResponse) -> Outcome:
        """Say what the answer to `prepare`'s request means, whatever its status. Must not wait.

        Where the lane of the activation is STORAGE, the platform need not answer before the worker has: ACCEPTED.
        """
        raise NotImplementedError

    @hookspec(firstresult=True)
    def poll(self, receipts: Sequence[Receipt]) -> Sequence[ActivationState]:
        """Say what the platform knows of activations whose answers are not waited for.

        Asked now and then, for as long as there is no report. One that has ended is GONE, however it ended: if its
        report does not come after all, it is lost. What the platform has not heard of is left out.
        """
        raise NotImplementedError

    @hookspec(firstresult=True)
    def cancel(self, request: CancelRequest) -> CancelReport:
        """Stop activations, or some of their calls, running ones included. What stops is reported as CANCELLED."""
        raise NotImplementedError

    @hookspec(firstresult=True)
    def price(self, usage: Usage) -> Cost:
        """Say what this costs, by prices that the configuration can replace, free tiers left out. Must not wait."""
        raise NotImplementedError

    @hookspec(firstresult=True)
    def pump(self) -> Pump:
        """Lend the backend waiting threads, so that they read its streams themselves. Stream backends only."""
        raise NotImplementedError

    @hookspec
    def clean(self, scope: CleanScope) -> CleanReport:
        """Remove what this plugin made. Every plugin is called, whether or not another one raises."""
        raise NotImplementedError

    @hookspec
    def close(self) -> None:
        """Let go of processes, connections and threads. Called once, when the executor closes."""
        raise NotImplementedError


class StorageSpec:
    """What keeps objects. Errors are those of `lithops.errors`, one for each situation, the vendor's chained."""

    @hookspec(firstresult=True)
    def put_object(self, request: PutRequest) -> ObjectMeta:
        """Write an object, whole or not at all; create its bucket where the store has no notion of creating one."""
        raise NotImplementedError

    @hookspec(firstresult=True)
    def put_if_absent(self, request: PutRequest) -> ObjectMeta:
        """Write an object that must not exist yet, else raise `PreconditionFailed`. Of many writers one wins."""
        raise NotImplementedError

    @hookspec(firstresult=True)
    def get_object(self, request: GetRequest) -> ObjectBody:
        """Open an object, or a range of it cut to the object, even to nothing; `ObjectNotFound` if it is not there."""
        raise NotImplementedError

    @hookspec(firstresult=True)
    def head_object(self, request: ObjectRef) -> ObjectMeta:
        """Describe an object; `ObjectNotFound` if it is not there."""
        raise NotImplementedError

    @hookspec(firstresult=True)
    def list_objects(self, request: ListRequest) -> ObjectListing:
        """List objects in the byte order of their keys, however many there are; `BucketNotFound` if there is none."""
        raise NotImplementedError

    @hookspec(firstresult=True)
    def delete_objects(self, request: DeleteRequest) -> DeleteReport:
        """Delete objects; idempotent."""
        raise NotImplementedError

    @hookspec(firstresult=True)
    def copy_object(self, request: CopyRequest) -> ObjectMeta:
        """Copy an object inside the store, without the bytes passing through this machine where the store can."""
        raise NotImplementedError

    @hookspec(firstresult=True)
    def create_bucket(self, request: BucketRef) -> BucketMeta:
        """Make a bucket; one that is already ours is success."""
        raise NotImplementedError

    @hookspec(firstresult=True)
    def head_bucket(self, request: BucketRef) -> BucketMeta:
        """Describe a bucket; `BucketNotFound` if there is none."""
        raise NotImplementedError

    @hookspec(firstresult=True)
    def worker_part(self) -> WorkerPart:
        """Say what opens the same store in a worker. Cheap: no SDK need be imported for it."""
        raise NotImplementedError

    @hookspec(firstresult=True)
    def presign(self, request: PresignRequest) -> PresignedUrl:
        """Make a URL that carries permission for one object. Absent where the store has no such thing."""
        raise NotImplementedError


class EventSpec:
    """What any plugin may listen to, cross-cutting ones above all."""

    @hookspec
    def configure(self, config: BaseModel | None, executor: ExecutorInfo) -> None:
        """Take the validated section of this plugin. Called once per executor, before any other hook.

        The one event that is not broadcast: each plugin gets its own section, and what it raises stops the executor.
        """
        raise NotImplementedError

    @hookspec
    def wrap_sink(self, sink: Sink) -> Sink | None:
        """Stand between backend and core: return a sink that passes on to `sink`, or None. Called once per executor.

        This is where the life of calls can be seen or changed (tracing, cost, fault injection); an `invoke` wrapper
        sees the start only.
        """
        raise NotImplementedError

    @hookspec
    def job_started(self, job: JobInfo) -> None:
        """A job was submitted; on the submitting thread."""
        raise NotImplementedError

    @hookspec
    def calls_finished(self, job: JobInfo, reports: Sequence[Report]) -> None:
        """Reports arrived for calls of a job; on the thread that reads them, so be quick."""
        raise NotImplementedError

    @hookspec
    def job_finished(self, job: JobInfo) -> None:
        """Every call of a job has ended, however; once per job."""
        raise NotImplementedError

    @hookspec
    def cli_commands(self) -> Sequence[click.Command]:
        """Add commands to `lithops`. Called when commands are listed, or an unknown one is named."""
        raise NotImplementedError


SPECS: tuple[type, ...] = (ComputeSpec, StorageSpec, EventSpec)
