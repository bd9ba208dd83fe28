"""How calls ended, and futures that are told so."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Any

from lithops.errors import LithopsError
from lithops.types import CallState
from lithops.worker.failure import Failure

if TYPE_CHECKING:
    from lithops.concurrent.futures.future import Future
    from lithops.jobs.table import JobTable

logger = logging.getLogger(__name__)


class Teller:
    """Tells futures how their calls ended. Thread-safe."""

    def __init__(self) -> None:
        # Not when a call fails: that may be at the end of the program, which is too late to import it.
        from lithops.concurrent.futures.standard_errors import as_standard

        self._as_standard = as_standard
        self._threads: set[int] = set()

    @property
    def is_this_thread(self) -> bool:
        """Whether it is this thread that is just telling a future: a callback of the user's runs."""
        return threading.get_ident() in self._threads

    def tell(self, future: Future[Any], error: BaseException | None, value: object) -> None:
        """Set what came of a call. What callbacks raise is logged: it must not keep other calls from ending."""
        me = threading.get_ident()
        outer = me in self._threads
        self._threads.add(me)
        try:
            if isinstance(error, LithopsError):
                error = self._as_standard(error)
            if error is not None:
                future.set_exception(error)
            else:
                future.set_result(value)
        except BaseException:
            logger.exception("a callback of %r failed", future)
        finally:
            if not outer:
                self._threads.discard(me)


def outcome_of(table: JobTable, row: int) -> tuple[BaseException | None, object]:
    """Take what a call that has ended raised, or what it returned."""
    if table.state[row] == CallState.DONE:
        try:
            return None, table.take(row)
        except BaseException as wrong:  # noqa: BLE001 - unpickling runs user code, and is nobody's but this call's
            return wrong, None
    failure = table.failure(row)
    return failure.exception() if isinstance(failure, Failure) else failure, None
