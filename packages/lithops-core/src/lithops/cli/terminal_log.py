"""The library's log on the terminal: warnings as one line each, with `--debug` everything."""

from __future__ import annotations

import logging

import click

_DETAILED = "%(asctime)s [%(levelname)s] %(name)s:%(lineno)s -- %(message)s"


class TerminalHandler(logging.Handler):
    """Writes to standard error as it is at the moment."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        try:
            click.echo(self.format(record), err=True)
        except Exception:  # noqa: BLE001 - a log line that cannot be written ends nothing
            self.handleError(record)


class _OneLine(logging.Formatter):
    """A warning as users read it; the traceback that may come with it is for `--debug`."""

    def format(self, record: logging.LogRecord) -> str:
        return f"{record.levelname.lower()}: {record.getMessage()}"


def show_log(*, debug: bool = False) -> None:
    """Send the log to standard error, from warnings on, or all of it for `debug`."""
    log = logging.getLogger("lithops")
    handler = next((found for found in log.handlers if isinstance(found, TerminalHandler)), None)
    if handler is None:
        handler = TerminalHandler()
        handler.setFormatter(_OneLine())
        log.addHandler(handler)
        log.propagate = False
        log.setLevel(logging.WARNING)
    if debug:
        handler.setFormatter(logging.Formatter(_DETAILED))
        log.setLevel(logging.DEBUG)
