"""concurrent.futures.ProcessPoolExecutor in the hands of a user who sets `chunksize`."""

from __future__ import annotations

from peers.process_pool import FIRST_RESULT as FIRST_RESULT
from peers.process_pool import IMPORT as IMPORT
from peers.process_pool import Adapter as _Unchunked


class Adapter(_Unchunked):
    def chunksize(self, calls: int) -> int:
        return max(1, calls // (8 * self.workers))
