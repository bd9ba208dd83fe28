"""What becomes of objects when writers die, disks fill up and folders refuse."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from lithops.errors import AccessDenied, LithopsError, StorageError, StorageUnavailable
from lithops.storage.local.client import LocalStorageClient
from lithops.storage.local.faults import explain
from lithops.types import GetRequest, ListRequest, PutRequest

SOURCE = str(Path(sys.modules["lithops"].__path__[0]).parent)


def python(code: str, *arguments: str, **options: object) -> subprocess.Popen[str]:
    return subprocess.Popen(  # type: ignore[call-overload, no-any-return] # options go through as they are
        [sys.executable, "-c", code, *arguments],
        env={**os.environ, "PYTHONPATH": SOURCE},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def outcome(code: str, *arguments: str) -> str:
    out, err = python(code, *arguments).communicate(timeout=60)
    assert not err, err
    return out.strip()


REPORT = """
import sys
from lithops.errors import StorageError
from lithops.storage.local.client import LocalStorageClient
from lithops.types import PutRequest

def report(body):
    client = LocalStorageClient(sys.argv[1])
    try:
        client.put_object(PutRequest(bucket="b", key="key", body=body))
    except StorageError as error:
        print(type(error).__name__, error)
    else:
        print("written")
"""

WRITE_HALF = """
import sys, time
from lithops.storage.local.client import LocalStorageClient
from lithops.types import PutRequest

class Half:
    def __init__(self): self.turn = 0
    def read(self, size):
        self.turn += 1
        if self.turn == 2:
            print("half written", flush=True)
            sys.stdin.readline()
        return b"new" * 100_000 if self.turn < 3 else b""

LocalStorageClient(sys.argv[1]).put_object(PutRequest(bucket="b", key=sys.argv[2], body=Half()))
print("written", flush=True)
"""


def put(client: LocalStorageClient, key: str, body: bytes) -> None:
    client.put_object(PutRequest(bucket="b", key=key, body=body))


def get(client: LocalStorageClient, key: str) -> bytes:
    stream = client.get_object(GetRequest(bucket="b", key=key)).stream
    try:
        return stream.read()
    finally:
        stream.close()


def keys(client: LocalStorageClient) -> list[str]:
    return [meta.key for meta in client.list_objects(ListRequest(bucket="b")).objects]


def incoming(root: Path) -> list[Path]:
    return list((root / ".incoming").iterdir())


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
def test_a_writer_killed_in_the_middle_leaves_the_old_object_and_no_partial_one(tmp_path: Path) -> None:
    client = LocalStorageClient(tmp_path)
    put(client, "old", b"old")
    for key in ("old", "new"):
        with python(WRITE_HALF, str(tmp_path), key) as writer:
            assert writer.stdout is not None
            assert writer.stdout.readline() == "half written\n"
            writer.kill()
            assert writer.wait(timeout=30) == -signal.SIGKILL
    assert len(incoming(tmp_path)) == 1  # the second writer swept up after the first
    assert keys(client) == ["old"]
    assert get(client, "old") == b"old"
    put(LocalStorageClient(tmp_path), "another", b"x")
    assert incoming(tmp_path) == []


def test_sweeping_leaves_what_another_process_is_writing(tmp_path: Path) -> None:
    with python(WRITE_HALF, str(tmp_path), "slow") as writer:
        assert writer.stdin is not None
        assert writer.stdout is not None
        assert writer.stdout.readline() == "half written\n"
        client = LocalStorageClient(tmp_path)
        put(client, "quick", b"x")
        assert len(incoming(tmp_path)) == 1
        writer.stdin.write("go on\n")
        writer.stdin.flush()
        assert writer.stdout.readline() == "written\n"
    assert get(client, "slow") == b"new" * 200_000
    assert incoming(tmp_path) == []


def test_processes_that_put_if_absent_have_one_winner(tmp_path: Path) -> None:
    code = """
import sys
from lithops.errors import PreconditionFailed
from lithops.storage.local.client import LocalStorageClient
from lithops.types import PutRequest
client = LocalStorageClient(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
won = 0
for number in range(200):
    try:
        client.put_if_absent(PutRequest(bucket="b", key=f"x/{number}", body=b"mine"))
        won += 1
    except PreconditionFailed:
        pass
print(won)
"""
    racers = [python(code, str(tmp_path)) for _ in range(3)]
    for racer in racers:
        assert racer.stdout is not None
        assert racer.stdout.readline() == "ready\n"
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("go\n")
        racer.stdin.flush()
    assert sum(int(racer.communicate(timeout=60)[0]) for racer in racers) == 200


@pytest.mark.skipif(sys.platform == "win32", reason="needs resource limits")
def test_a_limit_on_file_size_is_named_and_leaves_nothing(tmp_path: Path) -> None:
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
    said = outcome(limit + REPORT + "report(b'x' * 1_000_000)", str(tmp_path))
    assert said.startswith("StorageError cannot write object 'key' in bucket 'b' of the local store in ")
    assert "File too large" in said
    assert said.endswith("the file system or a limit of this process (ulimit -f) refuses files of that size")
    assert incoming(tmp_path) == []


@pytest.mark.needs("root", "linux")
def test_a_full_disk_is_storage_unavailable_and_leaves_nothing(tmp_path: Path) -> None:
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(tmp_path)], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"needs to mount a tmpfs: {mounted.stderr.strip()}")
    try:
        client = LocalStorageClient(tmp_path)
        put(client, "key", b"old")
        with pytest.raises(StorageUnavailable, match="No space left on device; free some space there, or set 'root'"):
            put(client, "key", b"x" * 1_000_000)
        assert incoming(tmp_path) == []
        assert get(client, "key") == b"old"
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX permissions")
def test_a_root_that_cannot_be_written_is_access_denied(tmp_path: Path) -> None:
    root = tmp_path / "closed"
    root.mkdir(mode=0o500)
    # root may write anywhere, so a process of root becomes nobody once all is imported
    drop = "import os, lithops.storage.local.native\nif os.geteuid() == 0: os.setuid(65534)\n"
    said = outcome(REPORT + drop + "report(b'x')", str(root))
    assert said.startswith(
        f"AccessDenied cannot write object 'key' in bucket 'b' of the local store in {str(root)!r}: "
    )
    assert said.endswith("this user must own that folder and be able to write to it, or set another 'root'")


def test_a_file_in_place_of_the_root_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(StorageError, match=r"cannot write object 'key' in bucket 'b' .*/file/store': Not a directory"):
        put(LocalStorageClient(tmp_path / "file" / "store"), "key", b"x")


def test_a_path_that_is_too_long_says_what_to_do(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*["d" * 200] * 16)
    with pytest.raises(StorageError, match="set 'root' to a folder with a shorter path"):
        put(LocalStorageClient(deep), "/" * 1000, b"x")


@pytest.mark.parametrize(
    ("number", "kind", "advice"),
    [
        (errno.EACCES, AccessDenied, "this user must own that folder"),
        (errno.EROFS, AccessDenied, "this user must own that folder"),
        (errno.ENOSPC, StorageUnavailable, "free some space there"),
        (errno.EDQUOT, StorageUnavailable, "free some space there"),
        (errno.EMFILE, StorageUnavailable, "the machine is short of it now"),
        (errno.EFBIG, StorageError, "ulimit -f"),
        (errno.ENAMETOOLONG, StorageError, "a shorter path"),
        (errno.EIO, StorageError, "cannot read object 'k' of the local store in '/r': Input/output error"),
    ],
)
def test_each_fault_of_the_system_has_its_error_and_advice(number: int, kind: type[LithopsError], advice: str) -> None:
    error = explain(OSError(number, os.strerror(number)), "read", "object 'k'", "/r")
    assert type(error) is kind
    assert advice in str(error)


def test_an_error_of_the_body_itself_passes_through(tmp_path: Path) -> None:
    class Broken:
        def read(self, _size: int = -1, /) -> bytes:
            raise OSError(errno.ECONNRESET, "the peer went away")

    with pytest.raises(ConnectionResetError) as caught:
        LocalStorageClient(tmp_path).put_object(PutRequest(bucket="b", key="key", body=Broken()))
    assert not isinstance(caught.value, LithopsError)
    assert incoming(tmp_path) == []


def test_a_lock_that_nobody_gives_back_ends_in_storage_unavailable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fcntl = pytest.importorskip("fcntl", reason="needs file locks")
    put(LocalStorageClient(tmp_path), "key", b"x")
    (lock,) = (tmp_path / ".locks").iterdir()
    monkeypatch.setattr("lithops.storage.local.locks._PATIENCE_S", 0.01)
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(StorageUnavailable, match=r"waited 0 s for the lock .* look for a process that was stopped"):
            put(LocalStorageClient(tmp_path), "key", b"y")
    assert get(LocalStorageClient(tmp_path), "key") == b"x"


def test_without_file_locks_the_store_still_works_and_sweeps_by_age(tmp_path: Path) -> None:
    code = """
import os, sys, threading
sys.modules["fcntl"] = None
from lithops.errors import PreconditionFailed
from lithops.storage.local import locks
from lithops.storage.local.client import LocalStorageClient
from lithops.types import GetRequest, PutRequest
assert not locks.FILE_LOCKS
client = LocalStorageClient(sys.argv[1])
client.put_object(PutRequest(bucket="b", key="n", body=b"0"))
for name, age in (("young", 0), ("old", 2 * 86400)):
    path = f"{client.root}/.incoming/{name}"
    open(path, "w").close()
    stamp = os.stat(path).st_mtime - age
    os.utime(path, (stamp, stamp))
client = LocalStorageClient(sys.argv[1])
def count():
    for _ in range(10):
        while True:
            body = client.get_object(GetRequest(bucket="b", key="n"))
            new = str(int(body.stream.read()) + 1).encode()
            body.stream.close()
            try:
                client.put_object(PutRequest(bucket="b", key="n", body=new, if_match=body.meta.etag))
                break
            except PreconditionFailed:
                pass
threads = [threading.Thread(target=count) for _ in range(4)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print(client.get_object(GetRequest(bucket="b", key="n")).stream.read().decode(), os.listdir(f"{client.root}/.incoming"))
"""
    assert outcome(code, str(tmp_path)) == "40 ['young']"
