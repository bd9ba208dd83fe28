"""Pass Ctrl-C on to processes: unlike the standard library's, they are not of the terminal's foreground group."""

from __future__ import annotations

import sys
from multiprocessing import process


def pass_on() -> None:
    """Interrupt the processes that this process has started and that run."""
    for child in list(process._children):  # type: ignore[attr-defined]  # active_children() would join those that ended
        interrupt = getattr(child._popen, "interrupt", None)  # the standard library's have none
        if interrupt is not None:
            interrupt()


def pass_on_at_exit() -> None:
    """Do so if Ctrl-C is what ends the program."""
    if getattr(sys, "last_type", None) is KeyboardInterrupt:
        pass_on()
