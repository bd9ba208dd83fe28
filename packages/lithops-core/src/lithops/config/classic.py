"""The functions of this module's name that programs already import, on top of what `resolve` does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lithops.config.resolution import resolve
from lithops.config.settings import SELECTORS, revealed
from lithops.config.sources import Source, locate, read
from lithops.errors import ConfigError

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

    from lithops.config.settings import Settings


def load_config(config_file: str | os.PathLike[str] | None = None) -> dict[str, dict[str, Any]]:
    """Return the sections that the environment or a file gives, as they are written; `{}` if there is none.

    Nothing is validated and no default added. `config_file` is read instead of looking for one.
    """
    source = locate(None, config_file)
    return read(source).sections if source is not None else {}


def load_yaml_config(config_filename: str | os.PathLike[str]) -> dict[str, dict[str, Any]]:
    """Return the sections of one file, as they are written."""
    source = locate(None, config_filename)
    return read(source).sections if isinstance(source, Source) else {}


def default_config(
    config_file: str | os.PathLike[str] | None = None,
    config_data: Mapping[str, Any] | None = None,
    config_overwrite: Mapping[str, Mapping[str, Any]] | None = None,
) -> Settings:
    """Return the complete, validated configuration that an executor made now would have.

    `config_overwrite` is laid on top: `{"lithops": {"backend": ..., "storage": ...}, "backend": {key: value}}`, where
    `backend` stands for the section of whichever compute backend is chosen.
    """
    overwrite = config_overwrite or {}
    selected = overwrite.get("lithops", {})
    if unknown := sorted(selected.keys() - set(SELECTORS)):
        raise ConfigError(
            f"config_overwrite['lithops'] holds {unknown[0]!r}, but only {', '.join(SELECTORS)} can be overwritten; "
            f"put it into the configuration"
        )
    return resolve(
        config=config_data, config_file=config_file, overrides=overwrite.get("backend", {}), **dict(selected)
    )


def extract_storage_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return what `lithops.Storage(storage_config=...)` needs of a complete configuration.

    That is `{"backend": name, name: {key: value}}`, with `bucket` where the section names one. It holds secrets.
    """
    settings = resolve(config=config)
    model = settings.storage_config
    section = revealed(model.model_dump(exclude_none=True)) if model is not None else {}
    extracted: dict[str, Any] = {"backend": settings.storage, settings.storage: section}
    if section.get("storage_bucket"):
        extracted["bucket"] = section["storage_bucket"]
    return extracted
