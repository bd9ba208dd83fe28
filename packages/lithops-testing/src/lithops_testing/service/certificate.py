"""An authority of the service's own and its certificate, made anew at each start."""

from __future__ import annotations

import ssl
from pathlib import Path

import trustme

HOST = "127.0.0.1"


def server_context(folder: Path) -> tuple[ssl.SSLContext, str]:
    """Return what the server presents itself with, and the file (PEM) that clients are to trust."""
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.num_tickets = 0  # two that nobody uses would cost as much as a request
    authority.issue_cert(HOST, "localhost").configure_cert(context)
    path = folder / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return context, str(path)
