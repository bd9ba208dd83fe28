"""Which plugins the configuration and the arguments choose."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from lithops.config.names import advice, did_you_mean, nearest_first
from lithops.config.settings import AUTO, LANES, LOCALHOST
from lithops.errors import ConfigError, PluginError

if TYPE_CHECKING:
    from lithops.config.document import Document
    from lithops.config.problems import Problems
    from lithops.plugins import PluginInfo

MODES = (LOCALHOST, "serverless", "standalone")


class Selection(NamedTuple):
    """Names of the plugins to use, and what the user should know about how they were found."""

    mode: str
    backend: str
    storage: str
    monitoring: str
    notes: tuple[str, ...]


def select(
    document: Document,
    problems: Problems,
    *,
    mode: str | None = None,
    backend: str | None = None,
    storage: str | None = None,
    monitoring: str | None = None,
) -> Selection:
    """Choose plugins: what an argument says replaces what the document says about the same thing.

    To `problems` goes `ConfigError` for an unknown mode, a contradiction, or a mode without exactly one backend to
    take, and `PluginError` for a name that is not installed; the rest is chosen as if nothing had been said there.
    """
    notes: list[str] = []
    chosen_mode = chosen_backend = chosen_storage = LOCALHOST
    with problems.noted():
        chosen_mode, chosen_backend = _compute(document, mode, backend, notes)
    with problems.noted():
        named = _name(document, "storage", "storage", storage)
        if named not in (None, LOCALHOST):
            _find("storage", named, document.where("lithops", "storage") if storage is None else "")
        chosen_storage = named or _fitting_storage(chosen_mode, chosen_backend)
    if chosen_storage == LOCALHOST and chosen_mode != LOCALHOST:
        notes.append(
            f"storage 'localhost' is on this machine, out of reach of the workers of {chosen_backend!r}: only what "
            f"fits into requests and answers can travel; pip install lithops-storage-<name> for more"
        )
    chosen_monitoring = AUTO
    with problems.noted():
        chosen_monitoring = _monitoring(document, monitoring)
    return Selection(chosen_mode, chosen_backend, chosen_storage, chosen_monitoring, tuple(notes))


def _monitoring(document: Document, argument: str | None) -> str:
    name = _name(document, "monitoring", "monitor", argument)
    if name is None:
        return AUTO
    if name in LANES:
        return name
    from lithops.plugins import installed

    where = document.where("lithops", "monitoring") if argument is None else ""
    plugins = {info.name for info in installed("monitor")}
    if name not in plugins:
        known = nearest_first(name, {*LANES, *plugins})
        remedy = did_you_mean(name, known) or f"pip install lithops-monitor-{name.replace('_', '-')}"
        raise PluginError(
            f"{f'{where}: ' if where else ''}unknown monitor {name!r} (known: {', '.join(known)}); {remedy}"
        )
    _find("monitor", name, where)  # two may claim it
    return name


def _compute(document: Document, mode: str | None, backend: str | None, notes: list[str]) -> tuple[str, str]:
    if mode is not None:
        _check_mode(mode, "the argument mode")
    if backend is not None:
        found = _mode_of(backend, "")
        if mode not in (None, found):
            raise ConfigError(_contradiction("", mode, backend, found))
        return found, backend
    written = _written(document, "backend")
    if mode is not None:
        if written is None:
            return mode, _backend_of(mode, document)
        if _is_of(written, mode, document.where("lithops", "backend")):
            return mode, written
        taken = _backend_of(mode, document)
        notes.append(
            f"{document.where('lithops', 'backend')}: backend {written!r} is left aside for {taken!r}, because mode "
            f"{mode!r} was asked for"
        )
        return mode, taken
    written_mode = _written(document, "mode")
    if written_mode is not None:
        _check_mode(written_mode, document.where("lithops", "mode"))
    if written is not None:
        found = _mode_of(written, document.where("lithops", "backend"))
        if written_mode not in (None, found):
            raise ConfigError(_contradiction(f"{document.where('lithops', 'mode')}: ", written_mode, written, found))
        return found, written
    if written_mode is not None:
        return written_mode, _backend_of(written_mode, document)
    return LOCALHOST, LOCALHOST


def _backend_of(mode: str, document: Document) -> str:
    if mode == LOCALHOST:  # others of this mode may be installed, but nobody who says localhost means them
        return LOCALHOST
    named = document.sections.get(mode, {}).get("backend")
    if named is not None:
        where = document.where(mode, "backend")
        named = _text(named, where, "backend")
        found = _mode_of(named, where)
        if found != mode:
            raise ConfigError(_contradiction(f"{where}: ", mode, named, found))
        return named
    from lithops.plugins import installed

    names = sorted({info.name for info in installed(mode)})
    if not names:
        raise ConfigError(f"no {mode} backend is installed; pip install lithops-backend-<name> for the one you have")
    if len(names) > 1:
        raise ConfigError(f"several {mode} backends are installed: {', '.join(names)}; choose one with backend=...")
    return names[0]


def _fitting_storage(mode: str, backend: str) -> str:
    if mode == LOCALHOST:
        return LOCALHOST
    from lithops.plugins import find, installed

    remote = [info for info in installed("storage") if info.name != LOCALHOST]
    if len(remote) > 1:  # the one of the same vendor, if that decides it
        provider = _provider(find("compute", backend))
        related = [info for info in remote if provider and _provider(info) == provider]
        if len(related) != 1:
            names = ", ".join(sorted({info.name for info in remote}))
            raise ConfigError(f"several storage backends are installed: {names}; choose one with storage=...")
        remote = related
    return remote[0].name if remote else LOCALHOST


def _provider(info: PluginInfo) -> str | None:
    from lithops.plugins import load

    try:
        return getattr(load(info), "provider", None)
    except PluginError:  # a broken plugin matters once it is chosen
        return None


def _mode_of(backend: str, where: str) -> str:
    if not isinstance(backend, str):
        raise ConfigError(f"backend must be the name of a backend, not {backend!r}")
    return LOCALHOST if backend == LOCALHOST else _find("compute", backend, where)


def _is_of(backend: str, mode: str, where: str) -> bool:
    try:
        return _mode_of(backend, where) == mode
    except PluginError:
        if mode == LOCALHOST:  # a backend that is not even installed is no reason not to use this machine
            return False
        raise


def _name(document: Document, key: str, family: str, argument: str | None) -> str | None:
    if argument is not None and not isinstance(argument, str):
        raise ConfigError(f"{key} must be the name of a {family} plugin, not {argument!r}")
    return argument if argument is not None else _written(document, key)


def _find(family: str, name: str, where: str) -> str:
    from lithops.plugins import find

    try:
        return find(family, name).kind
    except PluginError as error:
        if where:
            raise PluginError(f"{where}: {error}") from error
        raise


def _written(document: Document, key: str) -> str | None:
    value = document.sections.get("lithops", {}).get(key)
    return None if value is None else _text(value, document.where("lithops", key), key)


def _text(value: object, where: str, key: str) -> str:
    if not isinstance(value, str):
        raise ConfigError(f"{where}: {key} is {value!r}; it must be a name")
    return value


def _check_mode(mode: str, where: str) -> None:
    if mode not in MODES:
        raise ConfigError(f"{where}: unknown mode {mode!r}; {advice(str(mode), MODES)}")


def _contradiction(where: str, mode: str | None, backend: str, found: str) -> str:
    return (
        f"{where}mode {mode!r} and backend {backend!r} contradict each other: {backend!r} is a {found} backend; "
        f"leave one of the two out"
    )
