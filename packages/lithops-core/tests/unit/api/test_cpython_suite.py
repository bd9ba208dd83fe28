"""The interpreter's own tests of `concurrent.futures` pass with ours, but for those listed here with a reason."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

INSIDE = "looks at attributes in which the standard class keeps its processes and threads"
KEPT = "max_tasks_per_child is refused, because workers are kept"
PRECISE = "what cannot be loaded here is an error of its own type, and breaks no pool"
NOT_PASSED: dict[str, dict[str, str]] = {
    "LithopsProcessPoolExecutorTest": {
        "test_idle_process_reuse_multiple": INSIDE,
        "test_idle_process_reuse_one": INSIDE,
        "test_killed_child": INSIDE,
        "test_saturation": INSIDE,
        "test_max_tasks_early_shutdown": KEPT,
        "test_max_tasks_per_child": KEPT,
        "test_max_tasks_per_child_defaults_to_spawn_context": KEPT,
        "test_python_finalization_error": "expects a pool that breaks without a second thread",
        "test_ressources_gced_in_workers": "multiprocessing's proxies need a key that only its own children have",
        "test_traceback": "the cause of an error is a class of our own with the same text",
    },
    "LithopsProcessPoolShutdownTest": {
        "test_context_manager_shutdown": INSIDE,
        "test_del_shutdown": INSIDE,
        "test_processes_terminate": INSIDE,
        "test_shutdown_no_wait": INSIDE,
        "test_submit_after_interpreter_shutdown": "the error is a RuntimeError with a name of its own",
    },
    "LithopsExecutorDeadlockTest": {
        "test_error_during_result_unpickle_in_result_handler": PRECISE,
        "test_exit_during_result_unpickle_in_result_handler": PRECISE,
        "test_exit_during_result_pickle_on_worker": "a result that ends the process that pickles it is a crash",
        "test_shutdown_deadlock_pickle": INSIDE,
    },
    "LithopsFailingInitializerTest": {
        "test_initializer": "looks at an attribute that says that the executor is broken",
    },
}
LISTED = {f"{case}.{name}" for case, names in NOT_PASSED.items() for name in names}
SKIPPED = {"LithopsProcessPoolExecutorTest.test_max_workers_too_large"}
"""By the suite itself, on this system."""


@pytest.fixture(scope="module")
def outcomes(own_state: None, tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[str, str]]:
    config = tmp_path_factory.mktemp("suite") / "config.yaml"
    config.write_text("localhost:\n  stream_logs: true\n")  # some tests look at what calls print
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("cpython_suite.py"))],
        capture_output=True,
        text=True,
        timeout=600,
        env={**os.environ, "LITHOPS_CONFIG_FILE": str(config)},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, tuple[str, str]] = json.loads(done.stdout)
    return found


def test_all_tests_pass_but_those_listed(outcomes: dict[str, tuple[str, str]]) -> None:
    assert len(outcomes) > 70
    failed = {name: why for name, (outcome, why) in outcomes.items() if outcome == "failed" and name not in LISTED}
    assert failed == {}, "\n".join(failed.values())


def test_those_listed_do_not_pass(outcomes: dict[str, tuple[str, str]]) -> None:
    assert [name for name in LISTED if outcomes[name][0] != "failed"] == []


def test_nothing_else_is_skipped(outcomes: dict[str, tuple[str, str]]) -> None:
    assert {name for name, (outcome, _) in outcomes.items() if outcome == "skipped"} <= SKIPPED


def test_each_name_in_the_list_is_that_of_a_test(outcomes: dict[str, tuple[str, str]]) -> None:
    assert LISTED - outcomes.keys() == set()
