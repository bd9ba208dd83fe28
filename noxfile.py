"""One session per distribution, found in packages/*; a new package needs no edit here.

    nox                                   everything but the benchmarks and the longest tests of CPython's
    nox -s "tests(lithops-core)"          one distribution, on every Python it is tested on
    nox -s "tests(lithops-core)-3.12" -- -k wheel   one Python; what follows `--` goes to pytest
    nox -l                                what there is

What could not be run is listed at the very end as `not run: ... needs ...`. With LITHOPS_TEST_REQUIRE=all in the
environment such a line fails the run.
"""

from __future__ import annotations

import atexit
import json
import os
import re
import runpy
import shutil
import sys
import tempfile
import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nox

ROOT = Path(__file__).parent
SUPPORTED = ("3.11", "3.12", "3.13")
EARLY = ("3.14",)  # tested where found, not asked for
OWN = f"{sys.version_info.major}.{sys.version_info.minor}"
PYTEST = ("--color=yes",) if sys.stdout.isatty() else ()
HANG_GUARD = ("-o", "faulthandler_timeout=600", "-o", "faulthandler_exit_on_timeout=true")

nox.options.default_venv_backend = "uv|virtualenv"
nox.needs_version = ">=2024.10.9"
os.environ.setdefault("UV_PYTHON_DOWNLOADS", "never")  # a missing interpreter is reported, not fetched unasked


@dataclass(frozen=True)
class Package:
    """A distribution of the workspace, as its pyproject.toml describes it."""

    name: str
    folder: Path
    requirements: tuple[str, ...]
    groups: dict[str, list[Any]]

    def group(self, name: str) -> list[str]:
        """Return the requirements of a dependency group, included groups resolved."""
        found = []
        for entry in self.groups.get(name, []):
            found += [entry] if isinstance(entry, str) else self.group(entry["include-group"])
        return found


def _packages() -> Iterator[Package]:
    for file in sorted(ROOT.glob("packages/*/pyproject.toml")):
        data = tomllib.loads(file.read_text(encoding="utf-8"))
        project = data["project"]
        extras = [entry for extra in project.get("optional-dependencies", {}).values() for entry in extra]
        yield Package(
            name=project["name"],
            folder=file.parent,
            requirements=(*project.get("dependencies", []), *extras),
            groups=data.get("dependency-groups", {}),
        )


PACKAGES = {package.name: package for package in _packages()}


def _name(requirement: str) -> str:
    match = re.match(r"[A-Za-z0-9._-]+", requirement)
    return re.sub(r"[-_.]+", "-", match[0]).lower() if match else ""


def _closure(*names: str) -> list[str]:
    """Return these distributions of the workspace and those they depend on, also by their extras."""
    found: list[str] = []
    queue = list(names)
    while queue:
        name = queue.pop()
        if name in PACKAGES and name not in found:
            found.append(name)
            queue += map(_name, PACKAGES[name].requirements)
    return sorted(found)


# --- interpreters: what is found but not on PATH is put there, so that every venv backend sees it

_TESTING = ROOT / "packages" / "lithops-testing" / "src" / "lithops_testing"
find_interpreter = runpy.run_path(str(_TESTING / "interpreters.py"))["find_interpreter"]
FOUND = {version: path for version in (*SUPPORTED, *EARLY) if (path := find_interpreter(version))}
for _version, _path in FOUND.items():
    _first = shutil.which(f"python{_version}")
    if _first is None or Path(_first) != _path:
        os.environ["PATH"] = f"{_path.parent}{os.pathsep}{os.environ['PATH']}"


def _wanted(name: str) -> list[str]:
    """Return the Pythons to test on: all for the core, the oldest and the newest for the others."""
    if name == "lithops-core":
        return [*SUPPORTED, *(version for version in EARLY if version in FOUND)]
    return [SUPPORTED[0], SUPPORTED[-1]]


# --- wheels: built once per run, from the tree as it is


def _wheel(session: nox.Session, name: str) -> str:
    target = SCRATCH / name
    if not list(target.glob("*.whl")):
        _build(session, PACKAGES[name].folder, target, "--wheel")
    return str(next(target.glob("*.whl")))


def _build(session: nox.Session, folder: Path, target: Path, *what: str) -> None:
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    tool = [uv, "build", "--out-dir"] if uv else [sys.executable, "-m", "build", "--outdir"]
    session.run_install(*tool, str(target), *what, str(folder), external=True, silent=True)


def _install(session: nox.Session, *names: str, extra: tuple[str, ...] = ()) -> None:
    """Install wheels of these distributions, of those they depend on, and `extra` requirements."""
    wanted = _closure(*names, *map(_name, extra))
    foreign = [requirement for requirement in extra if _name(requirement) not in PACKAGES]
    # Byte code is compiled at once, as pip does: tests start thousands of interpreters, and some may not write it.
    compiled = ["--compile-bytecode"] if session.venv_backend == "uv" else []
    session.install(*compiled, *(_wheel(session, name) for name in wanted), *foreign)


# --- the account of what was not run

SCRATCH = Path(tempfile.mkdtemp(prefix="lithops-nox-"))
TALLY = SCRATCH / "tally.jsonl"
TALLY.touch()


def _record(counts: dict[str, int], not_run: list[tuple[str, str]]) -> None:
    with TALLY.open("a", encoding="utf-8") as file:
        file.write(json.dumps({"counts": counts, "not_run": not_run}) + "\n")


def _account() -> tuple[Counter[str], list[str]]:
    counts: Counter[str] = Counter()
    lines: dict[str, None] = {}
    for line in TALLY.read_text(encoding="utf-8").splitlines():
        entry = json.loads(line)
        counts.update(entry["counts"])
        lines.update((f"not run: {what} needs {needs}", None) for what, needs in entry["not_run"])
    return counts, list(lines)


@atexit.register
def _say_what_was_not_run() -> None:
    counts, lines = _account()
    shutil.rmtree(SCRATCH, ignore_errors=True)
    for line in lines:
        print(line)
    if counts:
        print(f"{counts['passed']} passed, {counts['failed']} failed, {counts['skipped']} skipped", flush=True)


def _pytest(session: nox.Session, *arguments: str) -> None:
    session.run(
        "pytest",
        f"--config-file={ROOT / 'pyproject.toml'}",
        f"--rootdir={ROOT}",
        *HANG_GUARD,
        *PYTEST,
        *arguments,
        *session.posargs,
        env={"LITHOPS_TEST_TALLY": str(TALLY), "PYTHONPATH": None},
        success_codes=[0, 5],  # 5: a package without tests yet
    )


# --- sessions


def _register_tests(package: Package) -> None:
    found = [version for version in _wanted(package.name) if version in FOUND] or [OWN]
    missing = [version for version in _wanted(package.name) if version not in FOUND]

    @nox.session(name=f"tests({package.name})", python=found, tags=["tests"])
    def tests(session: nox.Session) -> None:
        session.notify("account")
        _record({}, [(f"tests({package.name})-{version}", f"python{version}") for version in missing])
        extra = (*package.group("test"), "pytest-xdist>=3.6")
        _install(session, "lithops-core", "lithops-testing", package.name, extra=extra)
        folders = [package.folder / "tests" / kind for kind in ("unit", "contract")]
        existing = [str(folder) for folder in folders if folder.is_dir()]
        if not existing:
            session.log(f"{package.name} has neither tests/unit nor tests/contract yet")
            return
        _pytest(session, "--numprocesses=2", *existing)  # most of the time they wait for processes

    tests.__doc__ = f"Run the tests of {package.name} against the installed wheels."


@nox.session(tags=["checks"])
def lint(session: nox.Session) -> None:
    """Check style and format."""
    session.install("ruff>=0.14")
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")


@nox.session(tags=["checks"])
def types(session: nox.Session) -> None:
    """Check the types of every package, of the examples and of this file."""
    extra = [entry for package in PACKAGES.values() for kind in ("test", "types") for entry in package.group(kind)]
    _install(session, *PACKAGES, extra=("mypy>=1.15", "nox", "pytest", *extra))
    sources = [str(package.folder / "src") for package in PACKAGES.values()]
    session.run("mypy", *sources, "examples", "tests", "noxfile.py")


for _package in PACKAGES.values():
    _register_tests(_package)


@nox.session(tags=["tests"])
def oldest_joblib(session: nox.Session) -> None:
    """Run the tests of the joblib backend with the oldest joblib that the core's extra allows."""
    session.notify("account")
    core = PACKAGES["lithops-core"]
    oldest = next(need for need in core.requirements if _name(need) == "joblib").replace(">=", "==")
    others = [need for need in core.group("test") if _name(need) != "joblib"]
    _install(session, "lithops-core", "lithops-testing", extra=(*others, oldest))
    _pytest(session, *map(str, sorted(core.folder.glob("tests/unit/api/test_joblib*.py"))))


@nox.session(python=[version for version in SUPPORTED if version in FOUND], default=False)
def standard(session: nox.Session) -> None:
    """Run CPython's own tests of multiprocessing against ours; takes several minutes for each Python."""
    _run_standard(session)


@nox.session(python=[version for version in SUPPORTED if version in FOUND][-1:], tags=["tests"])
def standard_short(session: nox.Session) -> None:
    """Run those of CPython's own tests of multiprocessing that take no more than two or three minutes together.

    On the newest Python, whose tests are the most.
    """
    _run_standard(session, "-k", "not test_long_class")


def _run_standard(session: nox.Session, *arguments: str) -> None:
    session.notify("account")
    _install(session, "lithops-core", "lithops-testing")
    _pytest(session, str(PACKAGES["lithops-core"].folder / "tests" / "standard"), *arguments)


@nox.session(tags=["tests"])
def workspace(session: nox.Session) -> None:
    """Run the tests that look across packages: arrows, wording, commands of the README."""
    session.notify("account")
    _install(session, "lithops-core", "lithops-testing", extra=("nox",))
    _pytest(session, "tests", *(["benchmarks/tests"] if list(ROOT.glob("benchmarks/tests/test_*.py")) else []))


@nox.session(tags=["tests"])
def core_alone(session: nox.Session) -> None:
    """Prove that the core's wheel, alone in an empty environment, runs a map and its command."""
    session.install(_wheel(session, "lithops-core"))
    session.run("python", "-I", "tests/core_alone.py", env={"PYTHONPATH": None})


@nox.session(tags=["tests"])
def examples(session: nox.Session) -> None:
    """Run every example on its real input, with what it says that it needs."""
    scripts = sorted(ROOT.glob("examples/*.py"))
    needed = {need for script in scripts for need in _needs(script) if _name(need) not in PACKAGES}
    session.install(_wheel(session, "lithops-core"), *sorted(needed))
    for script in scripts:
        session.run("python", str(script), env={"PYTHONPATH": None})


def _needs(script: Path) -> list[str]:
    """Return the requirements that a script names in a comment, as PEP 723 has it."""
    block = re.search(r"^# /// script$\n((?:^#(?: .*)?$\n)+?)^# ///$", script.read_text(encoding="utf-8"), re.MULTILINE)
    if block is None:
        return []
    needs: list[str] = tomllib.loads(re.sub(r"^# ?", "", block[1], flags=re.MULTILINE)).get("dependencies", [])
    return needs


@nox.session(tags=["checks"])
def build(session: nox.Session) -> None:
    """Build wheels and source distributions into dist/ and check their metadata."""
    dist = ROOT / "dist"
    shutil.rmtree(dist, ignore_errors=True)
    for package in PACKAGES.values():
        _build(session, package.folder, dist)
    session.install("twine>=6.1", "check-wheel-contents>=0.6")
    archives = sorted(str(path) for path in dist.iterdir() if path.suffix in {".whl", ".gz"})
    session.run("twine", "check", "--strict", *archives)
    session.run("check-wheel-contents", *(path for path in archives if path.endswith(".whl")))


@nox.session(default=False, venv_backend="none")
def bench(session: nox.Session) -> None:
    """Measure beside peers, in venvs of their own; what follows `--` goes to benchmarks/run.py."""
    session.run(sys.executable, str(ROOT / "benchmarks" / "run.py"), *session.posargs, external=True)


@nox.session(default=False)
def soak(session: nox.Session) -> None:
    """Run what takes its time: thousands of calls while everything goes wrong now and then."""
    _install(session, "lithops-core", "lithops-testing", extra=tuple(PACKAGES["lithops-testing"].group("test")))
    _pytest(
        session,
        *(str(folder) for package in PACKAGES.values() if (folder := package.folder / "tests" / "soak").is_dir()),
    )


@nox.session(default=False, venv_backend="none")
def account(session: nox.Session) -> None:
    """Fail when something was not run and LITHOPS_TEST_REQUIRE=all; queued by itself after the tests."""
    lines = _account()[1]
    if lines and os.environ.get("LITHOPS_TEST_REQUIRE") == "all":
        session.error(f"{len(lines)} not run, listed below, and LITHOPS_TEST_REQUIRE=all asks for all")
