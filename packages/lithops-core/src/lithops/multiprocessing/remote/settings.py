"""What section `redis` of the configuration says, and how much of it travels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from lithops.errors import ConfigError
from lithops.multiprocessing.remote.address import where

if TYPE_CHECKING:
    from lithops.config.document import Document


class RedisSection(BaseModel):
    """Section `redis`: where the server is, and how to log in. All but one are arguments of `redis.Redis`."""

    model_config = ConfigDict(frozen=True)

    host: str | None = Field(default=None, min_length=1, description="the server's name or address")
    port: int = Field(default=6379, ge=1, le=65535, description="its port")
    unix_socket_path: str | None = Field(default=None, min_length=1, description="its socket, instead of host and port")
    db: int = Field(default=0, ge=0, description="the number of the database")
    username: str | None = Field(default=None, description="who logs in")
    password: SecretStr | None = Field(default=None, description="what with")
    ssl: bool = Field(default=False, description="speak TLS")
    ssl_ca_certs: str | None = Field(default=None, description="file of the authorities that are trusted")
    ssl_certfile: str | None = Field(default=None, description="file of the certificate to show")
    ssl_keyfile: str | None = Field(default=None, description="file of the key to it")
    socket_connect_timeout: float = Field(default=30, gt=0, description="seconds that connecting may take")
    ship_credentials: bool = Field(
        default=False,
        description="send the password along with calls, to workers that do not find it in a configuration of theirs",
    )

    @model_validator(mode="after")
    def _is_somewhere(self) -> RedisSection:
        if self.host is None and self.unix_socket_path is None:
            raise ValueError("it does not say where Redis is; write 'host:' with its name or address")
        return self

    @property
    def where(self) -> str:
        """Which server that is."""
        return where(self.model_dump())

    def options(self, *, secret: bool) -> dict[str, Any]:
        """Return arguments of `redis.Redis`; the password among them only if `secret`."""
        values = self.model_dump(exclude={"password", "ship_credentials"}, exclude_none=True)
        if secret and self.password is not None:
            values["password"] = self.password.get_secret_value()
        if self.ssl:
            values["ssl_check_hostname"] = True  # not every version of redis-py does so by itself
        return values


def read_section(document: Document, *, shared: bool) -> RedisSection:
    """Validate the section; raises `ConfigError` if something in it is wrong.

    If it is `shared` with a plugin of that name, keys that are unknown here are that one's.
    """
    from lithops.config.names import advice
    from lithops.config.validation import Entry, validate

    values = document.sections["redis"]
    for key in values:
        if key not in RedisSection.model_fields and not shared:
            raise ConfigError(
                f"{document.where('redis', key)}: unknown key {key!r} in section 'redis'; "
                f"{advice(key, RedisSection.model_fields)}"
            )
    entries = {key: Entry(value, "redis") for key, value in values.items() if key in RedisSection.model_fields}
    return validate(RedisSection, entries, owner="section 'redis'", document=document)
