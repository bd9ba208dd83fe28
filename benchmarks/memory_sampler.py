"""Watch the memory of the parent process: print a line when ready and the largest growth in bytes at end of input."""

from __future__ import annotations

import os
import select
import sys


def in_use(pid: int) -> int:
    """Return the private resident bytes of `pid` plus all shared memory of the machine.

    An anonymous shared object belongs to no process, and a file in /dev/shm to none either; on a machine where nothing
    else runs, the growth of the whole is the growth of one's own.
    """
    total = 0
    with open(f"/proc/{pid}/status") as status:  # noqa: PTH123 - pathlib takes longer to import than this program runs
        for line in status:
            if line.startswith(("RssAnon:", "RssFile:")):
                total += int(line.split()[1])
    with open("/proc/meminfo") as meminfo:  # noqa: PTH123
        for line in meminfo:
            if line.startswith("Shmem:"):
                total += int(line.split()[1])
                break
    return total * 1024


def main() -> None:
    """Sample as fast as one core can until standard input closes."""
    parent = os.getppid()
    first = most = in_use(parent)
    print("ready", flush=True)
    while not select.select([sys.stdin], [], [], 0.0005)[0]:
        most = max(most, in_use(parent))
    print(most - first)


if __name__ == "__main__":
    main()
