"""Which plugin reads which section."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from lithops.config.settings import LANES, LOCALHOST
from lithops.errors import PluginError
from lithops.records import record

if TYPE_CHECKING:
    from pydantic import BaseModel

    from lithops.config.document import Document
    from lithops.config.selection import Selection

MODE_SECTIONS = ("serverless", "standalone")
"""Sections that lie under those of all backends of a mode."""
REDIS = "redis"
"""The section that `lithops.multiprocessing` reads; where plugins of that name are installed, it is theirs as well."""


@record
class Reader:
    """A plugin that takes its configuration from one or more sections, the later ones before the earlier."""

    owner: str
    """How errors name it."""
    family: str
    name: str
    model: type[BaseModel] | None
    sections: tuple[str, ...]
    provider: str | None = None


def readers_in_use(
    document: Document, chosen: Selection, overrides: Mapping[str, object], notes: list[str]
) -> Iterator[Reader]:
    """Yield readers for the chosen plugins, and for the cross-cutting ones that have a section.

    The built-in ones are left out where nothing is written for them: their defaults hold, and need no pydantic.
    """
    local = set(document.sections.get(LOCALHOST, {}))
    if chosen.backend != LOCALHOST or local or overrides:
        extra = (chosen.mode,) if chosen.mode in MODE_SECTIONS else ()
        compute = reader_of("compute", chosen.backend, extra)
        yield compute
        if chosen.backend == LOCALHOST:  # the built-in store has no key in common with it, so it is often not needed
            local -= known_keys([compute]) or set()
    if chosen.storage != LOCALHOST or local:
        yield reader_of("storage", chosen.storage)
    if chosen.monitoring not in LANES:
        yield reader_of("monitor", chosen.monitoring)
    rest = document.sections.keys() - {"lithops", LOCALHOST, chosen.backend, chosen.storage}
    if not rest:
        return
    from lithops.plugins import installed

    for info in installed("plugins"):
        if info.name in rest:
            try:
                yield reader_of("plugins", info.name)
            except PluginError as error:  # nobody chose it: it is left out, with a warning, when plugins are opened
                notes.append(f"section {info.name!r} was not checked: {error}")


def front_reader() -> Reader:
    """Return the reader for what `lithops.multiprocessing` reads of section `redis`."""
    from lithops.config.redis_section import RedisSection

    return Reader(owner=f"section {REDIS!r}", family="front", name=REDIS, model=RedisSection, sections=(REDIS,))


def reader_of(family: str, name: str, extra: tuple[str, ...] = ()) -> Reader:
    """Return the reader for an installed plugin; `extra` are sections that lie between its provider's and its own."""
    from lithops.plugins import config_model, find, installed, load

    if family == "plugins":
        info = next(info for info in installed("plugins") if info.name == name)
    else:
        info = find(family, name)
    plugin = load(info)
    provider = getattr(plugin, "provider", None)
    return Reader(
        owner=f"{'backend' if family == 'compute' else family if family != 'plugins' else 'plugin'} {name!r}",
        family=family,
        name=name,
        model=config_model(plugin),
        sections=(*((provider,) if provider else ()), *extra, name),
        provider=provider,
    )


def onlookers(document: Document, in_use: list[Reader], notes: list[str]) -> Iterator[Reader]:
    """Yield readers for the sections of installed plugins that are not in use."""
    from lithops.plugins import installed

    busy = {(reader.family, reader.name) for reader in in_use}
    for info in installed():
        if info.name in document.sections and (info.family, info.name) not in busy:
            extra = (info.kind,) if info.kind in MODE_SECTIONS else ()
            try:
                yield reader_of(info.family, info.name, extra)
            except PluginError as error:
                notes.append(f"section {info.name!r} was not checked: {error}")


def known_keys(readers: list[Reader]) -> set[str] | None:
    """Return every key that one of the readers knows, None if one of them takes any key."""
    from lithops.config.validation import accepted_keys, takes_any_key

    known: set[str] = set()
    for reader in readers:
        if reader.model is not None:
            if takes_any_key(reader.model):
                return None
            known |= accepted_keys(reader.model).keys()
    return known
