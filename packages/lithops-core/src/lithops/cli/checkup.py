"""What `lithops doctor` looks at, one check after the other."""

from __future__ import annotations

import importlib.util
import logging
import platform
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from lithops._version import __version__
from lithops.errors import LithopsError
from lithops.records import record

logger = logging.getLogger(__name__)

OLDEST = (3, 11)
EXTRAS = {
    "plot": ("matplotlib", "numpy"),
    "notebook": ("ipywidgets",),
    "joblib": ("joblib",),
    "redis": ("redis",),
    "serverless": ("httptools",),
}
"""What the core's optional parts import; a test holds this to what the distribution declares."""
CALL_S = 300.0
"""How long the call may take: a backend may have to build its runtime first."""


@record
class Check:
    """What was found, and what to do about it."""

    name: str
    state: Literal["ok", "warn", "fail"]
    found: str
    remedy: str = ""


def checkup(config_file: str | None, backend: str | None, storage: str | None) -> Iterator[Check]:
    """Check the interpreter, what is installed, the configuration, this machine, and at last a call."""
    yield _interpreter()
    yield Check(name="platform", state="ok", found=platform.platform())
    yield Check(name="lithops-core", state="ok", found=f"{__version__} in {Path(__file__).parents[1]}")
    yield _namesake()
    yield from _extras()
    yield from _plugins()
    valid = True
    for check in _configuration(config_file, backend, storage):
        valid = valid and check.state != "fail"
        yield check
    yield _state_folder()
    yield _shared_memory()
    if valid:
        yield _call(config_file, backend, storage)


def _interpreter() -> Check:
    found = f"{platform.python_version()} ({sys.executable})"
    if sys.version_info[:2] < OLDEST:
        wanted = ".".join(map(str, OLDEST))
        return Check(name="python", state="fail", found=found, remedy=f"install Python {wanted} or later")
    return Check(name="python", state="ok", found=found)


def _namesake() -> Check:
    from lithops.logs import namesake

    version = namesake()
    if version is None:
        return Check(name="package", state="ok", found="no other distribution brings a package 'lithops'")
    return Check(
        name="package",
        state="fail",
        found=f"the distribution 'lithops' {version} brings a package 'lithops', too: one overwrites the other's files",
        remedy="pip uninstall lithops, then pip install --force-reinstall lithops-core",
    )


def _extras() -> Iterator[Check]:
    for extra, modules in EXTRAS.items():
        missing = [module for module in modules if importlib.util.find_spec(module) is None]
        found = f"not installed ({', '.join(missing)}); pip install 'lithops-core[{extra}]'" if missing else "installed"
        yield Check(name=f"extra {extra}", state="ok", found=found)


def _plugins() -> Iterator[Check]:
    from lithops.cli.examination import examine

    findings = list(examine())
    usable = sorted({f"{finding.info.name} ({finding.info.kind})" for finding in findings if finding.state == "ok"})
    yield Check(name="plugins", state="ok", found=", ".join(usable))
    for reason in dict.fromkeys(finding.reason for finding in findings if finding.state != "ok"):
        yield Check(name="plugins", state="warn", found=reason)


def _configuration(config_file: str | None, backend: str | None, storage: str | None) -> Iterator[Check]:
    from lithops.config import resolve, search_list

    try:
        settings = resolve(config_file=config_file, backend=backend, storage=storage, thorough=True)
    except LithopsError as error:
        logger.debug("the configuration cannot be used", exc_info=True)
        yield Check(name="configuration", state="fail", found=str(error), remedy="correct it; calls were not tried")
        return
    source = settings.source or f"none found in the environment or as {', '.join(search_list())}: the defaults hold"
    chosen = f"mode {settings.mode}, backend {settings.backend}, storage {settings.storage}"
    yield Check(name="configuration", state="ok", found=f"{source} ({chosen})")
    for note in settings.notes:
        yield Check(name="configuration", state="warn", found=note)


def _state_folder() -> Check:
    from tempfile import TemporaryFile

    from lithops.config import logs_dir, state_dir

    try:
        folder = state_dir()
        logs_dir()
        with TemporaryFile(dir=folder) as file:
            file.write(b"x" * 4096)
            file.flush()
    except LithopsError as error:
        return Check(name="state folder", state="fail", found=str(error))
    except OSError as error:
        return Check(
            name="state folder",
            state="fail",
            found=f"{folder} cannot be written to: {error.strerror}",
            remedy="make room or change its mode, or set LITHOPS_STATE_DIR to a folder where it can",
        )
    return Check(name="state folder", state="ok", found=f"{folder} can be written to")


def _shared_memory() -> Check:
    import os

    from lithops.pool import shared

    try:
        os.close(shared.create([b"x" * 4096]))
    except OSError as error:
        return Check(
            name="shared memory",
            state="warn",
            found=f"not available ({error}): large arguments and results travel through pipes, which is slower",
            remedy="nothing has to be done; in a container, see its limits of memory and descriptors",
        )
    return Check(name="shared memory", state="ok", found="available")


def _call(config_file: str | None, backend: str | None, storage: str | None) -> Check:
    from lithops.executors import FunctionExecutor

    def double(number: int) -> int:  # nested, so that it travels whole: runtimes need not have the command line
        return 2 * number

    began = time.monotonic()
    try:
        with FunctionExecutor(config_file=config_file, backend=backend, storage=storage) as fexec:
            name = fexec.backend
            result = fexec.call_async(double, (21,)).result(timeout=CALL_S)
        took_s = time.monotonic() - began
    except Exception as error:  # a backend is a stranger's code, and what it raises is the finding
        logger.debug("the call failed", exc_info=True)
        return Check(
            name="call",
            state="fail",
            found=f"failed after {time.monotonic() - began:.2f} s: {type(error).__name__}: {error}",
            remedy="'lithops doctor --debug' shows all that happened",
        )
    if result != 42:
        return Check(name="call", state="fail", found=f"on {name}: 2 * 21 gave {result!r}")
    return Check(name="call", state="ok", found=f"works on {name}: {took_s:.2f} s from start to end")
