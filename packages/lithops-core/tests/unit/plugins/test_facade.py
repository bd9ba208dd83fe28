"""The typed face of pluggy."""

from __future__ import annotations

import inspect
import logging
import timeit
from collections.abc import Callable, Iterator
from typing import Any

import click
import pytest

import lithops
from lithops.errors import ConfigError, PluginError
from lithops.hookspecs import SPECS
from lithops.plugins import Plugins
from lithops.types import (
    BucketRef,
    CancelReport,
    CancelRequest,
    CleanReport,
    CleanScope,
    ExecutorInfo,
    JobInfo,
    Limits,
    ObjectRef,
    PresignRequest,
    RuntimeRequest,
)

JOB = JobInfo(job_key="ab12cd-0-M000", function_name="f", calls=1, submitted=0.0)
EXECUTOR = ExecutorInfo(executor_id="ab12cd-0", mode="localhost", backend="acme", storage="acme", state_dir="/x")


def plugin(kind: str = "Acme", **hooks: Callable[..., Any]) -> Any:
    members = {name: hook if hasattr(hook, "lithops_impl") else lithops.hookimpl(hook) for name, hook in hooks.items()}
    return type(kind, (), {"name": kind.lower(), "Config": None, **members})()


LABEL = "compute plugin 'acme' (test_facade:Acme)"


@pytest.fixture(autouse=True)  # classes made here take their module's name from it, and pytest's is a long one
def _stable_module_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(globals(), "__name__", "test_facade")


def test_every_hook_has_a_method_with_its_arguments() -> None:
    for spec in SPECS:
        for name, member in vars(spec).items():
            if hasattr(member, "lithops_spec") and name != "configure":  # which hands out sections by plugin
                method = inspect.signature(getattr(Plugins, name))
                assert list(method.parameters) == list(inspect.signature(member).parameters), name


@pytest.mark.parametrize("answer", [None, "limits"])
def test_a_firstresult_hook_that_returns_no_record_names_plugin_and_hook(answer: object) -> None:
    plugins = Plugins(plugin(limits=lambda self, config: answer))
    with pytest.raises(PluginError) as caught:
        plugins.limits(None)
    found = "a str" if answer else "None, which means 'not me'"
    assert str(caught.value) == f"hook 'limits' of {LABEL} returned {found}; it must return Limits"


def test_invoke_that_returns_none_names_plugin_and_hook() -> None:
    plugins = Plugins(plugin(invoke=lambda self, activations, sink: None))
    with pytest.raises(
        PluginError, match=r"^hook 'invoke' of compute plugin 'acme' .* returned None, which means 'not "
    ):
        plugins.invoke([], None)  # type: ignore[arg-type]


def test_pump_that_returns_none_names_plugin_and_hook() -> None:
    with pytest.raises(
        PluginError, match=r"^hook 'pump' of .* returned None, which means 'not me'; it must return Pump"
    ):
        Plugins(plugin(pump=lambda self: None)).pump()


def test_a_backend_without_streams_has_no_pump() -> None:
    assert Plugins(plugin()).pump() is None


def test_a_hook_that_nobody_implements_says_who_was_asked() -> None:
    with pytest.raises(PluginError) as caught:
        Plugins(plugin()).head_bucket(BucketRef(bucket="b"))
    assert str(caught.value) == (
        f"no plugin implements the hook 'head_bucket' (asked: {LABEL}); choose another backend"
    )
    with pytest.raises(PluginError, match=r"\(asked: no plugin\)"):
        Plugins(None).deploy_runtime(RuntimeRequest())


def test_ability_follows_from_the_presence_of_the_hook() -> None:
    able = Plugins(plugin(cancel=lambda self, request: CancelReport(stopped=2), presign=lambda self, request: None))
    assert able.can_cancel
    assert able.can_presign
    assert able.cancel(CancelRequest(receipts=())).stopped == 2
    unable = Plugins(plugin())
    assert not unable.can_cancel
    assert not unable.can_presign
    with pytest.raises(PluginError, match="no plugin implements the hook 'presign'"):
        unable.presign(PresignRequest(bucket="b", key="k"))


def test_a_wrapper_alone_does_not_make_an_ability() -> None:
    @lithops.hookimpl(wrapper=True)
    def cancel(self: object, request: object) -> Iterator[None]:
        return (yield)

    assert not Plugins(plugin(), others=[plugin("Watch", cancel=cancel)]).can_cancel


def test_a_tryfirst_plugin_answers_before_the_backend_unless_it_says_not_me() -> None:
    answers: list[object] = [None, ["dry"]]
    dry_run = plugin("Dry", invoke=lithops.hookimpl(tryfirst=True)(lambda self, activations, sink: answers.pop()))
    plugins = Plugins(plugin(invoke=lambda self, activations, sink: ["real"]), others=[dry_run])
    assert plugins.invoke([], None) == ["dry"]  # type: ignore[arg-type, comparison-overlap]
    assert plugins.invoke([], None) == ["real"]  # type: ignore[arg-type, comparison-overlap]


def test_an_error_of_a_backend_comes_through_as_it_is() -> None:
    def head_object(self: object, request: object) -> None:
        raise PermissionError("no")

    with pytest.raises(PermissionError, match=r"^no$"):
        Plugins(plugin(head_object=head_object)).head_object(ObjectRef(bucket="b", key="k"))


def test_each_plugin_is_configured_with_its_own_section() -> None:
    seen: dict[str, object] = {}

    def configure(self: Any, config: object, executor: ExecutorInfo) -> None:
        seen[self.name] = config

    compute, storage, monitor, watch = (plugin(n, configure=configure) for n in ("Acme", "Store", "Bell", "Watch"))
    plugins = Plugins(compute, storage, monitor, [watch])
    plugins.configure(EXECUTOR, compute="c", storage="s", others={watch: "w"})  # type: ignore[arg-type, dict-item]
    assert seen == {"acme": "c", "store": "s", "bell": None, "watch": "w"}


def test_configure_stops_the_executor_with_the_plugins_own_error() -> None:
    def configure(self: object, config: object, executor: object) -> None:
        raise ConfigError("acme: no region; set 'region'")

    with pytest.raises(ConfigError, match=r"^acme: no region; set 'region'$"):
        Plugins(plugin(configure=configure)).configure(EXECUTOR)


def test_configure_names_the_plugin_that_raised_something_else() -> None:
    def configure(self: object, config: object, executor: object) -> None:
        raise KeyError("region")

    with pytest.raises(PluginError) as caught:
        Plugins(plugin(configure=configure)).configure(EXECUTOR)
    assert str(caught.value) == (
        f"{LABEL} failed in its hook 'configure': KeyError: 'region'; check its section of the configuration"
    )


def test_an_event_that_raises_is_logged_with_the_plugins_name_and_stops_nobody(
    caplog: pytest.LogCaptureFixture,
) -> None:
    seen: list[str] = []

    def fail(self: object) -> None:
        raise RuntimeError("boom")

    def note(self: Any, job: JobInfo) -> None:
        seen.append(self.name)

    broken = plugin("Broken", job_started=fail, job_finished=fail, calls_finished=fail)
    others = [plugin("One", job_started=note), broken, plugin("Two", job_started=note, job_finished=note)]
    plugins = Plugins(plugin(), others=others)
    plugins.job_started(JOB)
    assert seen == ["two", "one"]
    plugins.job_finished(JOB)
    plugins.calls_finished(JOB, [])
    assert [record.getMessage() for record in caplog.records] == [
        f"plugin 'broken' (test_facade:Broken) failed in its hook {hook!r}; the job goes on without it"
        for hook in ("job_started", "job_finished", "calls_finished")
    ]
    assert caplog.text.count("RuntimeError: boom") == 3


def test_a_wrapper_around_an_event_surrounds_each_plugin() -> None:
    seen: list[str] = []

    @lithops.hookimpl(wrapper=True)
    def clean(self: object, scope: CleanScope) -> Iterator[None]:
        seen.append("begin")
        reports = yield
        seen.append("end")
        return reports

    one, two = (plugin(n, clean=lambda self, scope: CleanReport(removed=(self.name,))) for n in ("One", "Two"))
    outcome = Plugins(one, two, others=[plugin("Watch", clean=clean)]).clean(CleanScope())
    assert [report.removed for _, report in outcome if isinstance(report, CleanReport)] == [("two",), ("one",)]
    assert seen == ["begin", "end"] * 2


def test_clean_reports_plugin_by_plugin_and_one_that_fails_keeps_no_other_from_it() -> None:
    def fail(self: object) -> CleanReport:
        raise OSError("busy")

    plugins = Plugins(
        plugin(clean=lambda self, scope: CleanReport(removed=("a",))),
        plugin("Store", clean=fail),
        others=[plugin("Watch", clean=lambda self: None)],
    )
    assert plugins.clean(CleanScope()) == [
        ("plugin 'watch' (test_facade:Watch)", CleanReport()),
        ("storage plugin 'store' (test_facade:Store)", "OSError: busy"),
        (LABEL, CleanReport(removed=("a",))),
    ]


def test_close_reaches_every_plugin_once() -> None:
    seen: list[str] = []

    def close(self: Any) -> None:
        seen.append(self.name)
        raise RuntimeError("boom")

    plugins = Plugins(plugin(close=close), plugin("Store", close=close))
    plugins.close()
    plugins.close()
    assert seen == ["store", "acme"]


class Chain(list[str]):
    """A sink that says what it stands behind."""

    reported = list.append


def test_sinks_are_chained_plugin_by_plugin(caplog: pytest.LogCaptureFixture) -> None:
    def wrap_sink(self: Any, sink: Any) -> Any:
        return Chain([self.name, *sink])

    def fail(self: object) -> None:
        raise RuntimeError("boom")

    others = [
        plugin("One", wrap_sink=wrap_sink),
        plugin("Abstains", wrap_sink=lambda self: None),
        plugin("Broken", wrap_sink=fail),
        plugin("Two", wrap_sink=wrap_sink),
    ]
    assert Plugins(plugin(), others=others).wrap_sink(["core"]) == ["one", "two", "core"]  # type: ignore[arg-type, comparison-overlap]
    assert [record.getMessage() for record in caplog.records] == [
        "plugin 'broken' (test_facade:Broken) failed in its hook 'wrap_sink'; the job goes on without it"
    ]


def test_commands_of_all_plugins_are_collected() -> None:
    one, two = click.Command("one"), click.Command("two")
    others = [plugin("One", cli_commands=lambda self: [one]), plugin("Two", cli_commands=lambda self: [two])]
    assert Plugins(None, others=others).cli_commands() == [two, one]


def test_one_plugin_given_twice_is_refused() -> None:
    twice = plugin("Watch")
    with pytest.raises(PluginError, match=r"^plugin 'watch' \(test_facade:Watch\) cannot be registered: "):
        Plugins(plugin(), others=[twice, twice])


def test_tracing_tells_hooks_plugins_and_types_but_no_values(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("LITHOPS_TRACE_PLUGINS", "1")
    with caplog.at_level(logging.INFO, "lithops"):
        Plugins(plugin(limits=lambda self, config: Limits())).limits("secret")  # type: ignore[arg-type]
    assert caplog.messages == [f"hook limits(config: str) asks {LABEL}", "hook limits -> Limits"]


def test_tracing_tells_of_errors(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    def limits(self: object) -> None:
        raise ValueError("secret")

    monkeypatch.setenv("LITHOPS_TRACE_PLUGINS", "1")
    with caplog.at_level(logging.INFO, "lithops"), pytest.raises(ValueError, match="secret"):
        Plugins(plugin(limits=limits)).limits(None)
    assert caplog.messages[-1] == "hook limits -> <class 'ValueError'>"


def test_nothing_is_traced_unasked(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "lithops"):
        Plugins(plugin(limits=lambda self, config: Limits())).limits(None)
    assert caplog.messages == []


def test_invoke_costs_microseconds_and_an_event_without_listeners_nearly_nothing() -> None:
    plugins = Plugins(plugin(invoke=lambda self, activations, sink: ()))
    per_call = min(timeit.repeat(lambda: plugins.invoke([], None), number=2000, repeat=5)) / 2000  # type: ignore[arg-type]
    per_event = min(timeit.repeat(lambda: plugins.calls_finished(JOB, []), number=2000, repeat=5)) / 2000
    assert per_call < 20e-6  # seen: 1.3 us; the bound leaves room for slow machines
    assert per_event < 2e-6  # seen: 0.1 us


def test_a_parameter_that_a_hook_is_not_called_with_is_named() -> None:
    with pytest.raises(PluginError) as caught:
        Plugins(plugin(cancel=lambda self, requests: None))
    assert (
        str(caught.value) == f"{LABEL}: hook 'cancel' has a parameter 'requests', but is called with request; rename it"
    )


def test_a_cross_cutting_plugin_that_nobody_chose_is_left_out(caplog: pytest.LogCaptureFixture) -> None:
    wrong = type("Wrong", (), {"job_started": lithops.hookimpl(lambda self, jobs: None)})()
    heard: list[JobInfo] = []
    right = type("Right", (), {"job_started": lithops.hookimpl(lambda self, job: heard.append(job))})()
    plugins = Plugins(plugin(), others=(wrong, right))
    assert plugins.others == (right,)
    plugins.job_started(JOB)
    assert heard == [JOB]
    assert "left out: " in caplog.text


def test_what_is_no_sink_is_told_of_and_not_used(caplog: pytest.LogCaptureFixture) -> None:
    sink = object()
    wrong = type("Wrong", (), {"wrap_sink": lithops.hookimpl(lambda self, sink: "rubbish")})()
    assert Plugins(None, others=[wrong]).wrap_sink(sink) is sink  # type: ignore[arg-type]  # only handed on
    assert "returned no sink from its hook 'wrap_sink', so nothing is wrapped" in caplog.text
