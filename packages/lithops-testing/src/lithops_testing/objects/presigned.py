"""URLs that carry their own permission: signed with the token, for one method, one path and some time."""

from __future__ import annotations

import hmac
from urllib.parse import parse_qs


def signature(token: str, method: str, path: str, expires: int) -> str:
    """Return what proves that who has the token allows `method` on `path` (percent-encoded) until wall-clock `expires`."""
    return hmac.new(token.encode(), f"{method}\n{path}\n{expires}".encode(), "sha256").hexdigest()


def permits(token: str, method: str, path: str, query: str, now: float) -> bool | None:
    """Tell whether a query carries permission at wall-clock `now`; None if it is not signed at all."""
    said = parse_qs(query)
    if "signature" not in said:
        return None
    (signed, *_), (expires, *_) = said["signature"], said.get("expires", ["0"])
    if not (expires.isascii() and expires.isdigit()):
        return False
    due = signature(token, method, path, int(expires))
    return hmac.compare_digest(signed.encode(), due.encode()) and now < int(expires)
