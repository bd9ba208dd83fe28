"""Who asks: the token that was given, or the one that the platform gives to what runs there."""

from __future__ import annotations

import os
from pathlib import Path

from lithops.errors import AccessDenied

TOKEN, TOKEN_FILE = "STORE_DOUBLE_TOKEN", "STORE_DOUBLE_TOKEN_FILE"


class Identity:
    """Looks for a token when one is first needed: a worker that has nothing to ask of the store needs none."""

    def __init__(self, token: str | None) -> None:
        self._token = token

    def __repr__(self) -> str:
        return "Identity(***)"

    def token(self) -> str:
        """Return the token. Raises `AccessDenied` if there is none."""
        if self._token is None:
            self._token = os.environ.get(TOKEN) or _read()
        return self._token


def _read() -> str:
    path = os.environ.get(TOKEN_FILE)
    if not path:
        raise AccessDenied(
            "there is no token for the store: set `token` in section 'store_double', or where workers run the variable "
            f"{TOKEN} or {TOKEN_FILE} (with `environment` in the section of the backend)"
        )
    try:
        token = Path(path).read_text(encoding="ascii").strip()
    except (OSError, ValueError) as error:
        raise AccessDenied(
            f"the token for the store cannot be read from {path!r}, which {TOKEN_FILE} names: {error}"
        ) from error
    if not token:
        raise AccessDenied(f"{path!r}, which {TOKEN_FILE} names, holds no token for the store")
    return token
