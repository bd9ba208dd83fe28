"""Which configuration there is: the first of argument, environment and files wins, and nothing is merged."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from lithops.config.places import FILE_VARIABLE, TEXT_VARIABLE, search_list
from lithops.errors import ConfigError

if TYPE_CHECKING:
    from lithops.config.document import Document
    from lithops.config.problems import Problems

_CHOICES = re.compile(r"\b(?:backend|mode|runtime)['\"]?\s*:\s*['\"]?([\w./-]+)")


class Source(NamedTuple):
    """A configuration that was found but not yet read: one of `given`, `text` and `path` is set."""

    origin: str
    """How errors name it."""
    given: Mapping[str, Any] | None = None
    text: str | None = None
    path: str | None = None
    asked_by: str = ""
    """Who named the file, if somebody did."""


def locate(config: Mapping[str, Any] | None = None, config_file: str | os.PathLike[str] | None = None) -> Source | None:
    """Return the first configuration in the order of the documentation, None if there is none."""
    if config is not None:
        if not isinstance(config, Mapping):
            raise ConfigError(f"config must be a mapping of sections, not {config!r}; a path goes into config_file")
        return Source("the config argument", given=config) if config else None
    if config_file is not None:
        return _file(os.fspath(config_file), "config_file")
    if text := os.environ.get(TEXT_VARIABLE, "").strip():
        return Source(f"the environment variable {TEXT_VARIABLE}", text=text)
    if path := os.environ.get(FILE_VARIABLE, "").strip():
        return _file(path, f"the environment variable {FILE_VARIABLE}")
    for path in search_list():
        if os.path.lexists(path):
            return Source(path, path=path)
    return None


def stays_here(source: Source | None) -> bool:
    """Guess, without parsing, whether calls will run on this machine and this interpreter; a wrong guess costs little."""
    if source is None:
        return True
    text = source.text or repr(source.given or "")
    if source.path is not None:
        try:
            with open(source.path, encoding="utf-8") as file:  # noqa: PTH123 - pathlib takes 3 ms to import
                text = file.read()
        except (OSError, ValueError):  # what is wrong with it is said when it is read
            return False
    return all(name == "localhost" for name in _CHOICES.findall(text))


def read(source: Source, problems: Problems | None = None) -> Document:
    """Read a configuration into sections; raises `ConfigError` for whatever keeps it from being one.

    With `problems`, sections that are none are left out, and their errors go there.
    """
    from lithops.config.document import from_mapping, parse

    if source.given is not None:
        return from_mapping(source.given, source.origin, problems)
    if source.text is None:
        return parse(_contents(source), source.origin, problems)
    if not set(source.text) & set("\n:{"):  # not even one key
        raise ConfigError(
            f"{source.origin} must hold a configuration, found {source.text!r}; "
            f"if this is the path of a file, put it into {FILE_VARIABLE}"
        )
    return parse(source.text, source.origin, problems)


def _file(path: str, asked_by: str) -> Source:
    path = os.path.expanduser(path)  # noqa: PTH111 - see places.search_list
    return Source(path, path=path, asked_by=asked_by)


def _contents(source: Source) -> str:
    from pathlib import Path

    path = Path(source.path or "")
    asked = f" (asked for by {source.asked_by})" if source.asked_by else ""
    what = f"config file {source.path!r}{asked}"
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise ConfigError(f"{what} does not exist; 'lithops config init' writes one to begin with") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{what} is not UTF-8 text (byte {error.start}: {error.reason}); save it as UTF-8") from error
    except OSError as error:
        if os.path.isdir(path):  # noqa: PTH112 - Path.is_dir() raises where it may not look
            raise ConfigError(f"{what} is a directory; name a file in it") from error
        raise ConfigError(f"{what} cannot be read: {error.strerror}; see who may read it and its folders") from error
