"""Put into words what a key accepts, for errors, the template and the documentation."""

from __future__ import annotations

import types
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pydantic.fields import FieldInfo

_WORDS: dict[object, str] = {
    int: "an integer",
    float: "a number",
    bool: "true or false",
    str: "text",
    SecretStr: "text",
    Path: "a path",
}


def accepted(field: FieldInfo) -> str:
    """Say what values a field accepts: `an integer from 1 to 8`, `'a', 'b' or null`."""
    limits = _limits(field.metadata)
    words = [word for option in _options(field.annotation) for word in _words(option, limits)]
    *most, last = sorted(dict.fromkeys(words), key=lambda word: word == "null")  # whatever the order, null comes last
    return f"{', '.join(most)} or {last}" if most else last


def _options(annotation: Any) -> tuple[Any, ...]:
    return get_args(annotation) if get_origin(annotation) in (Union, types.UnionType) else (annotation,)


def _words(annotation: Any, limits: str) -> list[str]:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if annotation is type(None):
        return ["null"]
    if origin is Literal:
        return [repr(value) for value in arguments]
    if origin in (list, tuple, set, frozenset) or annotation in (list, tuple, set, frozenset):
        inner = next((_plural(argument) for argument in arguments if argument is not Ellipsis), "values")
        return [f"a list of {inner}{limits}"]
    if origin is dict or annotation is dict or (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
        return [f"a mapping of keys{limits}"]
    return [(_WORDS.get(annotation) or str(getattr(annotation, "__name__", annotation)).lower()) + limits]


def _plural(annotation: Any) -> str:
    return {str: "texts", int: "integers", float: "numbers"}.get(annotation, "values")


def _limits(metadata: Iterable[Any]) -> str:
    found: dict[str, Any] = {}
    for item in metadata:
        for name in ("ge", "gt", "le", "lt", "multiple_of", "min_length", "max_length", "pattern"):
            if (value := getattr(item, name, None)) is not None:
                found[name] = value
    words = ""
    if "ge" in found and "le" in found:
        words += f" from {found['ge']} to {found['le']}"
    elif "ge" in found:
        words += f" of at least {found['ge']}"
    elif "le" in found:
        words += f" of at most {found['le']}"
    if "gt" in found:
        words += f" above {found['gt']}"
    if "lt" in found:
        words += f" below {found['lt']}"
    if "multiple_of" in found:
        words += f" in steps of {found['multiple_of']}"
    if "min_length" in found and "max_length" in found:
        words += f", {found['min_length']} to {found['max_length']} long"
    elif "min_length" in found:
        words += f", at least {found['min_length']} long"
    elif "max_length" in found:
        words += f", at most {found['max_length']} long"
    if "pattern" in found:
        words += f", matching {found['pattern']!r}"
    return words
