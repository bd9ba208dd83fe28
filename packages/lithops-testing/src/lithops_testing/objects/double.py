"""The object store as tests hold it."""

from __future__ import annotations

from typing import ClassVar

from lithops_testing.objects.buckets import FIRST_BUCKET
from lithops_testing.service.double import Double


class StoreDouble(Double):
    """A running object store with one bucket, `lithops`.

    Keywords are fields of `lithops_testing.objects.settings.Settings`.
    """

    package: ClassVar[str] = "lithops_testing.objects"

    @property
    def config(self) -> dict[str, object]:
        """What section `store_double` needs to reach it, in plain values."""
        return {**super().config, "storage_bucket": FIRST_BUCKET}

    @property
    def identity(self) -> dict[str, str]:
        """Variables by which workers prove who they are, as a platform would set them."""
        return {"STORE_DOUBLE_TOKEN_FILE": self.token_file}

    def keys_in(self, bucket: str = FIRST_BUCKET) -> list[str]:
        """Return all keys of a bucket, those of objects that are not visible yet included; none if it is not there."""
        return list(self.ask("GET", "/admin/keys")["buckets"].get(bucket, ()))
