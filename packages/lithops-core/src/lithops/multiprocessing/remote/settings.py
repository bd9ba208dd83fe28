"""What section `redis` of the configuration says, and how much of it travels."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from lithops.errors import ConfigError


class RedisSection(BaseModel):
    """Section `redis`: where the server is. Any other argument of `redis.Redis` may stand there, too."""

    model_config = ConfigDict(extra="allow", frozen=True)

    host: str = Field(default="localhost", description="the server's name or address")
    port: int = Field(default=6379, description="its port")
    db: int = Field(default=0, ge=0, description="the number of the database")
    username: str | None = Field(default=None, description="who logs in")
    password: SecretStr | None = Field(default=None, description="what with")
    ssl: bool = Field(default=False, description="speak TLS")
    ship_credentials: bool = Field(
        default=False,
        description="send the password along with calls, to workers that do not find it in a configuration of theirs",
    )

    def options(self, *, secret: bool) -> dict[str, Any]:
        """Return arguments of `redis.Redis`; the password among them only if `secret`."""
        values = self.model_dump(exclude={"password", "ship_credentials"}, exclude_none=True)
        if secret and self.password is not None:
            values["password"] = self.password.get_secret_value()
        return values


def read_section(values: dict[str, Any] | None) -> RedisSection:
    """Validate the section; raises `ConfigError` if there is none or something in it is wrong."""
    if values is None:
        raise ConfigError(
            "processes of lithops.multiprocessing that run elsewhere share locks, queues and pipes through Redis, but "
            "the configuration has no section 'redis'; add one that says which host it is on"
        )
    try:
        return RedisSection(**values)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ConfigError(f"section 'redis', key {where!r}: {first['msg']}") from error
