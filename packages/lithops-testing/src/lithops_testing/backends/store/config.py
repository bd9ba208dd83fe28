"""What section `store_double` may say."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator


class StoreDoubleConfig(BaseModel):
    """Section `store_double`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    endpoint: str = Field(
        pattern=r"^https://[^/]+$", description="where the store is", examples=["https://127.0.0.1:8443"]
    )
    token: SecretStr | None = Field(
        default=None,
        min_length=1,
        description="what the store lets in; by default what STORE_DOUBLE_TOKEN holds, or else the file that "
        "STORE_DOUBLE_TOKEN_FILE names",
        examples=["0a1b2c"],
    )
    ca_file: str | None = Field(
        default=None, description="certificates to trust (PEM); by default the system's", examples=["ca.pem"]
    )
    storage_bucket: str = Field(
        min_length=1, max_length=63, description="bucket that is used where none is named", examples=["lithops"]
    )

    @field_validator("ca_file")
    @classmethod
    def _must_be_there(cls, value: str | None) -> str | None:
        if value is not None and not Path(value).is_file():
            raise ValueError("there is no such file; it must hold the certificates to trust")
        return value
