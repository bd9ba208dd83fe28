"""The library's own log, what calls print, and silence where nobody asked."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lithops import FunctionExecutor
from lithops.errors import ConfigError

if TYPE_CHECKING:
    from .conftest import Program

QUIET = """\
import lithops
with lithops.FunctionExecutor({arguments}) as fexec:
    fexec.map(print, ['spoken']).get_result()
"""


def test_a_program_with_defaults_prints_nothing_of_ours(run_program: Program) -> None:
    done = run_program(QUIET.format(arguments=""))
    assert (done.stdout, done.stderr) == ("", "")


def test_debug_tells_what_happens(run_program: Program) -> None:
    done = run_program(QUIET.format(arguments="log_level='DEBUG'"))
    assert done.stdout == ""
    assert "[DEBUG]" in done.stderr
    assert "-M000: 1 calls of print" in done.stderr


def test_none_silences(run_program: Program) -> None:
    done = run_program(
        "import lithops, logging\n"
        "lithops.FunctionExecutor(log_level=None, worker_processes=1).close()\n"
        "logging.getLogger('lithops').critical('not heard')\n"
    )
    assert done.stderr == ""


def test_calls_are_heard_live_when_asked_for(run_program: Program) -> None:
    done = run_program(QUIET.format(arguments="stream_logs=True"))
    assert done.stdout == "spoken\n"


def test_live_output_keeps_the_streams_apart(run_program: Program) -> None:
    done = run_program(
        "import lithops, sys\n"
        "with lithops.FunctionExecutor(stream_logs=True) as fexec:\n"
        "    fexec.call_async(lambda x: (print('out'), print('err', file=sys.stderr)), 1).result()\n"
    )
    assert (done.stdout, done.stderr) == ("out\n", "err\n")


@pytest.mark.parametrize(("level", "number"), [("debug", 10), ("WARNING", 30), (15, 15), (None, logging.CRITICAL + 1)])
def test_the_level_of_an_executor_is_set(own_logger: None, level: str | int | None, number: int) -> None:
    FunctionExecutor(worker_processes=1, log_level=level).close()
    assert logging.getLogger("lithops").level == number


def test_the_configured_level_is_taken_unless_the_program_has_set_one(own_logger: None) -> None:
    config = {"lithops": {"log_level": "ERROR"}}
    FunctionExecutor(config=config, worker_processes=1).close()
    assert logging.getLogger("lithops").level == logging.ERROR
    logging.getLogger("lithops").setLevel(logging.INFO)
    FunctionExecutor(config=config, worker_processes=1).close()
    assert logging.getLogger("lithops").level == logging.INFO


def test_the_last_executor_to_say_something_about_the_log_decides(own_logger: None, tmp_path: Path) -> None:
    first, second, third = (tmp_path / name for name in ("first.log", "second.log", "third.log"))
    log = logging.getLogger("lithops")

    def use(level: str | bool | None = False, **general: object) -> None:
        FunctionExecutor(config={"lithops": general}, worker_processes=1, log_level=level).close()

    use(log_level="ERROR", log_filename=str(first), log_format="<%(message)s>")
    log.error("one")
    use(log_level="WARNING", log_filename=str(second))
    log.warning("two")
    use()
    log.warning("three")
    use("DEBUG")
    use()
    log.debug("four")
    use(None, log_filename=str(third))
    log.critical("five")
    use("ERROR")
    log.error("six")

    assert first.read_text() == "<one>\n"
    assert third.read_text() == "<six>\n"
    assert [line for line in second.read_text().splitlines() if line in ("<two>", "<three>", "<four>", "<five>")] == [
        "<two>",
        "<three>",
        "<four>",
    ]
    assert len(log.handlers) == 1


def test_a_file_that_cannot_be_written_leaves_the_log_as_it_was(own_logger: None, tmp_path: Path) -> None:
    before, wrong = tmp_path / "first.log", tmp_path / ("x" * 300)
    FunctionExecutor(config={"lithops": {"log_filename": str(before)}}, worker_processes=1).close()
    with pytest.raises(ConfigError):
        FunctionExecutor(config={"lithops": {"log_filename": str(wrong), "log_level": "ERROR"}}, worker_processes=1)
    logging.getLogger("lithops").info("seen")
    assert before.read_text().endswith("seen\n")


def test_what_the_program_gave_the_logger_stays(own_logger: None, tmp_path: Path) -> None:
    log, handler = logging.getLogger("lithops"), logging.NullHandler()
    FunctionExecutor(worker_processes=1, log_level="ERROR").close()
    log.addHandler(handler)
    path = tmp_path / "x.log"
    config = {"lithops": {"log_filename": str(path), "log_level": "DEBUG"}}
    FunctionExecutor(config=config, worker_processes=1).close()
    assert (log.level, log.handlers[-1], path.exists()) == (logging.ERROR, handler, False)


def test_a_file_that_turns_out_not_to_be_writable_is_told_of(own_logger: None, tmp_path: Path) -> None:
    path = str(tmp_path / ("x" * 300))
    with pytest.raises(ConfigError) as refused:
        FunctionExecutor(config={"lithops": {"log_filename": path}}, worker_processes=1)
    assert str(refused.value) == (f"log_filename {path!r} cannot be written: File name too long; name a file that can")


def test_the_log_goes_to_a_file_as_well(own_logger: None, tmp_path: Path) -> None:
    path = tmp_path / "lithops.log"
    config = {"lithops": {"log_filename": str(path), "log_format": "<%(message)s>"}}
    FunctionExecutor(config=config, worker_processes=1).close()
    logging.getLogger("lithops").warning("seen")
    assert "<seen>" in path.read_text()
