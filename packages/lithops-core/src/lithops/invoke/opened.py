"""The activations that a backend has, or is about to have, and that have not said their last word."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lithops.jobs.job import Job
    from lithops.lanes.collector import Collector
    from lithops.types import Activation, Receipt


class Opened:
    """One per executor. Its lock also guards what depends on how many there are."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.activations: dict[str, tuple[Job, Activation]] = {}
        """By id, with their jobs."""
        self._receipts: dict[str, Receipt] = {}
        self.collector: Collector | None = None
        """Looks for their reports, where nobody brings these."""

    def __len__(self) -> int:
        return len(self.activations)

    def add(self, job: Job, activation: Activation) -> None:
        """Take in an activation."""
        self.activations[activation.activation_id] = job, activation

    def accept(self, receipt: Receipt) -> list[Activation]:
        """Expect reports of the activations of a receipt from now on; return those that are open."""
        with self.lock:
            names = [name for name in receipt.activation_ids if name in self.activations]
            self._receipts.update(dict.fromkeys(names, receipt))
            taken = [self.activations[name][1] for name in names]
        if self.collector is not None:
            for activation in taken:
                self.collector.await_report(activation, receipt)
        return taken

    def is_accepted(self, activation_id: str) -> bool:
        """Whether there is a receipt of an activation."""
        return activation_id in self._receipts

    def receipts_of(self, job: Job) -> tuple[Receipt, ...]:
        """Return the receipts of a job, each once."""
        with self.lock:
            names = [name for name, (owner, _) in self.activations.items() if owner is job and name in self._receipts]
            return tuple({id(self._receipts[name]): self._receipts[name] for name in names}.values())

    def close(self, activation_id: str) -> tuple[Job, Activation] | None:
        """Forget an activation, from which nothing more is to come; return it, unless somebody was faster."""
        with self.lock:
            self._receipts.pop(activation_id, None)
            if self.collector is not None:
                self.collector.forget(activation_id)
            return self.activations.pop(activation_id, None)

    def close_all(self) -> Iterator[Job]:
        """Forget all; yield their jobs."""
        with self.lock:
            jobs = {job for job, _ in self.activations.values()}
            self.activations.clear()
        yield from jobs
