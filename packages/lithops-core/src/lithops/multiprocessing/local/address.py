"""Where a manager process is, and what opens it."""

from __future__ import annotations

from typing import NamedTuple


class Address(NamedTuple):
    """Travels with everything the manager keeps, to the processes of the program; it opens nothing on other machines."""

    folder: str
    memory: str
    """Folder of the blocks of bytes."""
    key: bytes

    def __repr__(self) -> str:
        return f"Address({self.folder!r})"
