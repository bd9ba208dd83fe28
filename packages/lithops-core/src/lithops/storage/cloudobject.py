"""References to data that functions can pass around in place of the data."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CloudObject:
    """An object in a store.

    >>> CloudObject("aws_s3", "my-bucket", "data/part-0")
    <CloudObject at aws_s3://my-bucket/data/part-0>
    """

    backend: str
    bucket: str
    key: str

    def __repr__(self) -> str:
        return f"<CloudObject at {self.backend}://{self.bucket}/{self.key}>"


@dataclass(frozen=True, slots=True)
class CloudObjectUrl:
    """Something that can be fetched by its URL.

    >>> CloudObjectUrl("https://example.org/data.csv")
    <CloudObject at https://example.org/data.csv>
    """

    path: str

    def __repr__(self) -> str:
        return f"<CloudObject at {self.path}>"


@dataclass(frozen=True, slots=True)
class CloudObjectLocal:
    """A file on the machine where the function runs.

    >>> CloudObjectLocal("/data/part-0")
    <CloudObject at file:///data/part-0>
    """

    path: str

    def __repr__(self) -> str:
        return f"<CloudObject at file://{self.path}>"
