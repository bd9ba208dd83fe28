"""Every module has one duty, says which, and is short enough to be read."""

from __future__ import annotations

import ast
import re
from pathlib import Path

NAMELESS = {"utils", "helpers", "common", "misc", "util"}
DROP_IN = Path("packages/lithops-core/src/lithops/util")  # a package whose name users import already


def _docstring(text: str) -> str:
    return ast.get_docstring(ast.parse(text)) or ""


def _only_exports_again(text: str) -> bool:
    """Tell whether a module holds nothing but a docstring, imports and names bound to names."""
    simple = ast.Import | ast.ImportFrom | ast.Assign | ast.AnnAssign | ast.Expr | ast.If
    defined = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    body = ast.parse(text).body
    return all(
        isinstance(node, simple) or (isinstance(node, defined) and node.name in {"__getattr__", "__dir__"})
        for node in body
    )


def test_every_module_has_a_docstring(texts: dict[Path, str]) -> None:
    # An empty file has nothing to say; a folder of sample plugins is what authors write, not what we do.
    modules = {path: text for path, text in texts.items() if path.suffix == ".py" and "data" not in path.parts}
    without = [
        str(path)
        for path, text in modules.items()
        if text.strip() and path.name != "_version.py" and not _docstring(text)
    ]
    assert not without, f"a docstring says what a module is for: {without}"


def test_no_module_is_longer_than_700_lines_and_400_need_a_reason(texts: dict[Path, str]) -> None:
    too_long = []
    for path, text in texts.items():
        lines = text.count("\n")
        if path.suffix != ".py" or lines <= 400:
            continue
        if lines > 700 or not re.search(r"\b(long|one module|one file|lines)\b", _docstring(text)):
            too_long.append(f"{path}: {lines} lines")
    assert not too_long, f"split these, or say in the docstring why a module is so long: {too_long}"


def test_module_is_named_after_its_duty(product: dict[Path, str]) -> None:
    nameless = [
        str(path)
        for path, text in product.items()
        if (path.stem in NAMELESS or path.parent.name in NAMELESS)
        and not path.is_relative_to(DROP_IN)
        and not _only_exports_again(text)
    ]
    assert not nameless, f"these names say no duty, and the modules are more than re-exports: {nameless}"


def test_every_distribution_ships_its_licence_and_types(root: Path) -> None:
    missing = []
    for file in root.glob("packages/*/pyproject.toml"):
        licence = file.with_name("LICENSE")
        if not licence.is_file() or licence.read_bytes() != (root / "LICENSE").read_bytes():
            missing.append(f"{licence.relative_to(root)} is not the repository's LICENSE")
        if not list(file.parent.glob("src/*/py.typed")):
            missing.append(f"{file.parent.relative_to(root)} has no src/*/py.typed")
    assert not missing, missing
