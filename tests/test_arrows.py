"""Imports go one way between the rooms of the core, and the core knows no vendor."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

CORE = Path("packages/lithops-core/src/lithops")

# A room may import rooms of a lower rank at any place, and rooms of its own rank. Importing upwards inside a function
# is left to the author, who says why: it is how a future finds its executor, or a fast path stays fast.
RANKS = {
    "types": 0,
    "errors": 0,
    "objects": 0,
    "exchanges": 0,
    "records": 0,
    "_version": 0,
    "hookspecs": 1,
    "pool": 1,
    "worker": 1,
    "remote": 1,
    "bundle": 2,
    "logs": 2,
    "config": 2,
    "plugins": 2,
    "storage": 2,
    "progress": 2,
    "plots": 2,
    "localhost": 3,
    "serverless": 3,
    "standalone": 3,
    "jobs": 4,
    "lanes": 4,
    "invoke": 4,
    "future": 5,
    "futures": 5,
    "utils": 5,
    "opening": 5,
    "session": 5,
    "stream": 5,
    "aio": 5,
    "display": 5,
    "wait": 5,
    "retries": 5,
    "submitting": 5,
    "executors": 5,
    "attaching": 5,
    "cli": 6,
    "__main__": 6,
}
REMOTE = {"worker", "pool", "remote"}  # run where nothing else of the core may be
REMOTE_MAY_IMPORT = {"types", "records", "errors", *REMOTE}
# Programs that use `lithops.multiprocessing` have their Redis in the configuration, whatever their backend is: it is a
# front's own means, not a vendor's.
OF_FRONTS = {"multiprocessing": "redis"}
SDKS = re.compile(
    r"aiobotocore|aliyun\w*|alibabacloud\w*|azure|boto3|botocore|docker|fc2|google|ibm\w*|infinispan\w*|knative|"
    r"kubernetes|minio|oci|openstack|oss2|paramiko|pika|podman|redis|swiftclient"
)


@dataclass(frozen=True)
class Import:
    """One import statement, as it stands in a module."""

    where: str
    target: str
    at_module_level: bool


def imports(path: Path, text: str) -> Iterator[Import]:
    """Yield what a module imports, absolute names, imports for type checkers left out."""

    def visit(node: ast.AST, at_module_level: bool) -> Iterator[Import]:
        for child in ast.iter_child_nodes(node):
            where = f"{path}:{getattr(child, 'lineno', 0)}"
            if isinstance(child, ast.Import):
                yield from (Import(where, alias.name, at_module_level) for alias in child.names)
            elif isinstance(child, ast.ImportFrom):
                base = (child.module or "").split(".") if child.module else []
                if child.level:
                    package = list(path.with_suffix("").parts[3:])
                    base = package[: len(package) - child.level] + base
                if base == ["lithops"]:
                    yield from (Import(where, f"lithops.{alias.name}", at_module_level) for alias in child.names)
                else:
                    yield Import(where, ".".join(base), at_module_level)
            elif isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
                yield from (found for other in child.orelse for found in visit(other, at_module_level))
            else:
                inside = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
                yield from visit(child, at_module_level and not inside)

    yield from visit(ast.parse(text), True)


def room(path: Path) -> str:
    """Return the room of the core that a module belongs to; empty for the package itself."""
    name = path.relative_to(CORE).parts[0].removesuffix(".py")
    return "" if name == "__init__" else name


def test_imports_between_rooms_go_one_way(product: dict[Path, str]) -> None:
    against = []
    for path, text in product.items():
        if not path.is_relative_to(CORE) or room(path) not in RANKS:
            continue
        own = RANKS[room(path)]
        for found in imports(path, text):
            head, _, rest = found.target.partition(".")
            target = rest.partition(".")[0]
            if head == "lithops" and found.at_module_level and RANKS.get(target, 0) > own:
                against.append(f"{found.where} imports {found.target}")
    assert not against, "\n".join(against)


def test_worker_and_pool_import_only_types_errors_and_each_other(product: dict[Path, str]) -> None:
    against = []
    for path, text in product.items():
        if not path.is_relative_to(CORE) or room(path) not in REMOTE:
            continue
        for found in imports(path, text):
            head, _, rest = found.target.partition(".")
            if head == "lithops" and rest.partition(".")[0] not in REMOTE_MAY_IMPORT:
                against.append(f"{found.where} imports {found.target}")
    assert not against, "\n".join(against)


def test_only_a_room_with_a_rank_stands_below_the_fronts(product: dict[Path, str]) -> None:
    fronts = {"", "multiprocessing", "concurrent", "util", "utils", "version", "constants"}
    rooms = {room(path) for path in product if path.is_relative_to(CORE)}
    unknown = rooms - RANKS.keys() - fronts
    assert not unknown, f"say in RANKS where these rooms of the core stand: {sorted(unknown)}"


def test_core_imports_no_sdk(product: dict[Path, str]) -> None:
    against = [
        f"{found.where} imports {found.target}"
        for path, text in product.items()
        if path.is_relative_to(CORE)
        for found in imports(path, text)
        if SDKS.fullmatch(sdk := found.target.partition(".")[0]) and OF_FRONTS.get(room(path)) != sdk
    ]
    assert not against, "\n".join(against)


def test_core_requires_no_sdk(root: Path) -> None:
    project = tomllib.loads((root / "packages/lithops-core/pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [
        *project["dependencies"],
        *(entry for extra in project["optional-dependencies"].values() for entry in extra),
    ]
    of_fronts = set(OF_FRONTS.values())
    assert not [entry for entry in wanted if (found := SDKS.match(entry)) and found[0] not in of_fronts]
