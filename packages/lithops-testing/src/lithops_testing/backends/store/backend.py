"""What only drivers do: open the store by its section, let workers open it, sign URLs."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from lithops.errors import StorageError
from lithops.types import PresignedUrl, WorkerPart
from lithops_testing.backends.store.client import StoreClient
from lithops_testing.backends.store.names import path_of
from lithops_testing.objects.presigned import signature

if TYPE_CHECKING:
    from lithops.types import PresignRequest
    from lithops_testing.backends.store.config import StoreDoubleConfig


class Backend:
    """One driver's view of the store."""

    def __init__(self, config: StoreDoubleConfig) -> None:
        self._config = config
        token = None if config.token is None else config.token.get_secret_value()
        self.client = StoreClient(config.endpoint, config.ca_file, token)

    def worker_part(self) -> WorkerPart:
        """Name the client. The token stays here: workers are let in by an identity of their own."""
        return WorkerPart(
            target=f"{StoreClient.__module__}:{StoreClient.__name__}",
            arguments={"endpoint": self._config.endpoint, "ca_file": self._config.ca_file},
            packages=("lithops_testing",),
            local=True,  # it listens on loopback only
        )

    def presign(self, request: PresignRequest) -> PresignedUrl:
        """Sign with the token; the store is not asked."""
        if request.method not in ("GET", "PUT"):
            raise StorageError(
                f"cannot sign a URL for {request.method!r}: it gets or puts an object; say 'GET' or 'PUT'"
            )
        path, expires = path_of(request.bucket, request.key), int(time.time() + request.valid_s)
        signed = signature(self.client.identity.token(), request.method, path, expires)
        url = f"{self._config.endpoint}{path}?expires={expires}&signature={signed}"
        return PresignedUrl(url=url, expires=float(expires))
