"""What the sections of backends at the service may say."""

from __future__ import annotations

import getpass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # a user without a name, as containers have them
        return "nobody"


class ServiceConfig(BaseModel):
    """What every backend at the service needs to know."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    endpoint: str = Field(
        pattern=r"^https?://[^/]+$", description="where the service is", examples=["https://127.0.0.1:8443"]
    )
    token: SecretStr = Field(min_length=1, description="what the service lets in", examples=["0a1b2c"])
    ca_file: str | None = Field(
        default=None, description="certificates to trust (PEM); by default the system's", examples=["ca.pem"]
    )
    owner: str = Field(
        default_factory=_user,
        pattern=r"^[\w.@+-]{1,64}$",
        description="whose functions these are: nobody else's are used or removed; by default the user's name",
    )
    runtime_memory: int = Field(default=512, ge=128, description="memory of an environment, in MB")
    runtime_timeout: float = Field(default=300, gt=0, description="what one activation may take, in seconds")
    worker_processes: int = Field(default=1, ge=1, le=64, description="calls that an environment runs at once")
    environment: dict[str, str] = Field(
        default_factory=dict,
        description="variables of environments, such as those by which a store knows them; no secrets, as they are shown",
        examples=[{"STORE_DOUBLE_TOKEN_FILE": "/run/token"}],
    )
    max_workers: int = Field(default=1000, ge=1, description="activations that are under way at once")

    price_per_million_requests: float = Field(default=0.2, ge=0, description="price of a million activations, in USD")
    price_per_gb_s: float = Field(default=0.00002, ge=0, description="price of a GB of memory for a second, in USD")

    @field_validator("ca_file")
    @classmethod
    def _must_be_there(cls, value: str | None) -> str | None:
        if value is not None and not Path(value).is_file():
            raise ValueError("there is no such file; it must hold the certificates to trust")
        return value


class FaasDoubleConfig(ServiceConfig):
    """Section `faas_double`."""

    request_bytes: int = Field(default=6 << 20, ge=1024, description="largest request that the service takes")
    event_bytes: int = Field(
        default=1 << 20, ge=1024, description="largest request that it takes if results go through storage"
    )
    response_bytes: int = Field(default=6 << 20, ge=1024, description="largest answer that the service returns")
