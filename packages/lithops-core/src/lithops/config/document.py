"""A configuration as it was written: sections of plain values, and on which line each key stands."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from lithops.config.problems import Problems
from lithops.errors import ConfigError
from lithops.records import field, record

if TYPE_CHECKING:
    from yaml.nodes import Node, ScalarNode

Path = tuple[object, ...]

_REFERENCE = re.compile(r"\$\$\{|\$\{([^}]*)(\}?)")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@record
class Document:
    """Sections by name. An empty section is an empty dict."""

    origin: str
    sections: dict[str, dict[str, Any]]
    lines: Mapping[Path, int] = field(default_factory=dict)

    def where(self, *path: object) -> str:
        """Say where a key stands, or the nearest thing around it whose line is known."""
        for length in range(len(path), 0, -1):
            if line := self.lines.get(path[:length]):
                return f"{self.origin}, line {line}"
        return self.origin


def from_mapping(given: Mapping[str, Any], origin: str, problems: Problems | None = None) -> Document:
    """Take a mapping as a document; the caller's is neither kept nor changed."""
    return _document(_plain(given), origin, {}, problems or Problems())


def parse(text: str, origin: str, problems: Problems | None = None) -> Document:
    """Parse YAML, of which JSON is a part, and fill in `${VARIABLE}` from the environment.

    Raises `ConfigError`, with the line, for what is no YAML, no mapping of sections, written twice, or refers to a
    variable that is not set. What is wrong with a single section or value goes to `problems`, if they are given.
    """
    import yaml

    if text.lstrip().startswith("{"):
        text = text.replace("\t", " ")  # JSON allows tabs between its tokens, and nowhere else; YAML does not
    problems = problems or Problems()
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return Document(origin=origin, sections={})
        lines: dict[Path, int] = {}
        reading = _Reading(origin, lines, problems, loader.construct_object)
        _prepare(node, (), reading, open_nodes=[], seen=set())
        data = loader.construct_document(node)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
        where = f"{origin}, line {mark.line + 1}, column {mark.column + 1}" if mark else origin
        raise ConfigError(f"{where}: this is not YAML: {problem}; correct it there or just above") from error
    except ValueError as error:
        if isinstance(error, ConfigError):
            raise
        raise ConfigError(
            f"{origin}: this YAML holds a value that does not exist: {error}; put it in quotes"
        ) from error
    finally:
        loader.dispose()
    return _document(data, origin, lines, problems)


def _document(data: object, origin: str, lines: Mapping[Path, int], problems: Problems) -> Document:
    if not isinstance(data, dict):
        raise ConfigError(
            f"{origin}: a configuration is a mapping of sections to keys, found {_kind(data)}; "
            f"begin with a line 'lithops:' and put keys under it"
        )
    document = Document(origin=origin, sections={}, lines=lines)
    for name, values in data.items():
        with problems.noted():
            _check_section(document, name, values)
            document.sections[name] = values or {}
    return document


def _check_section(document: Document, name: object, values: object) -> None:
    where = document.where(name)
    if not isinstance(name, str):
        raise ConfigError(f"{where}: the name of a section is text, found {name!r}; put it in quotes")
    if values is None:
        return
    if not isinstance(values, dict):
        raise ConfigError(_stray(name, values, where))
    for key in values:
        if not isinstance(key, str):
            raise ConfigError(
                f"{document.where(name, key)}: section {name!r} has the key {key!r}, which is not text; put it in quotes"
            )


def _stray(name: str, value: object, where: str) -> str:
    from lithops.config.global_section import LithopsSection

    if name in LithopsSection.model_fields:
        return f"{where}: {name!r} stands outside of any section; put it under 'lithops:'"
    return f"{where}: section {name!r} must hold keys, found {_kind(value)}; write them indented under '{name}:'"


def _kind(value: object) -> str:
    """Describe a value without showing it: nobody knows yet whether it is a secret."""
    if isinstance(value, list):
        return "a list"
    return "text" if isinstance(value, str) else f"a value of type {type(value).__name__}"


def _plain(value: Any) -> Any:
    from lithops.config.settings import reveal

    if isinstance(value, Mapping):
        return {key: _plain(entry) for key, entry in value.items()}
    return reveal(value)


class _Reading(NamedTuple):
    """What is needed, and what is found, on the way through the nodes of a text."""

    origin: str
    lines: dict[Path, int]
    problems: Problems
    construct: Callable[[Node], Any]


def _prepare(
    node: Node,
    path: Path,
    reading: _Reading,
    *,
    open_nodes: list[Node],
    seen: set[int],
) -> None:
    """Note lines, refuse what is ambiguous, and fill in variables, before values are made of nodes."""
    from yaml.nodes import ScalarNode

    if any(node is outer for outer in open_nodes):
        raise ConfigError(
            f"{reading.origin}, line {_line(node)}: this value contains itself; write it without the alias"
        )
    if id(node) in seen:  # an alias: done where its anchor stands
        return
    seen.add(id(node))
    if isinstance(node, ScalarNode):
        with reading.problems.noted():
            _fill_in(node, reading.origin)
        return
    open_nodes.append(node)
    for key, child in _children(node, path, reading):
        _prepare(child, (*path, key), reading, open_nodes=open_nodes, seen=seen)
    open_nodes.pop()


def _children(node: Node, path: Path, reading: _Reading) -> Iterator[tuple[object, Node]]:
    from yaml.nodes import MappingNode, ScalarNode, SequenceNode

    lines = reading.lines
    if isinstance(node, SequenceNode):
        for index, child in enumerate(node.value):
            lines[(*path, index)] = _line(child)
            yield index, child
        return
    assert isinstance(node, MappingNode)  # there are but three kinds of nodes
    for key_node, child in node.value:
        key = None
        if isinstance(key_node, ScalarNode) and key_node.tag != "tag:yaml.org,2002:merge":
            key = reading.construct(key_node)  # not its text: `yes` is no text, and will be looked for as True
            if (*path, key) in lines:
                first = lines[(*path, key)]
                with reading.problems.noted():
                    raise ConfigError(
                        f"{reading.origin}, line {_line(key_node)}: {key!r} stands here and on line {first}; remove one"
                    )
            lines[(*path, key)] = _line(key_node)
        yield key, child


def _line(node: Node) -> int:
    return int(node.start_mark.line) + 1


def _fill_in(node: ScalarNode, origin: str) -> None:
    text = node.value
    if not isinstance(text, str) or "${" not in text:
        return
    where = f"{origin}, line {_line(node)}"

    def value_of(match: re.Match[str]) -> str:
        if match[1] is None:
            return "${"
        name, closed = match[1], match[2]
        if not closed or not _VARIABLE.fullmatch(name):
            raise ConfigError(
                f"{where}: {match[0]!r} is not a reference to an environment variable, which is written ${{NAME}}; "
                f"write '$${{' for a literal '${{'"
            )
        found = os.environ.get(name)
        if found is None:
            raise ConfigError(
                f"{where}: the environment variable {name!r} is not set; set it, or write '$${{{name}}}' "
                f"for the literal text '${{{name}}}'"
            )
        return found

    node.value = _REFERENCE.sub(value_of, text)
