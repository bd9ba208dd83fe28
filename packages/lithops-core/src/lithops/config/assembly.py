"""Bring sections and plugins together: who reads which section, and is every key read by somebody."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from lithops.config.names import advice, slip_of
from lithops.config.readers import (
    MODE_SECTIONS,
    REDIS,
    Reader,
    front_reader,
    known_keys,
    onlookers,
    reader_of,
    readers_in_use,
)
from lithops.config.settings import (
    EXECUTION_TIMEOUT_S,
    LOCALHOST,
    LOCALHOST_EXECUTION_TIMEOUT_S,
    LOCALHOST_MONITORING_INTERVAL_S,
    MONITORING_INTERVAL_S,
    SELECTORS,
    GlobalSettings,
    Settings,
    SpeculationPolicy,
)
from lithops.errors import ConfigError, PluginError
from lithops.records import names_of

if TYPE_CHECKING:
    from pydantic import BaseModel

    from lithops.config.document import Document
    from lithops.config.problems import Problems
    from lithops.config.selection import Selection
    from lithops.config.validation import Entry


def assemble(
    document: Document,
    chosen: Selection,
    overrides: Mapping[str, object],
    problems: Problems,
    *,
    source: str | None,
    thorough: bool = False,
) -> Settings:
    """Validate what the chosen plugins read, and account for the rest."""
    notes = [*chosen.notes]
    general = _general(document, chosen, notes, problems)
    in_use: list[Reader] = []
    with problems.noted():
        in_use += readers_in_use(document, chosen, overrides, notes)
    if document.sections.get(REDIS) and not _is_plugins(REDIS):
        in_use.append(front_reader())
    others = list(onlookers(document, in_use, notes)) if thorough else []
    unread = list(_check_names(document, [*in_use, *others], notes, problems))
    _check_overrides(overrides, next((reader for reader in in_use if reader.family == "compute"), None))
    models: dict[tuple[str, str], BaseModel] = {}
    for reader in [*in_use, *others]:
        given = overrides if reader.family == "compute" and reader in in_use else {}
        with problems.noted():
            model = _read(reader, document, given, notes)
            if model is not None and reader in in_use:
                models[reader.family, reader.name] = model
    return Settings(
        mode=chosen.mode,
        backend=chosen.backend,
        storage=chosen.storage,
        monitoring=chosen.monitoring,
        lithops=general,
        compute=models.pop(("compute", chosen.backend), None),
        storage_config=models.pop(("storage", chosen.storage), None),
        sections={name: model for (_, name), model in models.items()},
        unchecked={name: _as_written(document.sections[name], name, in_use) for name in unread},
        notes=tuple(dict.fromkeys(notes)),
        source=source,
    )


def _is_plugins(section: str) -> bool:
    from lithops.plugins import installed

    return any(info.name == section for info in installed())


def _as_written(values: Mapping[str, Any], name: str, readers: list[Reader]) -> dict[str, Any]:
    """Copy a section; what one of its readers keeps as a secret is a secret here, too."""
    from pydantic import SecretStr

    from lithops.config.validation import accepted_keys, holds_secret

    fields_of = [accepted_keys(reader.model) for reader in readers if reader.model and name in reader.sections]
    secret = {key for keys in fields_of for key, field in keys.items() if holds_secret(field)}
    return {
        key: SecretStr(value) if key in secret and isinstance(value, str) else value for key, value in values.items()
    }


def _general(document: Document, chosen: Selection, notes: list[str], problems: Problems) -> GlobalSettings:
    local = chosen.mode == LOCALHOST
    values: dict[str, Any] = {
        "execution_timeout": LOCALHOST_EXECUTION_TIMEOUT_S if local else EXECUTION_TIMEOUT_S,
        "monitoring_interval": (
            LOCALHOST_MONITORING_INTERVAL_S if chosen.storage == LOCALHOST else MONITORING_INTERVAL_S
        ),
    }
    section = document.sections.get("lithops", {})
    if not section.keys() <= set(SELECTORS):  # those were checked when they were followed
        from lithops.config.global_section import LithopsSection
        from lithops.config.validation import Entry, notes_on, validate

        strange = [key for key in section if key not in LithopsSection.model_fields]
        for key in strange:
            with problems.noted():
                compute = known_keys([reader_of("compute", chosen.backend)]) or set()
                advised = (
                    f"{key!r} is a key of section {chosen.backend!r}"
                    if key in compute
                    else advice(key, LithopsSection.model_fields)
                )
                where = document.where("lithops", key)
                raise ConfigError(f"{where}: unknown key {key!r} in section 'lithops'; {advised}")
        left = section.keys() - {*SELECTORS, *strange}
        entries = {key: Entry(value, "lithops") for key, value in section.items() if key in left}
        with problems.noted():
            model = validate(LithopsSection, entries, owner="section 'lithops'", document=document)
            notes.extend(notes_on(LithopsSection, entries, document))
            written = model.model_dump(exclude_unset=True)
            values |= {key: value for key, value in written.items() if value is not None or key not in values}
    values["execution_timeout_s"] = values.pop("execution_timeout")
    if (speculation := values.get("speculation")) is not None:
        values["speculation"] = SpeculationPolicy(**speculation)
    known = set(names_of(GlobalSettings))
    return GlobalSettings(**{key: value for key, value in values.items() if key in known})


def _check_names(document: Document, readers: list[Reader], notes: list[str], problems: Problems) -> Iterator[str]:
    """Refuse keys that none of a section's readers knows, and yield the sections that nothing reads."""
    for name, values in document.sections.items():
        if name == "lithops" or (name in (LOCALHOST, REDIS) and not values):
            continue
        mine = [reader for reader in readers if name in reader.sections]
        if not mine:
            with problems.noted():
                _check_section_name(document, name, readers, notes)
            yield name
            continue
        known = known_keys(mine)
        if known is not None and not values.keys() <= known:
            known |= _keys_of_namesakes(name, values, mine) | ({"backend"} if name in MODE_SECTIONS else set())
            _refuse_unknown_keys(document, name, values, known, problems)
        if name in {reader.provider for reader in mine} | set(MODE_SECTIONS):
            yield name  # so that it can be read as it was written, too


def _keys_of_namesakes(name: str, values: Mapping[str, Any], readers: list[Reader]) -> set[str]:
    """Return keys for plugins that share the section but are not in use, such as a store beside a compute backend."""
    from lithops.plugins import installed

    busy = {reader.family for reader in readers if reader.name == name}
    try:
        idle = [reader_of(info.family, name) for info in installed() if info.name == name and info.family not in busy]
    except PluginError:  # broken, but not chosen: the keys may well be its own
        return set(values)
    if name == REDIS:
        idle.append(front_reader())
    known = known_keys(idle)
    return set(values) if known is None else known


def _check_section_name(document: Document, name: str, readers: list[Reader], notes: list[str]) -> None:
    from lithops.plugins import installed

    infos = {info.name for info in installed()}
    if name in infos:
        return
    providers = {reader.provider for reader in readers if reader.provider}
    known = {"lithops", REDIS, *MODE_SECTIONS, *infos, *providers}
    where = document.where(name)
    if name not in MODE_SECTIONS:
        _check_spelling(name, known, where)
    notes.append(f"{where}: section {name!r} was not checked, because no plugin in use reads it")


def _check_spelling(name: str, known: set[str], where: str) -> None:
    if meant := slip_of(name, known):
        raise ConfigError(f"{where}: unknown section {name!r}; did you mean {meant!r}?")
    if not name.isidentifier() or name != name.lower():
        raise ConfigError(
            f"{where}: unknown section {name!r}; sections are named like plugins, in lower case with underscores: "
            f"{advice(name, known)}"
        )


def _check_overrides(overrides: Mapping[str, object], compute: Reader | None) -> None:
    known = known_keys([compute]) if compute is not None else set()
    if known is None or compute is None:
        return
    for key in overrides:
        if key not in known:
            raise ConfigError(f"unknown keyword argument {key!r} for backend {compute.name!r}; {_advice(key, known)}")


def _refuse_unknown_keys(
    document: Document, section: str, values: Mapping[str, Any], known: set[str], problems: Problems
) -> None:
    for key in values:
        if key not in known:
            with problems.noted():
                where = document.where(section, key)
                raise ConfigError(f"{where}: unknown key {key!r} in section {section!r}; {_advice(key, known)}")


def _advice(key: str, known: set[str]) -> str:
    from lithops.config.global_section import LithopsSection

    if key in LithopsSection.model_fields:
        return f"{key!r} is a key of section 'lithops'"
    return advice(key, known)


def _read(reader: Reader, document: Document, overrides: Mapping[str, object], notes: list[str]) -> BaseModel | None:
    if reader.model is None:
        return None
    from lithops.config.validation import Entry, accepted_keys, notes_on, takes_any_key, validate

    known = accepted_keys(reader.model)
    entries: dict[str, Entry] = {}
    for section in reader.sections:
        for key, value in document.sections.get(section, {}).items():
            if key in known or (takes_any_key(reader.model) and section == reader.name):
                entries[key] = Entry(value, section)
    if reader.name == LOCALHOST and not entries and not overrides:
        return None  # defaults hold
    entries |= {key: Entry(value, None) for key, value in overrides.items()}
    model = validate(reader.model, entries, owner=reader.owner, document=document)
    notes.extend(notes_on(reader.model, entries, document))
    return model
