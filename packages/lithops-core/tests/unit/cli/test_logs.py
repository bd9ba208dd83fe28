"""`lithops logs`."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from typing import TYPE_CHECKING

import lithops as library

from .conftest import COMMAND, environment

if TYPE_CHECKING:
    from .conftest import Lithops, Log

JOB = "ab12cd-0-M000"


def speak(number: int) -> int:
    if number % 2:
        print("I am", number)
    return number


def test_what_calls_of_a_real_job_wrote_is_shown_call_by_call(lithops: Lithops) -> None:
    with library.FunctionExecutor() as fexec:
        futures = fexec.map(speak, range(6))
        fexec.get_result()

    outcome = lithops("logs", "get", futures[0].job_key)

    assert outcome.code == 0
    assert outcome.out == "--- call 00001\nI am 1\n--- call 00003\nI am 3\n--- call 00005\nI am 5\n"


def test_a_line_that_was_not_ended_is_ended(lithops: Lithops, log_of: Log) -> None:
    log_of(JOB, 0, b"no end")
    log_of(JOB, 1, b"end\n")

    assert lithops("logs", "get", JOB).out == "--- call 00000\nno end\n--- call 00001\nend\n"


def test_what_is_no_text_is_printed_as_it_is(log_of: Log) -> None:
    log_of(JOB, 0, b"\xff\x00\n")

    printed = subprocess.check_output([*COMMAND, "logs", "get", JOB], env=environment(), timeout=60)

    assert printed == b"--- call 00000\n\xff\x00\n"


def test_a_call_that_was_tried_again_is_shown_again(lithops: Lithops, log_of: Log) -> None:
    log_of(JOB, 3, b"first\n", worker="0-11")
    log_of(JOB, 2, b"other\n", worker="1-12")
    log_of(JOB, 3, b"second\n", worker="1-12")

    assert lithops("logs", "get", JOB).out == (
        "--- call 00002\nother\n--- call 00003\nfirst\n--- call 00003 (again)\nsecond\n"
    )


def test_one_call_can_be_chosen(lithops: Lithops, log_of: Log) -> None:
    log_of(JOB, 2, b"two\n")
    log_of(JOB, 3, b"three\n")

    assert lithops("logs", "get", JOB, "--call", "3").out == "--- call 00003\nthree\n"


def test_a_call_without_output_names_those_that_have_some(lithops: Lithops, log_of: Log) -> None:
    for call in range(20, 32):
        log_of(JOB, call, b"x\n")

    outcome = lithops("logs", "get", JOB, "--call", "7")

    assert outcome.code == 1
    assert outcome.err == (
        f"error: call 7 of job '{JOB}' wrote nothing, or has not ended; 12 calls did write: "
        "20, 21, 22, 23, 24, 25, 26, 27, 28, 29 ...\n"
    )


def test_get_prints_json(lithops: Lithops, log_of: Log) -> None:
    log_of(JOB, 2, b"two\n")
    log_of(JOB, 3, b"\xff")

    assert json.loads(lithops("logs", "get", JOB, "--json").out) == [
        {"call": 2, "text": "two\n"},
        {"call": 3, "text": "\ufffd"},
    ]


def test_a_job_without_logs_names_the_nearest_one(lithops: Lithops, log_of: Log) -> None:
    log_of(JOB, 0, b"x\n")

    outcome = lithops("logs", "get", "ab12cd-0-M00")

    assert outcome.code == 1
    assert outcome.err == (
        "error: there are no logs of job 'ab12cd-0-M00': its calls wrote nothing, or its logs were cleaned; "
        f"did you mean '{JOB}'?\n"
    )


def test_a_job_unlike_any_other_says_where_to_look(lithops: Lithops) -> None:
    outcome = lithops("logs", "get", "nope")

    assert outcome.err.endswith("; 'lithops logs list' shows the jobs that have some\n")


def test_logs_that_were_removed_behind_our_back_are_an_error(lithops: Lithops, log_of: Log) -> None:
    path = log_of(JOB, 4, b"x\n")
    path.unlink()

    outcome = lithops("logs", "get", JOB)

    assert outcome.code == 1
    assert outcome.err == (
        f"error: cannot read what call 4 wrote: No such file or directory: {str(path)!r}; "
        "another 'lithops clean' may have removed it\n"
    )


def test_list_shows_jobs_with_calls_and_size(lithops: Lithops, log_of: Log) -> None:
    log_of(JOB, 2, b"x" * 1500)
    log_of(JOB, 2, b"again")
    log_of("ab12cd-1-A000", 0, b"123\n")

    rows = [line.split(maxsplit=4) for line in lithops("logs", "list").out.splitlines()]

    assert rows[0] == ["job", "calls", "size", "last", "written"]
    assert {tuple(row[:4]) for row in rows[1:]} == {(JOB, "1", "1.5", "kB"), ("ab12cd-1-A000", "1", "4", "B")}


def test_list_prints_json(lithops: Lithops, log_of: Log) -> None:
    log_of(JOB, 2, b"12345")

    (row,) = json.loads(lithops("logs", "list", "--json").out)

    assert (row["job_key"], row["calls"], row["size_bytes"]) == (JOB, 1, 5)
    assert row["modified"][:2] == "20"


def test_list_says_when_there_is_nothing(lithops: Lithops) -> None:
    assert lithops("logs", "list").out == "no call wrote anything, or its logs were cleaned\n"
    assert json.loads(lithops("logs", "list", "--json").out) == []


def follow(*arguments: str) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [*COMMAND, "logs", "poll", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment()
    )
    assert process.stderr is not None
    assert process.stderr.readline().endswith(b"Ctrl-C ends it\n")
    return process


def end(process: subprocess.Popen[bytes]) -> tuple[bytes, bytes]:
    process.send_signal(signal.SIGINT)
    return process.communicate(timeout=60)


def test_poll_shows_what_is_written_from_now_on_until_ctrl_c(log_of: Log) -> None:
    log_of(JOB, 0, b"before\n")
    process = follow()
    assert process.stdout is not None
    log_of(JOB, 1, b"now\n")
    seen = [process.stdout.readline(), process.stdout.readline()]
    log_of("ab12cd-1-A000", 0, b"other\n", worker="1-22")
    seen += [process.stdout.readline(), process.stdout.readline()]
    rest, errors = end(process)

    assert seen == [
        b"--- executor ab12cd-0 worker 0-4711\n",
        b"now\n",
        b"--- executor ab12cd-1 worker 1-22\n",
        b"other\n",
    ]
    assert (process.returncode, rest.strip(), errors.strip()) == (130, b"", b"")


def test_poll_can_follow_one_executor_as_json(log_of: Log) -> None:
    process = follow("ab12cd-1", "--json")
    assert process.stdout is not None
    log_of(JOB, 0, b"not this\n")
    log_of("ab12cd-1-A000", 0, b"this\n")
    line = process.stdout.readline()
    end(process)

    assert json.loads(line) == {"executor": "ab12cd-1", "worker": "0-4711", "text": "this\n"}


def test_poll_goes_on_when_logs_are_cleaned(log_of: Log, lithops: Lithops) -> None:
    log_of(JOB, 0, b"before\n")
    process = follow()
    assert process.stdout is not None
    lithops("clean")
    log_of("ab12cd-1-A000", 0, b"after\n")
    seen = [process.stdout.readline(), process.stdout.readline()]
    end(process)

    assert seen[1] == b"after\n"


def die(number: int) -> int:
    print("before", flush=True)
    if number:
        os.write(2, b"last words\n")
        os._exit(3)
    return number


def test_what_a_call_wrote_before_it_took_its_worker_down_is_kept(lithops: Lithops) -> None:
    with library.FunctionExecutor(worker_processes=1) as fexec:
        futures = fexec.map(die, [0, 1])
        fexec.wait(throw_except=False)

    assert futures[1].logs == "before\nlast words\n"
    assert lithops("logs", "get", futures[0].job_key).out == (
        "--- call 00000\nbefore\n--- call 00001\nbefore\nlast words\n"
    )
