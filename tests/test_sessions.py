"""Sessions follow from what lies in packages/*, and the ones that documents name exist."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest


def sessions(folder: Path) -> dict[str, tuple[bool, set[str]]]:
    """Return the sessions of a workspace: name -> run by default, tags."""
    listing = subprocess.run(
        [sys.executable, "-m", "nox", "--noxfile", str(folder / "noxfile.py"), "--list"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    lines = re.findall(r"^([*-]) (\S+)(?: \[(.*?)\])?", listing.stdout, re.MULTILINE)
    return {name: (mark == "*", set(filter(None, tags.split(", ")))) for mark, name, tags in lines}


@pytest.fixture(scope="module")
def ours(root: Path) -> dict[str, tuple[bool, set[str]]]:
    return sessions(root)


@pytest.fixture
def copy(root: Path, tmp_path: Path) -> Path:
    """What the noxfile reads, without the rest of the workspace."""
    finder = "packages/lithops-testing/src/lithops_testing/interpreters.py"
    files = [
        Path("noxfile.py"),
        Path(finder),
        *(path.relative_to(root) for path in root.glob("packages/*/pyproject.toml")),
    ]
    for file in files:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(root / file, tmp_path / file)
    return tmp_path


def test_every_distribution_has_a_session(root: Path, ours: dict[str, tuple[bool, set[str]]]) -> None:
    distributions = [file.parent.name for file in root.glob("packages/*/pyproject.toml")]
    assert distributions
    for distribution in distributions:
        assert [name for name in ours if name.startswith(f"tests({distribution})-3.")], distribution


def test_new_package_gets_a_session_without_an_edit(copy: Path) -> None:
    package = copy / "packages" / "lithops-backend-example" / "pyproject.toml"
    package.parent.mkdir()
    package.write_text('[project]\nname = "lithops-backend-example"\ndependencies = ["lithops-core"]\n')
    assert [name for name in sessions(copy) if name.startswith("tests(lithops-backend-example)-3.")]


def test_everything_but_what_takes_long_runs_by_default(ours: dict[str, tuple[bool, set[str]]]) -> None:
    # `account` is queued by the sessions that have something to account for.
    left_out = {re.sub(r"-3\.\d+$", "", name) for name, (default, _) in ours.items() if not default}
    assert left_out == {"bench", "soak", "account", "standard"}


@pytest.mark.parametrize("document", ["docs/development.md", "CONTRIBUTING.md", "noxfile.py", "README.md"])
def test_sessions_named_by_documents_exist(root: Path, document: str, ours: dict[str, tuple[bool, set[str]]]) -> None:
    tags = {tag for _, own in ours.values() for tag in own}
    names = {re.sub(r"-3\.\d+$", "", name) for name in ours}  # a Python that is missing here has no session
    text = (root / document).read_text(encoding="utf-8")
    for option, rest in re.findall(r"\bnox -([st]) ([^`\n]*?)(?:`|  |$)", text, re.MULTILINE):
        for word in shlex.split(rest.partition(" -- ")[0]):
            if "<" in word:  # a placeholder, not a name
                continue
            known = word in tags if option == "t" else re.sub(r"-3\.\d+$", "", word) in names
            assert known, f"{document} names {word!r}; nox -l has {sorted(ours)}"
