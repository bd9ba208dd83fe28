"""Follow the logs of workers as they grow, whichever appear and disappear meanwhile."""

from __future__ import annotations

import codecs
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from lithops.records import record

_PAUSE_S = 0.2  # looking costs one `stat` for each log; the standard library cannot wait for files to grow
_CHUNK_BYTES = 1 << 20


@record
class Piece:
    """What a worker has just written."""

    executor: str
    worker: str
    """Slot and process id."""
    text: str


@dataclass
class _Position:
    offset: int
    decoder: codecs.IncrementalDecoder = field(
        default_factory=lambda: codecs.getincrementaldecoder("utf-8")(errors="replace")
    )


def follow(root: Path, executor_id: str | None, ready: Callable[[], None]) -> Iterator[Piece]:
    """Yield what is written from now on, for ever. `ready` is called once "now" has been settled."""
    positions = {path: _Position(path.stat().st_size) for path in _logs(root, executor_id)}
    ready()
    while True:
        found = _logs(root, executor_id)
        for path in positions.keys() - set(found):
            del positions[path]
        for path in found:
            position = positions.setdefault(path, _Position(0))
            for text in _news(path, position):
                worker = path.stem.removeprefix("worker-")
                yield Piece(executor=path.parent.name, worker=worker, text=text)
        time.sleep(_PAUSE_S)


def _logs(root: Path, executor_id: str | None) -> list[Path]:
    return [
        path for path in sorted(root.glob("*/worker-*.log")) if executor_id is None or path.parent.name == executor_id
    ]


def _news(path: Path, position: _Position) -> Iterator[str]:
    try:
        if path.stat().st_size <= position.offset:
            return
        with path.open("rb") as file:
            file.seek(position.offset)
            while chunk := file.read(_CHUNK_BYTES):
                position.offset += len(chunk)
                if text := position.decoder.decode(chunk):
                    yield text
    except FileNotFoundError:  # cleaned between two looks
        return
