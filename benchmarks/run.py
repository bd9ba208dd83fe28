"""Measure lithops-core beside its peers on this machine and write RESULTS.md and results.json."""

from __future__ import annotations

import argparse
import json
import os
import platform
import shlex
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from cases import CASES, load_case
from environments import ROOT, prepare_kit, prepare_ours, prepare_peers
from peers import PARTICIPANTS
from records import OURS, Case, Measurement, Plan, Results
from report import Run, case_lines, render, verdict_lines
from rounds import measure_case

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

HERE = Path(__file__).resolve().parent


def _names(known: Sequence[str]) -> Callable[[str], list[str]]:
    def parse(text: str) -> list[str]:
        names = [name.strip() for name in text.split(",") if name.strip()]
        for name in names:
            if name not in known:
                raise argparse.ArgumentTypeError(f"unknown {name!r}; there are {', '.join(known)}")
        return names

    return parse


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", type=_names(CASES), default=list(CASES), metavar="CASE,...", help=", ".join(CASES))
    parser.add_argument(
        "--peers",
        type=_names([*PARTICIPANTS, "none"]),
        metavar="PEER,...",
        help=f"beside ours: {', '.join(p for p in PARTICIPANTS if p != OURS)}, none; the results are only printed",
    )
    parser.add_argument("--rounds", type=int, metavar="N", help="for everyone, instead of each case's own numbers")
    parser.add_argument("--quick", action="store_true", help="one round of a tenth of the calls; only printed")
    parser.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)), help="default: all cores")
    parser.add_argument("--venvs", type=Path, default=ROOT / ".nox" / "benchmarks", help="folder of the environments")
    parser.add_argument("--out", type=Path, help="folder for RESULTS.md and results.json (default: beside this file)")
    return parser.parse_args(argv)


def _machine() -> str:
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{os.cpu_count()} cores, {model}, {memory:.0f} GiB, {platform.system()} {platform.release()}, "
        f"Python {platform.python_version()}"
    )


def cores_busy(window_s: float = 0.5) -> float:
    """Return how many cores are busy now, while we do nothing: what others take from the measurements."""

    def used_s() -> float:
        user, nice, system = Path("/proc/stat").read_text().split(maxsplit=4)[1:4]
        return (int(user) + int(nice) + int(system)) / os.sysconf("SC_CLK_TCK")

    before, began = used_s(), time.monotonic()
    time.sleep(window_s)
    return (used_s() - before) / (time.monotonic() - began)


def _commit() -> str:
    def git(*words: str) -> str:
        return subprocess.run(
            ["git", "-C", str(ROOT), *words], capture_output=True, text=True, check=False
        ).stdout.strip()

    return (git("rev-parse", "--short", "HEAD") or "unknown") + ("+" if git("status", "--short", "packages") else "")


def _run_case(case: Case, options: argparse.Namespace, plan: Plan, pythons: Mapping[str, Path], command: str) -> Run:
    participants = list(PARTICIPANTS) if options.peers is None else [OURS, *options.peers]
    before, began = cores_busy(), time.monotonic()
    measurements: list[Measurement] = []
    for measurement in measure_case(case, participants, plan, pythons, 1 if options.quick else options.rounds):
        measurements.append(measurement)
        value = measurement.values.get(case.compared)
        shown = measurement.error or (f"{value * 1e3:.3f} ms" if value is not None else "")
        print(f"  {case.key}: {measurement.variant}: {measurement.peer} #{measurement.round}: {shown}", file=sys.stderr)
    return Run(
        case=case,
        command=command,
        machine=_machine(),
        at=time.strftime("%Y-%m-%d %H:%M"),
        commit=_commit(),
        seconds=time.monotonic() - began,
        busy_before=before,
        busy_after=cores_busy(),
        measurements=measurements,
    )


def load_runs(path: Path) -> dict[str, Run]:
    """Return the runs of an earlier results.json, by case."""
    if not path.exists():
        return {}
    try:
        return {
            key: Run(**{**run, "case": load_case(key), "measurements": [Measurement(**m) for m in run["measurements"]]})
            for key, run in json.loads(path.read_text()).items()
            if key in CASES
        }
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise SystemExit(
            f"cannot add to {str(path)!r}: it was not written by this version of the suite ({error!r}); "
            "remove it or give another --out"
        ) from error


def _command(options: argparse.Namespace) -> str:
    """Return what measures the same elsewhere: without the folders of this machine."""
    only = [] if options.only == list(CASES) else ["--only", ",".join(options.only)]
    return shlex.join(["python", "benchmarks/run.py", *only])


def main(argv: Sequence[str] | None = None) -> int:
    """Run what was asked for; return 0 if no measurement of ours failed."""
    options = _arguments(argv)
    command = _command(options)
    plan = Plan(workers=options.workers, scale=0.1 if options.quick else 1.0)
    pythons = {
        "ours": prepare_ours(options.venvs),
        "kit": prepare_kit(options.venvs),
        "peers": prepare_peers(options.venvs),
    }
    keep = options.out or (None if options.quick or options.peers is not None else HERE)
    runs = load_runs(keep / "results.json") if keep else {}
    failed = 0
    for key in options.only:
        run = runs[key] = _run_case(load_case(key), options, plan, pythons, command)
        failed += sum(1 for m in run.measurements if m.error and m.peer == OURS)
        print(
            "\n".join([*case_lines(run), "", *verdict_lines(run.case.judge(Results(run.measurements))), ""]), flush=True
        )
        if keep:
            keep.mkdir(parents=True, exist_ok=True)
            ordered = {name: runs[name] for name in CASES if name in runs}
            raw = {name: done.as_json() for name, done in ordered.items()}
            (keep / "results.json").write_text(json.dumps(raw, indent=1) + "\n")
            (keep / "RESULTS.md").write_text(render(list(ordered.values())))
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
