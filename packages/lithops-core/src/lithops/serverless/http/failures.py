"""What went wrong on the way, as errors that say whose host, what happened and what to do."""

from __future__ import annotations

import errno
import os
import socket
import ssl

from lithops.errors import TransportError

SHORT_OF_SOCKETS = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.EADDRNOTAVAIL}
"""This machine or process has no more to give for now; what is open already can be used."""


def failure(message: str, *, lasting: bool = False) -> TransportError:
    """Make an error; `lasting` says that sending the request again would end the same way."""
    error = TransportError(message)
    error.lasting = lasting
    return error


def not_opened(host: str, cause: Exception, limit_s: float) -> TransportError:
    """Tell why there is no connection to a host."""
    if isinstance(cause, TransportError):
        return cause
    if isinstance(cause, ssl.SSLCertVerificationError):
        return failure(
            f"{host} shows a certificate that is not trusted: {cause.verify_message}; if it is the right host, "
            f"name the certificates to trust in `ca_file`",
            lasting=True,
        )
    if isinstance(cause, ssl.SSLError):
        return failure(
            f"{host} does not agree on TLS: {_reason(cause)}; check that the URL is that of an HTTPS service"
        )
    if isinstance(cause, socket.gaierror):
        return failure(f"{host} cannot be found: {cause.strerror}; check the host in the URL, and the network")
    if isinstance(cause, TimeoutError) and cause.errno is None:
        return failure(f"{host} did not take a connection within {limit_s:g} s; check that a firewall lets it through")
    if isinstance(cause, ConnectionRefusedError):
        return failure(f"{host} refused the connection; check that the service is up and the port is right")
    return failure(f"no connection to {host}: {_text(cause)}; check the network and that the service is up")


def broken_off(host: str, cause: Exception | None, *, answering: bool) -> TransportError:
    """Tell of a connection that ended before the whole response was there."""
    when = "in the middle of its answer" if answering else "without an answer"
    why = f" ({_text(cause)})" if cause is not None else ""
    return failure(f"{host} closed the connection {when}{why}; the request may have been carried out")


def unreadable(host: str, what: str) -> TransportError:
    """Tell of a response that is none."""
    return failure(f"{host} sent what is not an HTTP response: {what}; check that the URL is that of an HTTP service")


def _reason(cause: ssl.SSLError) -> str:
    return cause.reason.replace("_", " ").lower() if cause.reason else _text(cause)


def _text(cause: Exception) -> str:
    if isinstance(cause, ssl.SSLError):
        return _reason(cause)
    if isinstance(cause, OSError) and cause.errno:
        return os.strerror(cause.errno)
    return str(cause) or type(cause).__name__
