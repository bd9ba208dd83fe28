"""A bundle as a zip archive: the same bytes for the same files."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lithops.bundle.contents import Bundle

_EARLIEST = (1980, 1, 1, 0, 0, 0)
_READABLE = 0o644 << 16
"""Platforms that unpack the archive as another user cannot import what only its owner may read."""


def zipped(bundle: Bundle, under: str = "") -> bytes:
    """Return the archive, with everything below the folder `under` if it is named."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in bundle.files.items():
            entry = zipfile.ZipInfo(f"{under}/{name}" if under else name, _EARLIEST)
            entry.external_attr = _READABLE
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, data)
    return file.getvalue()
