"""What section `localhost` may say about running calls on this machine."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field, field_validator

from lithops.localhost.cores import usable_cores

if TYPE_CHECKING:
    from pathlib import Path


MOST_WORKERS = 10_000
"""More than any machine can run; a larger number is a slip."""


class LocalhostConfig(BaseModel):
    """The part of section `localhost` that the compute backend reads."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    runtime: str = Field(
        default_factory=lambda: sys.executable,
        description="path of the Python interpreter that workers run on; by default the one that runs the program",
        examples=["/opt/project/.venv/bin/python"],
    )
    worker_processes: int = Field(
        default_factory=usable_cores,
        ge=1,
        le=MOST_WORKERS,
        description="calls that run at the same time; by default as many as there are processors",
        examples=[4],
    )
    runtime_memory: int | None = Field(
        default=None, ge=32, description="memory that each worker may take, in MB; null is no limit", examples=[2048]
    )
    stream_logs: bool = Field(default=False, description="show what calls print while they run")
    use_gpu: bool | None = Field(
        default=None, description="no effect", deprecated="calls see the devices of this machine anyway; remove the key"
    )
    pull_runtime: bool | None = Field(
        default=None, description="no effect", deprecated="an interpreter is not pulled from anywhere; remove the key"
    )
    version: int | None = Field(
        default=None, description="no effect", deprecated="there is only one localhost backend; remove the key"
    )
    max_workers: int | None = Field(
        default=None,
        description="no effect",
        deprecated="this machine is one worker; worker_processes says how many calls it runs",
    )

    @field_validator("runtime")
    @classmethod
    def _must_be_an_interpreter(cls, value: str) -> str:
        import shutil  # with pathlib 8 ms, which only those pay who choose an interpreter
        from pathlib import Path

        path = Path(value).expanduser()
        if path.parent == Path() and (found := shutil.which(value)):  # a bare name is looked for as a shell does
            path = Path(found)
        if path.is_dir():
            raise ValueError(_about_folder(path))
        if not path.is_file():
            raise ValueError(
                "there is no such interpreter on this machine; it must be the path of a Python interpreter, "
                "container images do not run on localhost yet"
            )
        if not os.access(path, os.X_OK):
            raise ValueError("this file may not be executed; it must be the path of a Python interpreter")
        return str(path.absolute())  # not resolved: where a link stands decides which environment it starts


def _about_folder(folder: Path) -> str:
    for name in ("bin/python", "Scripts/python.exe"):
        if (folder / name).is_file():
            return f"this is a folder; name the interpreter in it, {str(folder / name)!r}"
    return "this is a folder, and no environment; it must be the path of a Python interpreter"
