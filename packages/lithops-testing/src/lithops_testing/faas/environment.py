"""One environment: an interpreter that holds a function and runs one invocation at a time."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from lithops_testing.faas import runtime
from lithops_testing.faas.memory import used_mb

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lithops_testing.faas.functions import Function

START_S = 30.0
"""How long an environment may take to load its function."""
WATCH_S = 0.05
"""Between looks at the memory of an environment that works."""
TAIL = 400
"""Bytes of its log that tell of its end."""


class Ended(Exception):
    """An environment has ended, or cannot run this; `code` is what the service's answer says."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Environment:
    """A warm interpreter. Its memory is that of all its processes together."""

    def __init__(self, function: Function, variables: Mapping[str, str]) -> None:
        """`variables` are those of this environment, beside its function's."""
        self.function = function
        self.variables = variables
        self._scratch = tempfile.TemporaryDirectory(prefix="faas-environment-")
        self._log = Path(self._scratch.name, "log")
        self._process: asyncio.subprocess.Process | None = None
        self._doom: Ended | None = None

    @property
    def alive(self) -> bool:
        """Whether it can be used again."""
        return self._process is not None and self._process.returncode is None and self._doom is None

    async def start(self) -> None:
        """Start the interpreter and load the function. Raises `Ended`."""
        spec = self.function.spec
        variables = {"TMPDIR": self._scratch.name, "HOME": self._scratch.name, "PATH": os.defpath}
        variables |= {"FAAS_MEMORY_MB": str(spec.memory_mb), "FAAS_TIMEOUT_S": f"{spec.timeout_s:g}"}
        with self._log.open("wb") as log:
            self._process = await asyncio.create_subprocess_exec(
                str(self.function.python),
                *("-I", "-S", runtime.__file__, str(self.function.folder), spec.entry_point),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                cwd=self._scratch.name,
                env={**spec.environment, **self.variables, **variables},
                start_new_session=True,
            )
        try:
            await asyncio.wait_for(self._hear(), START_S)
        except TimeoutError:
            self._kill()
            raise Ended("timeout", f"the function was not loaded within {START_S:g} s") from None

    async def run(self, body: bytes, timeout_s: float) -> bytes:
        """Run one invocation. Raises `Ended`, after which the environment may be dead."""
        assert self._process is not None
        assert self._process.stdin is not None
        watch = asyncio.create_task(self._watch(time.monotonic() + timeout_s, timeout_s))
        try:
            self._process.stdin.write(runtime.HEAD.pack(b"I", len(body)))
            self._process.stdin.write(body)
            with contextlib.suppress(ConnectionError):  # it is dead, which `_hear` tells with its reason
                await self._process.stdin.drain()
            return await self._hear()
        finally:
            watch.cancel()

    def doom(self, ended: Ended, number: int = signal.SIGKILL) -> None:
        """Kill it; who waits for its answer is told `ended`."""
        self._doom = self._doom or ended
        self._kill(number)

    def die(self, number: int) -> None:
        """Kill it as if it had come from within."""
        self._kill(number)

    async def end(self) -> NoReturn:
        """Wait until it has died, and raise the `Ended` that tells how."""
        assert self._process is not None
        await self._tell_end(await self._process.wait())

    async def close(self) -> None:
        """Kill it and remove what it left; idempotent."""
        self._kill()
        if self._process is not None:
            await self._process.wait()
        self._scratch.cleanup()

    def _kill(self, number: int = signal.SIGKILL) -> None:
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)

    async def _hear(self) -> bytes:
        """Wait for the next frame, or for the end."""
        assert self._process is not None
        assert self._process.stdout is not None
        try:
            kind, size = runtime.HEAD.unpack(await self._process.stdout.readexactly(runtime.HEAD.size))
            body = await self._process.stdout.readexactly(size)
        except asyncio.IncompleteReadError:
            await self._tell_end(await self._process.wait())
        if kind == b"E":
            raise Ended("failed", body.decode(errors="replace"))
        return body

    async def _tell_end(self, status: int) -> NoReturn:
        if self._doom is not None:
            raise self._doom
        with self._log.open("rb") as log:
            log.seek(max(0, self._log.stat().st_size - TAIL))
            tail = log.read().decode(errors="replace").strip()
        how = f"exit code {status}" if status >= 0 else _signal_name(-status)
        code = "killed" if -status in (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP) else "crashed"
        raise Ended(code, f"the environment ended with {how}" + (f"; its log ends: {tail}" if tail else ""))

    async def _watch(self, deadline: float, timeout_s: float) -> None:
        """Kill it when its time is up or its memory is spent."""
        assert self._process is not None
        most = self.function.spec.memory_mb
        while (left := deadline - time.monotonic()) > 0:
            await asyncio.sleep(min(WATCH_S, left))
            if (used := used_mb(self._process.pid, most)) > most:
                self.doom(Ended("memory", f"the environment took {used} MB, and its function has {most} MB"))
                return
        self.doom(Ended("timeout", f"the invocation ran longer than the function's timeout of {timeout_s:g} s"))


def _signal_name(number: int) -> str:
    try:
        return f"signal {signal.Signals(number).name}"
    except ValueError:
        return f"signal {number}"
