"""The one typed face of pluggy: an executor calls its plugins through a `Plugins` and through nothing else."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING, Any, TypeVar

import pluggy

from lithops import types
from lithops.errors import LithopsError, PluginError
from lithops.hookspecs import SPECS
from lithops.plugins.checks import HookManager, check_plugin

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import click
    from pydantic import BaseModel

    from lithops.plugins.discovery import PluginInfo

logger = logging.getLogger(__name__)

T = TypeVar("T")


class Plugins:
    """The plugins of one executor: at most one compute, storage and monitor object each, and all cross-cutting ones.

    Methods have the names of the hooks in `lithops.hookspecs`. One that is answered by the first plugin raises
    `PluginError` if nobody answers; events are collected plugin by plugin and an exception in one is logged with the
    plugin's name. `origins` lets messages say which distribution a plugin came from.
    """

    def __init__(
        self,
        compute: object | None,
        storage: object | None = None,
        monitor: object | None = None,
        others: Sequence[object] = (),
        *,
        origins: Mapping[object, PluginInfo] | None = None,
    ) -> None:
        self.compute = compute
        self.storage = storage
        self.monitor = monitor
        self._closed = False
        self._manager = HookManager()
        for spec in SPECS:
            self._manager.add_hookspecs(spec)
        self._traced = os.environ.get("LITHOPS_TRACE_PLUGINS", "0") not in ("", "0")
        if self._traced:
            self._manager.add_hookcall_monitoring(_trace_call, _trace_outcome)
        for family, plugin in (("compute", compute), ("storage", storage), ("monitor", monitor)):
            if plugin is not None:
                self._register(plugin, family, (origins or {}).get(plugin))
        self.others = tuple(other for other in others if self._may_join(other, (origins or {}).get(other)))
        self._look_up()

    def add_mode(self, mode: object) -> None:
        """Take in the mode's own plugin, which answers what the backend leaves to it."""
        self._register(mode, "", None)
        self._look_up()

    def _look_up(self) -> None:
        """Find once what happens for every call."""
        self._invoke, self._prepare, self._interpret = map(self._direct, ("invoke", "prepare", "interpret"))
        self._hears = {name: self._listeners(name) for name in ("job_started", "calls_finished", "job_finished")}
        self.hears_jobs = any(self._hears.values())
        """Whether a plugin listens to what happens to jobs; if none does, nobody need tell."""

    # --- compute

    @property
    def can_cancel(self) -> bool:
        """Whether running activations can be stopped."""
        return self._implemented("cancel")

    @property
    def can_poll(self) -> bool:
        """Whether the platform tells what has become of activations."""
        return self._implemented("poll")

    def limits(self, config: BaseModel | None) -> types.Limits:
        """Return what `invoke` may be handed."""
        return self._first("limits", types.Limits, config=config)

    def deploy_runtime(self, request: types.RuntimeRequest) -> types.RuntimeMeta:
        """Make sure that activations find their runtime."""
        return self._first("deploy_runtime", types.RuntimeMeta, request=request)

    def invoke(self, activations: Sequence[types.Activation], sink: types.Sink) -> Sequence[types.Receipt]:
        """Hand activations to the backend; returns once it has taken them."""
        receipts: Sequence[types.Receipt] | None = self._invoke(activations=activations, sink=sink)
        if receipts is None:
            raise self._unanswered("invoke", None, "a sequence of Receipt")
        return receipts

    def prepare(self, activation: types.Activation) -> types.HttpRequest:
        """Write the request that starts an activation."""
        request = self._prepare(activation=activation)
        if type(request) is types.HttpRequest:
            return request
        raise self._unanswered("prepare", request, "HttpRequest")

    def interpret(self, activation: types.Activation, response: types.HttpResponse) -> types.Outcome:
        """Say what the answer to that request means."""
        outcome = self._interpret(activation=activation, response=response)
        if type(outcome) is types.Outcome:
            return outcome
        raise self._unanswered("interpret", outcome, "Outcome")

    def poll(self, receipts: Sequence[types.Receipt]) -> Sequence[types.ActivationState]:
        """Say what the platform knows of activations; only if `can_poll`."""
        states: Sequence[types.ActivationState] | None = self._manager.hook.poll(receipts=receipts)
        if states is None:
            raise self._unanswered("poll", None, "a sequence of ActivationState")
        return states

    def cancel(self, request: types.CancelRequest) -> types.CancelReport:
        """Stop activations or some of their calls; only if `can_cancel`."""
        return self._first("cancel", types.CancelReport, request=request)

    def price(self, usage: types.Usage) -> types.Cost | None:
        """Say what this costs, None if nobody knows."""
        return self._first("price", types.Cost, usage=usage) if self._implemented("price") else None

    def pump(self) -> types.Pump | None:
        """Return what lets a waiting thread read the backend's streams, None if the backend has no streams."""
        if not self._implemented("pump"):
            return None
        pump: types.Pump | None = self._manager.hook.pump()
        if pump is None:
            raise self._unanswered("pump", None, "Pump")
        return pump

    # --- every plugin

    def configure(
        self,
        executor: types.ExecutorInfo,
        *,
        compute: BaseModel | None = None,
        storage: BaseModel | None = None,
        monitor: BaseModel | None = None,
        others: Mapping[object, BaseModel | None] | None = None,
    ) -> None:
        """Hand each plugin its own section; what one raises stops the executor.

        `others` maps the objects in `self.others` to their sections. Raises the plugin's own `LithopsError`, and
        `PluginError` naming the plugin for anything else.
        """
        sections = {self.compute: compute, self.storage: storage, self.monitor: monitor, **(others or {})}
        for plugin, label, hook in self._listeners("configure"):
            try:
                hook(config=sections.get(plugin), executor=executor)
            except LithopsError:
                raise
            except Exception as error:
                raise PluginError(
                    f"{label} failed in its hook 'configure': {type(error).__name__}: {error}; "
                    f"check its section of the configuration"
                ) from error

    def clean(self, scope: types.CleanScope) -> list[tuple[str, types.CleanReport | str]]:
        """Let every plugin remove what it made; returns each plugin's report, or the text of its error."""
        outcome: list[tuple[str, types.CleanReport | str]] = []
        for _, label, hook in self._listeners("clean"):
            try:
                answers = hook(scope=scope)
            except Exception as error:  # noqa: BLE001 - a stranger's code; the others must still be cleaned
                outcome.append((label, f"{type(error).__name__}: {error}"))
            else:
                outcome.append((label, answers[0] if answers else types.CleanReport()))
        return outcome

    def close(self) -> None:
        """Let every plugin go of what it holds, the last registered first; idempotent."""
        if not self._closed:
            self._closed = True
            self._tell("close")

    def wrap_sink(self, sink: types.Sink) -> types.Sink:
        """Return `sink` behind what the plugins put in front of it, one around the other."""
        for _, label, hook in self._listeners("wrap_sink"):
            for answer in _guarded(label, hook, sink=sink):
                if callable(getattr(answer, "reported", None)):
                    sink = answer
                else:
                    logger.warning("%s returned no sink from its hook 'wrap_sink', so nothing is wrapped", label)
        return sink

    def job_started(self, job: types.JobInfo) -> None:
        """Tell all plugins that a job was submitted."""
        for _, label, hook in self._hears["job_started"]:
            _guarded(label, hook, job=job)

    def calls_finished(self, job: types.JobInfo, reports: Sequence[types.Report]) -> None:
        """Tell all plugins that reports arrived; costs next to nothing if none listens."""
        for _, label, hook in self._hears["calls_finished"]:
            _guarded(label, hook, job=job, reports=reports)

    def job_finished(self, job: types.JobInfo) -> None:
        """Tell all plugins that every call of a job has ended."""
        for _, label, hook in self._hears["job_finished"]:
            _guarded(label, hook, job=job)

    def cli_commands(self) -> list[click.Command]:
        """Collect the commands that plugins add to `lithops`."""
        return [command for commands in self._tell("cli_commands") for command in commands]

    # --- storage

    @property
    def can_presign(self) -> bool:
        """Whether the store can make URLs that carry permission."""
        return self._implemented("presign")

    def put_object(self, request: types.PutRequest) -> types.ObjectMeta:
        """Write an object."""
        return self._first("put_object", types.ObjectMeta, request=request)

    def put_if_absent(self, request: types.PutRequest) -> types.ObjectMeta:
        """Write an object that must not exist yet."""
        return self._first("put_if_absent", types.ObjectMeta, request=request)

    def get_object(self, request: types.GetRequest) -> types.ObjectBody:
        """Open an object for reading."""
        return self._first("get_object", types.ObjectBody, request=request)

    def head_object(self, request: types.ObjectRef) -> types.ObjectMeta:
        """Describe an object."""
        return self._first("head_object", types.ObjectMeta, request=request)

    def list_objects(self, request: types.ListRequest) -> types.ObjectListing:
        """List objects."""
        return self._first("list_objects", types.ObjectListing, request=request)

    def delete_objects(self, request: types.DeleteRequest) -> types.DeleteReport:
        """Delete objects."""
        return self._first("delete_objects", types.DeleteReport, request=request)

    def copy_object(self, request: types.CopyRequest) -> types.ObjectMeta:
        """Copy an object inside the store."""
        return self._first("copy_object", types.ObjectMeta, request=request)

    def create_bucket(self, request: types.BucketRef) -> types.BucketMeta:
        """Make a bucket."""
        return self._first("create_bucket", types.BucketMeta, request=request)

    def head_bucket(self, request: types.BucketRef) -> types.BucketMeta:
        """Describe a bucket."""
        return self._first("head_bucket", types.BucketMeta, request=request)

    def worker_part(self) -> types.WorkerPart:
        """Say what opens the store in a worker."""
        return self._first("worker_part", types.WorkerPart)

    def presign(self, request: types.PresignRequest) -> types.PresignedUrl:
        """Make a URL that carries permission for one object; only if `can_presign`."""
        return self._first("presign", types.PresignedUrl, request=request)

    # --- how it is done

    def _register(self, plugin: object, family: str, origin: PluginInfo | None) -> None:
        kind = type(plugin)
        label = _label(plugin, family, origin)
        check_plugin(kind, label=label, name=getattr(plugin, "name", kind.__name__) if family else None)
        try:
            self._manager.register(plugin, label)
            self._manager.check_pending()
        except (ValueError, pluggy.PluginValidationError) as error:
            reason = " ".join(str(error).split())
            raise PluginError(f"{label} cannot be registered: {reason}; see the hooks in lithops.hookspecs") from error

    def _may_join(self, other: object, origin: PluginInfo | None) -> bool:
        """Register a cross-cutting plugin; nobody chose it, so one against the contract is only left out."""
        try:
            check_plugin(type(other), label=_label(other, "", origin), name=None)
        except PluginError as error:
            logger.warning("left out: %s", error)
            return False
        self._register(other, "", origin)
        return True

    def _implementations(self, hook: str) -> list[pluggy.HookImpl]:
        """Return the plain implementations in the order of their calling."""
        caller: pluggy.HookCaller = getattr(self._manager.hook, hook)
        return [impl for impl in reversed(caller.get_hookimpls()) if not (impl.wrapper or impl.hookwrapper)]

    def _direct(self, hook: str) -> Callable[..., Any]:
        """Return what a call of a hook comes to: its only implementation, where there is nothing else to it."""
        caller: pluggy.HookCaller = getattr(self._manager.hook, hook)
        impls = caller.get_hookimpls()
        if len(impls) != 1 or self._traced or caller.spec is None:
            return caller
        only = impls[0]
        takes_all = set(only.argnames) == set(caller.spec.argnames)
        return only.function if takes_all and not (only.wrapper or only.hookwrapper) else caller

    def _implemented(self, hook: str) -> bool:
        return bool(self._implementations(hook))

    def _listeners(self, hook: str) -> list[tuple[object, str, pluggy.HookCaller]]:
        """Return a caller for each plugin that implements an event; it reaches this one only, through all wrappers."""
        impls = self._implementations(hook)
        return [
            (
                impl.plugin,
                impl.plugin_name,
                self._manager.subset_hook_caller(hook, [other.plugin for other in impls if other is not impl]),
            )
            for impl in impls
        ]

    def _tell(self, event: str, **arguments: object) -> list[Any]:
        answers: list[Any] = []
        for _, label, hook in self._listeners(event):
            answers += _guarded(label, hook, **arguments)
        return answers

    def _first(self, hook: str, record: type[T], **arguments: object) -> T:
        answer = getattr(self._manager.hook, hook)(**arguments)
        if isinstance(answer, record):
            return answer
        raise self._unanswered(hook, answer, record.__name__)

    def _unanswered(self, hook: str, answer: object, due: str) -> PluginError:
        asked = " and ".join(impl.plugin_name for impl in self._implementations(hook))
        if not asked:
            present = ", ".join(name for name, _ in self._manager.list_name_plugin()) or "no plugin"
            return PluginError(f"no plugin implements the hook {hook!r} (asked: {present}); choose another backend")
        found = "None, which means 'not me'" if answer is None else f"a {type(answer).__name__}"
        return PluginError(f"hook {hook!r} of {asked} returned {found}; it must return {due}")


def _label(plugin: object, family: str, origin: PluginInfo | None) -> str:
    """Return what messages call a plugin."""
    kind = type(plugin)
    name = getattr(plugin, "name", kind.__name__)
    return str(origin) if origin else f"{family} plugin {name!r} ({kind.__module__}:{kind.__qualname__})".lstrip()


def _guarded(label: str, hook: pluggy.HookCaller, **arguments: object) -> list[Any]:
    """Call an event of one plugin; what it raises is the plugin's own affair."""
    try:
        answers: list[Any] = hook(**arguments)
    except Exception:  # a stranger's code, which must not stop a job
        logger.warning("%s failed in its hook %r; the job goes on without it", label, hook.name, exc_info=True)
        return []
    return answers


def _trace_call(hook: str, impls: Sequence[pluggy.HookImpl], arguments: Mapping[str, object]) -> None:
    # Types only: values may be secret, and may be a gigabyte.
    shown = ", ".join(f"{name}: {type(value).__name__}" for name, value in arguments.items())
    asked = ", ".join(impl.plugin_name for impl in reversed(impls)) or "nobody"
    logger.info("hook %s(%s) asks %s", hook, shown, asked)


def _trace_outcome(outcome: pluggy.Result[Any], hook: str, *_: object) -> None:
    error = outcome.exception
    logger.info("hook %s -> %s", hook, repr(type(error)) if error else type(outcome.get_result()).__name__)
