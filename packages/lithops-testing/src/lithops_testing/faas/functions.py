"""What is deployed: functions, their archives and their states."""

from __future__ import annotations

import base64
import binascii
import hashlib
import io
import re
import shutil
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from lithops_testing.interpreters import find_interpreter

NAME = re.compile(r"[a-z][a-z0-9_-]{0,63}")


def _decoded(value: object) -> bytes:
    if not isinstance(value, str):
        raise ValueError("it must be the text of a zip archive in base64")
    try:
        return base64.b64decode(value, validate=True)
    except binascii.Error as error:
        raise ValueError(f"it is not base64: {error}") from error


class FunctionSpec(BaseModel):
    """What a function is to be, as `PUT /functions/NAME` takes it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    archive: Annotated[str, Field(description="zip, in base64; its root goes on sys.path")]
    entry_point: str = Field(pattern=r"^[\w.]+:\w+$", description="module:callable, from bytes to bytes")
    python: str = Field(pattern=r"^3\.\d+$", description="minor version, such as 3.12")
    memory_mb: int = Field(default=512, ge=64, le=10240, description="of an environment, all processes together")
    timeout_s: float = Field(default=60.0, gt=0, le=900, description="what one invocation may take")
    concurrency: int | None = Field(default=None, ge=1, description="most environments at once")
    environment: dict[str, str] = Field(default_factory=dict, description="variables of its environments")
    tags: dict[str, str] = Field(default_factory=dict, description="for who lists functions")


class Function:
    """A deployed function; `folder` holds its archive, unpacked."""

    def __init__(
        self, name: str, spec: FunctionSpec, digest: str, python: Path, folder: Path, active_at: float
    ) -> None:
        self.name = name
        self.spec = spec
        self.digest = digest
        self.python = python
        self.folder = folder
        self._active_at = active_at

    @property
    def active(self) -> bool:
        """Whether it can be invoked."""
        return time.monotonic() >= self._active_at

    def described(self) -> dict[str, Any]:
        """Return what the control plane says of it."""
        spec = self.spec.model_dump(exclude={"archive", "environment"})
        return {"name": self.name, "state": "Active" if self.active else "Pending", "digest": self.digest, **spec}


class BadFunction(Exception):
    """A function cannot be as it was asked for."""


class Functions:
    """All functions, by name."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._functions: dict[str, Function] = {}
        self._made = 0

    def __getitem__(self, name: str) -> Function:
        """Return a function; `KeyError` if there is none of this name."""
        return self._functions[name]

    def listed(self) -> list[Function]:
        """Return all of them, by name."""
        return [self._functions[name] for name in sorted(self._functions)]

    def put(self, name: str, spec: FunctionSpec, activation_s: float, replaced: Callable[[Function], None]) -> Function:
        """Make or replace a function. One that is the same already is left as it is."""
        if not NAME.fullmatch(name):
            raise BadFunction(f"a name matches {NAME.pattern}, which {name!r} does not")
        digest = hashlib.sha256(spec.model_dump_json().encode()).hexdigest()
        old = self._functions.get(name)
        if old is not None and old.digest == digest:
            return old
        python = _interpreter(spec.python)
        self._made += 1
        folder = self._folder / f"{name}-{self._made}"
        try:
            with zipfile.ZipFile(io.BytesIO(_decoded(spec.archive))) as archive:
                archive.extractall(folder)
        except (ValueError, zipfile.BadZipFile) as error:
            raise BadFunction(f"the archive cannot be read: {error}") from error
        made = Function(name, spec, digest, python, folder, time.monotonic() + activation_s)
        self._functions[name] = made
        if old is not None:
            replaced(old)
        return made

    def delete(self, name: str) -> Function:
        """Remove a function and its files; `KeyError` if there is none."""
        function = self._functions.pop(name)
        shutil.rmtree(function.folder, ignore_errors=True)
        return function


def _interpreter(version: str) -> Path:
    if version == f"{sys.version_info.major}.{sys.version_info.minor}":
        return Path(sys.executable)
    found = find_interpreter(version)
    if found is None:
        raise BadFunction(f"there is no Python {version} on this machine")
    return found
