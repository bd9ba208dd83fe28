"""What holds for all tests of the core."""

from __future__ import annotations

import signal


def pytest_configure() -> None:
    """Listen to Ctrl-C, and let programs that tests start do so, where the shell that runs all this in the background
    has them ignore it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
