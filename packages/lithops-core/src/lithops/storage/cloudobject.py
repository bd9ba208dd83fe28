"""References to data that functions can pass around in place of the data."""

from __future__ import annotations

import reprlib
from collections.abc import Iterable
from dataclasses import dataclass

from lithops.errors import BadCallError


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


def cloudobject_of(argument: str, given: object) -> CloudObject:
    """Take what the user gave for a cloud object. Raises `BadCallError` that names the argument for anything else."""
    if not isinstance(given, CloudObject):
        raise BadCallError(
            f"{argument} must be a CloudObject, as put_cloudobject returns, found {reprlib.repr(given)} of type "
            f"{type(given).__name__!r}"
        )
    return given


def cloudobjects_of(argument: str, given: object) -> list[CloudObject]:
    """Take what the user gave for several, likewise."""
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise BadCallError(
            f"{argument} must be a list of CloudObjects, found {reprlib.repr(given)} of type {type(given).__name__!r}"
        )
    return [cloudobject_of(f"{argument}[{place}]", one) for place, one in enumerate(given)]
