"""The library's log on the terminal: warnings as one line each, with `--debug` everything."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Final

_DETAILED: Final = "%(asctime)s [%(levelname)s] %(name)s:%(lineno)s -- %(message)s"


class _OneLine(logging.Formatter):
    """A warning as users read it; the traceback that may come with it is for `--debug`."""

    def format(self, record: logging.LogRecord) -> str:
        return f"{record.levelname.lower()}: {record.getMessage()}"


class TerminalHandler(logging.StreamHandler):  # type: ignore[type-arg]  # not subscriptable before Python 3.11.? at run time
    """Marks the handler as ours, so that it is there once."""


def show_log(*, debug: bool = False) -> None:
    """Send the log to standard error, from warnings on, or all of it for `debug`; once debug, always debug."""
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
