"""What an executor is told by its configuration.

Without pydantic, because most programs have nothing to validate; what was validated hangs in `Settings.compute` and
its neighbours as the models that the plugins declare.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from lithops.records import names_of, record

if TYPE_CHECKING:
    from pydantic import BaseModel

LOCALHOST = "localhost"
AUTO = "auto"
LANES = (AUTO, "response", "storage")
"""Values of `monitoring` that are not the name of a monitor plugin."""
SELECTORS = ("mode", "backend", "storage", "monitoring")
"""Keys of section `lithops` that say which plugins to use."""

EXECUTION_TIMEOUT_S = 1800.0
LOCALHOST_EXECUTION_TIMEOUT_S = 3600.0
MONITORING_INTERVAL_S = 2.0
LOCALHOST_MONITORING_INTERVAL_S = 0.1

_NOTHING: Mapping[str, Any] = MappingProxyType({})
_WITHOUT_EFFECT = frozenset({"telemetry", "data_limit"})


@record
class SpeculationPolicy:
    """When calls that take unusually long are started once more."""

    quantile: float = 0.75
    """This part of a job's calls must have ended."""
    multiplier: float = 1.5
    """So many times the median of those an activation must have taken."""


@record
class GlobalSettings:
    """Section `lithops`, apart from the choice of plugins."""

    execution_timeout_s: float = LOCALHOST_EXECUTION_TIMEOUT_S
    """What one call may take; the key is `execution_timeout`."""
    data_cleaner: bool = True
    monitoring_interval: float = LOCALHOST_MONITORING_INTERVAL_S
    """Seconds between looks at a store, where no event can be awaited."""
    retries: int = 0
    infrastructure_retries: int = 5
    include_modules: tuple[str, ...] | None = ()
    """None: ship no modules at all."""
    exclude_modules: tuple[str, ...] = ()
    chunksize: int | None = None
    """None: adapted to the measured duration of calls."""
    speculation: SpeculationPolicy | None = None
    """None: no call is started twice at the same time."""
    log_level: str | None = "INFO"
    """None: silence."""
    log_format: str = "%(asctime)s [%(levelname)s] %(filename)s:%(lineno)s -- %(message)s"
    log_stream: str = "ext://sys.stderr"
    log_filename: str | None = None
    telemetry: bool | None = None
    """Without effect, as is the next; None: not written."""
    data_limit: float | None = None


class Section(Mapping[str, Any]):
    """A section of the configuration that reads like a dict; secrets are masked when it is printed, not when read.

    Copies and pickles of it are plain dicts. In a copy secrets are pydantic secrets, which open with
    `get_secret_value()`; in a pickle they are masked: secrets do not travel.
    """

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values

    def __getitem__(self, key: str) -> Any:
        value = self._values[key]
        if isinstance(value, Mapping):
            return Section(value)
        return reveal(value)

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        from lithops.config.redaction import redact

        return repr(redact(self._values))

    def copy(self) -> dict[str, Any]:
        """Return a dict that may be changed, with pydantic secrets in it."""
        from lithops.config.redaction import sealed

        return sealed(self._values)

    __copy__ = copy

    def __deepcopy__(self, memo: dict[int, Any]) -> dict[str, Any]:
        return self.copy()

    def __reduce__(self) -> tuple[type, tuple[dict[str, Any]]]:
        from lithops.config.redaction import redact

        return dict, (redact(self._values),)


class Settings(Mapping[str, Section]):
    """The settings of one executor. `settings["section"]["key"]` reads like the nested dict of the file.

    Copies and pickles of it are such plain dicts, which may be changed and handed in as a configuration. In a copy
    secrets are pydantic secrets, which open with `get_secret_value()`; in a pickle they are masked: secrets do not travel.
    """

    def __init__(
        self,
        *,
        mode: str = LOCALHOST,
        backend: str = LOCALHOST,
        storage: str = LOCALHOST,
        monitoring: str = AUTO,
        lithops: GlobalSettings | None = None,
        compute: BaseModel | None = None,
        storage_config: BaseModel | None = None,
        sections: Mapping[str, BaseModel] = _NOTHING,
        unchecked: Mapping[str, Mapping[str, Any]] = _NOTHING,
        notes: tuple[str, ...] = (),
        source: str | None = None,
    ) -> None:
        self.mode = mode
        self.backend = backend
        self.storage = storage
        self.monitoring = monitoring
        self.lithops = lithops if lithops is not None else GlobalSettings()
        self.compute = compute
        """Section of the compute backend; None means that the plugin's defaults hold."""
        self.storage_config = storage_config
        """Section of the storage backend; None means that the plugin's defaults hold."""
        self.sections = MappingProxyType(dict(sections))
        """Sections of the other plugins in use, by name."""
        self.unchecked = MappingProxyType(dict(unchecked))
        """Sections that nothing in use reads, as they were written."""
        self.notes = notes
        """One line each, for the user to know."""
        self.source = source
        """File or variable that was read, None if nothing was."""
        self._tree: dict[str, dict[str, Any]] | None = None

    def __getitem__(self, section: str) -> Section:
        return Section(self._sections()[section])

    def __iter__(self) -> Iterator[str]:
        return iter(self._sections())

    def __len__(self) -> int:
        return len(self._sections())

    def __repr__(self) -> str:
        return f"Settings({self.as_dict()!r})"

    def copy(self) -> dict[str, dict[str, Any]]:
        """Return the nested dict, which may be changed, with pydantic secrets in it."""
        from lithops.config.redaction import sealed

        return sealed(self._sections())

    __copy__ = copy

    def __deepcopy__(self, memo: dict[int, Any]) -> dict[str, dict[str, Any]]:
        return self.copy()

    def __reduce__(self) -> tuple[type, tuple[dict[str, dict[str, Any]]]]:
        return dict, (self.as_dict(),)

    def as_dict(self, reveal: bool = False) -> dict[str, dict[str, Any]]:
        """Return the nested dict, a copy; secrets are masked unless `reveal`."""
        if reveal:
            return {name: revealed(values) for name, values in self._sections().items()}
        from lithops.config.redaction import redact

        return redact(self._sections())

    def _sections(self) -> dict[str, dict[str, Any]]:
        if self._tree is None:  # on demand: it needs the models, and with them pydantic
            from lithops.config.validation import unwritten

            tree = {"lithops": _written(self)}
            for name, values in self.unchecked.items():
                tree.setdefault(name, {}).update(values)
            for name, model in self._models():
                tree.setdefault(name, {}).update(model.model_dump(exclude=unwritten(model)))
            self._tree = tree
        return self._tree

    def _models(self) -> Iterator[tuple[str, BaseModel]]:
        yield from self.sections.items()
        for family, name, model in (
            ("storage", self.storage, self.storage_config),
            ("compute", self.backend, self.compute),
        ):
            if model is None and name == LOCALHOST:
                from lithops.config.validation import defaults_of

                model = defaults_of(family, name)
            if model is not None:
                yield name, model


def reveal(value: Any) -> Any:
    """Return what a pydantic secret holds, anything else as it is."""
    open_secret: Callable[[], Any] | None = getattr(value, "get_secret_value", None)
    return open_secret() if open_secret is not None else value


def revealed(values: Any) -> Any:
    """Return a copy of nested values with pydantic secrets opened."""
    if isinstance(values, Mapping):
        return {key: revealed(value) for key, value in values.items()}
    if isinstance(values, (list, tuple)):
        return type(values)(revealed(value) for value in values)
    return reveal(values)


def _written(settings: Settings) -> dict[str, Any]:
    values: dict[str, Any] = {key: getattr(settings, key) for key in SELECTORS}
    for name in names_of(GlobalSettings):
        values[name.removesuffix("_s")] = getattr(settings.lithops, name)
    return {key: value for key, value in values.items() if value is not None or key not in _WITHOUT_EFFECT}
