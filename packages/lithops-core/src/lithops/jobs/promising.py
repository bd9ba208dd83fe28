"""What an executor promises: that the results of calls whose futures travel will be in storage."""

from __future__ import annotations

import logging
import threading
import weakref
from typing import TYPE_CHECKING

from lithops.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from lithops.jobs.job import Job, Locator
    from lithops.storage import Storage

logger = logging.getLogger(__name__)


class Promising:
    """The promises of one executor; its store is opened with the first of them."""

    def __init__(self, executor_id: str, storage: Callable[[], Storage]) -> None:
        self._executor_id = executor_id
        self._storage = storage
        self._lock = threading.Lock()
        self._promise: Callable[[Job, int], Locator] | None = None
        self._let_go: weakref.finalize[[], Promising] | None = None

    def promise(self, job: Job, row: int) -> Locator:
        """Return where the result of a call will be, and see to it that it gets there."""
        with self._lock:
            if self._promise is None:
                from lithops.jobs.promises import promiser

                self._write_note()
                self._promise = promiser(self._storage, lambda: self._storage().bucket)
        return self._promise(job, row)

    def drop(self, keys: Iterable[str]) -> None:
        """Remove the results that were put into storage, of these jobs or executors."""
        if self._promise is None:
            return
        from lithops.jobs.promises import drop_promises

        storage = self._storage()
        for key in keys:
            drop_promises(storage, storage.bucket, key)

    def close(self) -> None:
        """Let `lithops clean` have what was not taken."""
        if self._let_go is not None:
            self._let_go()

    def _write_note(self) -> None:
        """Let `lithops clean` know, once the executor has ended, that there are results in storage."""
        from lithops.config.paths import state_dir
        from lithops.jobs.promise_notes import write_note

        try:
            let_go = write_note(state_dir(), self._executor_id, self._storage())
        except (ConfigError, OSError) as error:
            logger.warning("'lithops clean' will not find the results promised by %s: %s", self._executor_id, error)
        else:
            self._let_go = weakref.finalize(self, let_go)
