"""Looks in the store for the reports of activations, and tells the sink of them."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from lithops.errors import ObjectNotFound, StorageError, StorageUnavailable
from lithops.lanes.listing import arrived
from lithops.remote.envelope import checked
from lithops.remote.payloads import UNSEEN_S
from lithops.serverless.answers import reports_of
from lithops.types import Cause, Phase

if TYPE_CHECKING:
    from lithops.lanes.depot import Depot
    from lithops.remote.envelope import SignedKey
    from lithops.types import Activation, ActivationState, Receipt, Report, Sink

logger = logging.getLogger(__name__)

READERS = 16
"""Reports that are read at once."""
TOGETHER = 64
"""Reports that are told of at once, so that the first do not wait for the last."""
QUIET_SHARE = 0.1
"""The pause between two looks grows to this share of the time since something has happened ..."""
MOST_INTERVALS = 10
"""... but not beyond so many intervals."""
POLL_INTERVALS = 10
"""The platform is asked this much more rarely than the store."""
LAST_LOOKS = 2
"""So often there is another look for the report of an activation that the platform says is gone."""

Poll = Callable[[Sequence["Receipt"]], Sequence["ActivationState"]]


class _Awaited:
    """An activation without a report."""

    def __init__(self, activation: Activation, receipt: Receipt, place: SignedKey) -> None:
        self.activation = activation
        self.receipt = receipt
        self.place = place
        self.since = time.monotonic()
        self.gone: ActivationState | None = None
        self.buried_at = 0.0  # not before, once it is gone
        self.looks_left = LAST_LOOKS  # the same

    def has_gone(self, state: ActivationState) -> None:
        """Take note that it does not run any more."""
        self.gone = state
        # what nothing took down has written its report, which the store may not show yet
        self.buried_at = time.monotonic() + (UNSEEN_S if state.cause is Cause.UNREACHABLE else 0.0)


class Collector:
    """One per executor. Its thread sleeps while nothing is awaited."""

    def __init__(self, depot: Depot, sink: Sink, *, interval_s: float, poll: Poll | None = None) -> None:
        """There are `interval_s` seconds between two looks, more when nothing has happened for a while.

        `poll` asks the platform, if it can be asked.
        """
        self._depot = depot
        self._poll = poll
        self._polled = time.monotonic()
        self._sink = sink
        self._interval_s = interval_s
        self._changed = threading.Condition()
        self._awaited: dict[str, _Awaited] = {}  # by activation
        self._news = 0.0
        self._looked = 0.0
        self._troubled = False
        self._closed = False
        self._thread: threading.Thread | None = None
        self._readers: ThreadPoolExecutor | None = None
        self.looks = 0
        """How often it has looked."""

    def await_report(self, activation: Activation, receipt: Receipt) -> None:
        """Look for the report of an activation from now on; what the platform calls it may be told again."""
        place = self._depot.report(activation.job_key, activation.activation_id)
        with self._changed:
            if self._closed:
                return
            if not self._awaited:
                self._looked = time.monotonic()
            self._awaited[activation.activation_id] = _Awaited(activation, receipt, place)
            self._news = time.monotonic()
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="lithops-collector", daemon=True)
                self._thread.start()
            self._changed.notify()

    def forget(self, activation_id: str) -> None:
        """Look for it no longer."""
        self._awaited.pop(activation_id, None)

    def close(self) -> None:
        """Look no more; idempotent."""
        with self._changed:
            self._closed = True
            self._awaited.clear()
            self._changed.notify()
        if self._readers is not None:
            self._readers.shutdown(wait=False, cancel_futures=True)

    def _run(self) -> None:
        while (awaited := self._when_due()) is not None:
            try:
                self._look(awaited)
                self._ask(awaited)
            except StorageUnavailable as error:
                if not self._troubled:
                    logger.warning("the store cannot be asked for results, and will be again: %s", error)
                self._troubled = True
            except StorageError as error:
                self._sink.refused([one.activation.activation_id for one in awaited], error)
            except Exception:
                logger.exception("looking for results has failed, and will be tried again")
            else:
                self._troubled = False

    def _when_due(self) -> list[_Awaited] | None:
        """Return what is awaited, in the order of its keys, when it is time to look again; None once closed."""
        with self._changed:
            while not self._closed:
                if self._awaited:
                    left_s = self._looked + self._pause_s() - time.monotonic()
                    if left_s <= 0:
                        self._looked = time.monotonic()
                        return sorted(self._awaited.copy().values(), key=_key)
                    self._changed.wait(left_s)
                else:
                    self._changed.wait()
        return None

    def _pause_s(self) -> float:
        quiet_s = self._looked - self._news
        return min(max(self._interval_s, QUIET_SHARE * quiet_s), MOST_INTERVALS * self._interval_s)

    def _look(self, awaited: Sequence[_Awaited]) -> None:
        self.looks += 1
        by_key = {one.place.key: one for one in awaited}
        payloads = self._depot.payloads
        found = [by_key[key] for key in arrived(payloads.store, payloads.bucket, self._depot.reports, list(by_key))]
        self._bury(awaited, found)
        if not found:
            return
        self._news = time.monotonic()
        if self._readers is None:
            self._readers = ThreadPoolExecutor(READERS, "lithops-reports")
        for start in range(0, len(found), TOGETHER):
            self._tell(self._readers.map(self._read, found[start : start + TOGETHER]))

    def _bury(self, awaited: Sequence[_Awaited], found: Sequence[_Awaited]) -> None:
        """Tell of activations that are gone and have left no report."""
        there = set(found)
        for one in awaited:
            if one.gone is None or one in there:
                continue
            one.looks_left -= 1
            if one.looks_left < 0 and time.monotonic() >= one.buried_at:
                self._sink.lost(one.activation.activation_id, one.gone.cause, one.gone.detail, ())

    def _ask(self, awaited: Sequence[_Awaited]) -> None:
        """Ask the platform about activations that take their time, if it is time to."""
        now, pause_s = time.monotonic(), POLL_INTERVALS * self._interval_s
        if self._poll is None or now - self._polled < pause_s:
            return
        old = {one.activation.activation_id: one for one in awaited if now - one.since >= pause_s and one.gone is None}
        old = {name: one for name, one in old.items() if name in self._awaited}
        self._polled = now
        if old:
            receipts = {id(one.receipt): one.receipt for one in old.values()}
            for state in self._poll(tuple(receipts.values())):
                if state.phase is Phase.GONE and (one := old.get(state.activation_id)) is not None:
                    one.has_gone(state)

    def _read(self, one: _Awaited) -> list[Report]:
        """Return the reports of an activation; none if it has no more to tell, or has been told of as lost."""
        name = one.activation.activation_id
        try:
            data = self._depot.payloads.read(one.place.key)
            return reports_of(checked(data, one.place), one.activation)
        except ObjectNotFound:  # it was listed, and will be again
            return []
        except ValueError as error:
            self._sink.lost(name, Cause.FORGED, str(error), ())
            return []

    def _tell(self, several: Iterable[list[Report]]) -> None:
        reports = [report for reports in several for report in reports]
        if reports:
            self._sink.reported(reports)


def _key(one: _Awaited) -> str:
    return one.place.key
