"""What section `lithops` may say, validated."""

from __future__ import annotations

import logging
import os
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from lithops.config.settings import GlobalSettings, SpeculationPolicy

_DEFAULT = GlobalSettings()


class SpeculationSection(BaseModel):
    """Key `speculation` of section `lithops`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    quantile: float = Field(
        default=SpeculationPolicy().quantile, ge=0, le=1, description="this part of a job's calls must have ended"
    )
    multiplier: float = Field(
        default=SpeculationPolicy().multiplier,
        ge=1,
        allow_inf_nan=False,
        description="what takes so many times the median of those is started once more",
    )


class LithopsSection(BaseModel):
    """Section `lithops`: which plugins to use, and what holds for all of them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    backend: str | None = Field(
        default=None, description="compute backend; 'localhost' is this machine", examples=["localhost"]
    )
    storage: str | None = Field(
        default=None,
        description="storage backend; by default the one that suits the compute backend",
        examples=["localhost"],
    )
    mode: Literal["localhost", "serverless", "standalone"] | None = Field(
        default=None, description="only needed without a backend: use the one that is installed for this mode"
    )
    monitoring: str = Field(
        default="auto",
        description="how results come back: 'auto', 'response' (in the answer of the platform), 'storage', "
        "or the name of a monitor plugin",
    )
    execution_timeout: float | None = Field(
        default=None,
        gt=0,
        allow_inf_nan=False,
        description="what one call may take, in seconds; 3600 on localhost, else 1800",
    )
    retries: int = Field(
        default=_DEFAULT.retries,
        ge=0,
        description="how often a call is tried again after an error of its own, with back-off",
    )
    infrastructure_retries: int = Field(
        default=_DEFAULT.infrastructure_retries,
        ge=0,
        description="how often a call is tried again after a failure around it, such as a lost machine",
    )
    speculation: SpeculationSection | None = Field(
        default=None,
        description="start calls that take unusually long once more, and take the first result; true, or "
        "{quantile: 0.75, multiplier: 1.5}; not on localhost",
    )
    chunksize: int | None = Field(
        default=None,
        ge=1,
        description="calls that a worker is given in one go; by default found from how long calls take",
    )
    include_modules: tuple[str, ...] | None = Field(
        default=_DEFAULT.include_modules,
        description="modules to ship to workers beside those that are found; null ships none at all",
    )
    exclude_modules: tuple[str, ...] = Field(
        default=_DEFAULT.exclude_modules, description="modules not to ship to workers"
    )
    data_cleaner: bool = Field(default=_DEFAULT.data_cleaner, description="remove the data of a job once it was read")
    monitoring_interval: float | None = Field(
        default=None,
        gt=0,
        allow_inf_nan=False,
        description="seconds between looks at the store where no event can be awaited; 0.1 for storage 'localhost', "
        "else 2",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"] | None = Field(
        default="INFO", description="what the driver logs; null is silence"
    )
    log_format: str = Field(default=_DEFAULT.log_format, description="format of a log line, as for Python's logging")
    log_stream: Literal["ext://sys.stderr", "ext://sys.stdout"] = Field(
        default="ext://sys.stderr", description="where log lines go"
    )
    log_filename: str | None = Field(default=None, description="a file that log lines go to as well")
    telemetry: bool | None = Field(
        default=_DEFAULT.telemetry,
        description="no effect",
        deprecated="metrics come with a plugin; install one and remove the key",
    )
    data_limit: float | None = Field(
        default=None,
        description="no effect",
        deprecated="there is no limit to the input of a job any more; remove the key",
    )

    @field_validator("speculation", mode="before")
    @classmethod
    def _switched_on(cls, value: Any) -> Any:
        return {} if value is True else None if value is False else value

    @field_validator("log_level", mode="before")
    @classmethod
    def _as_logging_writes_it(cls, value: Any) -> Any:
        return value.upper() if isinstance(value, str) else value

    @field_validator("log_format")
    @classmethod
    def _fits_a_record(cls, value: str) -> str:
        make = logging.getLogRecordFactory()  # the program's own may know more fields
        record = make("lithops", logging.INFO, __file__, 1, "a line", (), None)
        try:
            logging.Formatter(value).format(record)
        except (ValueError, TypeError) as error:  # the latter is of a field that is shown as what it is not
            raise ValueError(f"no format for log records: {error}; write it as for Python's logging") from error
        return value

    @field_validator("log_filename")
    @classmethod
    def _can_be_written(cls, value: str | None) -> str | None:
        if not value:
            return value
        path = os.path.expanduser(value)  # noqa: PTH111 - pathlib raises where it may not look, here and below
        folder = os.path.dirname(path) or "."  # noqa: PTH120
        if os.path.isdir(path):  # noqa: PTH112
            raise ValueError("this is a folder; name a file in it")
        if not os.path.isdir(folder):  # noqa: PTH112
            raise ValueError(f"there is no folder {folder!r}; make it, or name a file elsewhere")
        return value

    @field_validator("include_modules", mode="before")
    @classmethod
    def _none_as_text(cls, value: Any) -> Any:
        return None if value == "None" else value  # as files have it that were written without YAML's null

    @field_validator("exclude_modules", mode="before")
    @classmethod
    def _nothing_to_exclude(cls, value: Any) -> Any:
        return () if value in (None, "None") else value

    @field_validator("data_limit", mode="before")
    @classmethod
    def _no_limit(cls, value: Any) -> Any:
        return None if value is False else value
