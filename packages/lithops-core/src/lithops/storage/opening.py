"""From configuration to an open store. Only the store that is chosen is imported."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lithops.errors import ConfigError
from lithops.records import record

if TYPE_CHECKING:
    from pydantic import BaseModel

    from lithops.storage.store import DriverStore

LOCAL = "localhost"


@record
class Choice:
    """Which store to open and with what."""

    backend: str
    bucket: str
    """Used where none is named; empty if there is no such bucket."""
    section: Mapping[str, Any]
    """What is set, not the defaults; secrets as pydantic's `SecretStr`."""
    model: BaseModel | None
    """The same, validated; None if the plugin's defaults hold."""
    config: Mapping[str, Any] | None
    """The whole configuration, if more than a section was given or found."""


def choose(config: Mapping[str, Any] | None, backend: str | None, storage_config: Mapping[str, Any] | None) -> Choice:
    """Settle on a store: from `storage_config` alone if given, else from `config`, else from files and environment.

    `storage_config` is `{"backend": NAME, "bucket": BUCKET, NAME: {...}}`, as `get_storage_config` returns it.
    Raises `ConfigError`.
    """
    bucket = None
    if storage_config is not None:
        backend = backend or storage_config.get("backend")
        if not isinstance(backend, str):
            raise ConfigError(
                f"storage_config names no backend (its keys: {', '.join(map(repr, storage_config))}); "
                f"write it as {{'backend': NAME, 'bucket': BUCKET, NAME: {{...}}}}"
            )
        bucket = storage_config.get("bucket")
        section = dict(storage_config.get(backend) or {})
        if backend == LOCAL and _needs_no_check(section):
            return _local(section, bucket, None)
        config = {"lithops": {"storage": backend}, backend: section}

    from lithops.config import Settings, resolve

    if isinstance(config, Settings) and backend in (None, config.storage):
        settings = config  # validated already
    else:
        settings = resolve(config=config, storage=backend)
    model = settings.storage_config
    if settings.storage == LOCAL:
        return _local(_set_values(model), bucket, settings)
    return Choice(
        backend=settings.storage,
        bucket=bucket or getattr(model, "storage_bucket", None) or "",
        section=_set_values(model),
        model=model,
        config=settings,
    )


def open_store(choice: Choice) -> DriverStore:
    """Open the chosen store; `PluginError` if its plugin cannot be used."""
    if choice.backend == LOCAL:
        from lithops.storage.local.client import LocalStorageClient

        return LocalStorageClient(choice.section["root"])

    from lithops.config import state_dir
    from lithops.plugins import Plugins, find, load
    from lithops.types import ExecutorInfo

    plugin: object = load(find("storage", choice.backend))()
    plugins = Plugins(None, plugin)
    plugins.configure(
        ExecutorInfo(executor_id="", mode="", backend="", storage=choice.backend, state_dir=str(state_dir())),
        storage=choice.model,
    )
    return plugins


def without_secrets(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy of nested values without those that pydantic keeps secret."""
    return {
        key: without_secrets(value) if isinstance(value, Mapping) else value
        for key, value in values.items()
        if not hasattr(value, "get_secret_value")
    }


def _set_values(model: BaseModel | None) -> dict[str, Any]:
    from pathlib import PurePath

    values = {} if model is None else model.model_dump(exclude_unset=True)
    return {key: str(value) if isinstance(value, PurePath) else value for key, value in values.items()}


def _local(section: Mapping[str, Any], bucket: str | None, config: Mapping[str, Any] | None) -> Choice:
    from lithops.storage.local.backend import DEFAULT_BUCKET, settle_root

    return Choice(
        backend=LOCAL,
        bucket=bucket or section.get("storage_bucket") or DEFAULT_BUCKET,
        section={**section, "root": settle_root(section.get("root"))},
        model=None,
        config=config,
    )


def _needs_no_check(section: Mapping[str, Any]) -> bool:
    """Whether a section is plainly right, so that a worker that is handed it need not import pydantic."""
    return section.keys() <= {"root", "storage_bucket"} and all(isinstance(value, str) for value in section.values())
