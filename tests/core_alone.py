"""Run by the `core_alone` session in an environment that holds the core's wheel and what it requires, nothing else."""

from __future__ import annotations

import re
import subprocess
import sys
import sysconfig
import tempfile
from importlib import metadata
from pathlib import Path

import lithops


def double(x: int) -> int:
    return 2 * x


def required(name: str, found: set[str]) -> set[str]:
    """Return `name` and what it requires here, extras left out."""
    key = re.sub(r"[-_.]+", "-", name).lower()
    if key not in found:
        try:
            requirements = metadata.requires(key) or []
        except metadata.PackageNotFoundError:  # a requirement for another platform or Python
            return found
        found.add(key)
        for requirement in requirements:
            if "extra ==" not in requirement:
                required(re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0], found)
    return found


def main() -> None:
    """Import, run a map, call the command; exits with a sentence when anything is wrong."""
    home = Path(lithops.__file__).resolve()
    if not home.is_relative_to(Path(sysconfig.get_path("purelib")).resolve()):
        sys.exit(f"the installed wheel was to be tested, but lithops comes from {str(home)!r}")
    installed = {re.sub(r"[-_.]+", "-", found.metadata["Name"]).lower() for found in metadata.distributions()}
    surplus = installed - required("lithops-core", set()) - {"pip", "setuptools", "wheel"}
    if surplus:
        sys.exit(f"the core was to be alone, but found {sorted(surplus)!r}")

    with lithops.FunctionExecutor() as fexec:
        fexec.map(double, range(10))
        result = fexec.get_result()
    if result != [double(x) for x in range(10)]:
        sys.exit(f"map(double, range(10)) was to give the first even numbers, gave {result!r}")

    command = Path(sysconfig.get_path("scripts")) / "lithops"
    with tempfile.TemporaryDirectory() as empty:
        for arguments in (["--help"], ["--version"], ["hello"]):
            subprocess.run([command, *arguments], check=True, timeout=60, cwd=empty, stdout=subprocess.DEVNULL)
    beside = ", ".join(sorted(installed))
    print(f"lithops {lithops.__version__} works alone on Python {sys.version.split()[0]}, beside {beside}")


if __name__ == "__main__":
    main()
