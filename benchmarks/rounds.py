"""Interleaved rounds: in each round every participant runs once, each in a process of its own."""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from guard import run_guarded
from peers import PARTICIPANTS
from records import Case, Measurement, Plan

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

HERE = Path(__file__).resolve().parent


def measure_case(
    case: Case, participants: Sequence[str], plan: Plan, pythons: Mapping[str, Path], rounds: int | None = None
) -> Iterator[Measurement]:
    """Yield what each participant does in each round; `rounds` replaces the numbers of the case."""
    counts = {peer: rounds or count for peer, count in case.rounds.items() if peer in participants}
    for number in range(max(counts.values(), default=0)):
        entries = [(variant, peer) for variant in case.variants for peer in counts if variant in case.variants_of(peer)]
        # Who goes first changes from round to round, so that no one always finds the machine the other left.
        start = number * 3 % len(entries)
        for variant, peer in entries[start:] + entries[:start]:
            if number < counts[peer]:
                yield _measure_once(case, variant, peer, number, plan, pythons)


def _environment(folder: str) -> dict[str, str]:
    """Return a bare environment: nothing of this user's configuration, all files in a folder that goes away."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "LANG": "C.UTF-8",
        "HOME": folder,
        "TMPDIR": folder,
        "PYTHONPATH": str(HERE),
    }


def _measure_once(
    case: Case, variant: str, peer: str, number: int, plan: Plan, pythons: Mapping[str, Path]
) -> Measurement:
    python = str(pythons["kit" if case.kit else "peers" if PARTICIPANTS[peer].distribution else "ours"])
    values: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="b", ignore_cleanup_errors=True) as folder:
        env = _environment(folder)
        if case.script is not None:
            script = case.script(peer, variant, plan)
            Path(folder, "program.py").write_text(script.source)
            del env["PYTHONPATH"]
            if script.config:
                env["LITHOPS_CONFIG_FILE"] = str(Path(folder, "config.yaml"))
                Path(folder, "config.yaml").write_text(script.config)
            argv = [python, "program.py"]
        else:
            argv = [python, str(HERE / "probe.py"), case.key, variant, peer, json.dumps(asdict(plan))]
        outcome = run_guarded(argv, env=env, cwd=folder, timeout_s=case.timeout_s)
    if case.script is not None:
        values = {"exit_s": outcome.exit_s, "first_line_s": outcome.first_line_s}
    elif not outcome.error:
        values = json.loads(outcome.output.splitlines()[-1])
    values |= {"life_s": outcome.exit_s, "life_cpu_s": outcome.cpu_s, "left_behind": outcome.left_behind}
    return Measurement(
        case=case.key,
        variant=variant,
        peer=peer,
        round=number,
        values={} if outcome.error else {name: value for name, value in values.items() if value == value},
        error=outcome.error,
    )
