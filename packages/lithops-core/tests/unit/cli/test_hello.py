"""`lithops hello`."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from .conftest import Install, Lithops

GREETING = f"Hello {getpass.getuser()}! Lithops is working as expected :)\n"


def test_hello_greets_the_user(lithops_process: Lithops) -> None:
    outcome = lithops_process("hello")

    assert (outcome.code, outcome.out) == (0, GREETING)


def test_hello_with_map_runs_that_many_calls(lithops: Lithops) -> None:
    outcome = lithops("hello", "-m", "3")

    assert outcome.code == 0
    assert outcome.out == f"All 3 map activations returned: {[GREETING.strip()]}\n{GREETING}"


def test_hello_uses_the_configuration_that_is_named(lithops: Lithops, tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("localhost:\n  worker_processes: 0\n")

    outcome = lithops("hello", "--config", str(path))

    assert outcome.code == 1
    assert f"{path}, line 2: localhost.worker_processes is 0; it must be an integer from 1 to 10000" in outcome.err


def test_hello_refuses_a_map_of_nothing(lithops: Lithops) -> None:
    outcome = lithops("hello", "-m", "0")

    assert outcome.code == 2
    assert "0 is not in the range x>=1" in outcome.err


def test_hello_says_you_where_the_user_has_no_name(lithops: Lithops, monkeypatch: pytest.MonkeyPatch) -> None:
    def nameless() -> str:
        raise KeyError("getpwuid(): uid not found: 1234")

    monkeypatch.setattr(getpass, "getuser", nameless)

    assert lithops("hello").out == "Hello you! Lithops is working as expected :)\n"


def test_hello_fails_where_results_are_wrong(lithops: Lithops, install: Install) -> None:
    install(
        "liar",
        "plugins",
        """
        @hookimpl
        def wrap_sink(self, sink):
            import dataclasses, pickle
            from lithops.types import Payload
            from lithops.worker import codec

            class Lying:
                def __getattr__(self, name):
                    return getattr(sink, name)

                def reported(self, reports):
                    lie = codec.encode_results(["No!"])
                    sink.reported([dataclasses.replace(report, results=lie) for report in reports])

            return Lying()
        """,
    )

    outcome = lithops("hello")

    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err == (
        "error: Something went wrong :( the calls did not return what they should; try 'lithops doctor'\n"
    )
