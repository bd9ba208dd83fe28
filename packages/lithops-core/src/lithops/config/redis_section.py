"""What section `redis` says, which `lithops.multiprocessing` reads, and how much of it travels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

if TYPE_CHECKING:
    from lithops.config.document import Document


class RedisSection(BaseModel):
    """Section `redis`: where the server is, and how to log in. All but one are arguments of `redis.Redis`."""

    model_config = ConfigDict(frozen=True)

    host: str | None = Field(
        default=None, min_length=1, description="the server's name or address", examples=["redis.example.org"]
    )
    port: int = Field(default=6379, ge=1, le=65535, description="its port")
    unix_socket_path: str | None = Field(default=None, min_length=1, description="its socket, instead of host and port")
    db: int = Field(default=0, ge=0, description="the number of the database")
    username: str | None = Field(default=None, description="who logs in")
    password: SecretStr | None = Field(default=None, description="what with", examples=["${REDIS_PASSWORD}"])
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

    def options(self, *, secret: bool) -> dict[str, Any]:
        """Return arguments of `redis.Redis`; the password among them only if `secret`."""
        values = self.model_dump(exclude={"password", "ship_credentials"}, exclude_none=True)
        if secret and self.password is not None:
            values["password"] = self.password.get_secret_value()
        if self.ssl:
            values["ssl_check_hostname"] = True  # not every version of redis-py does so by itself
        return values


def read_section(document: Document) -> RedisSection:
    """Make the model of the section; raises `ConfigError` for a value that does not fit.

    Keys that are unknown here were refused when the configuration was resolved, or are a plugin's of that name.
    """
    from lithops.config.validation import Entry, validate

    values = document.sections["redis"]
    entries = {key: Entry(value, "redis") for key, value in values.items() if key in RedisSection.model_fields}
    return validate(RedisSection, entries, owner="section 'redis'", document=document)
