"""The examples of the documentation, run as they stand."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

PAGE = (Path(__file__).parents[5] / "docs" / "storage.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```python\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


def test_every_example_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("LITHOPS_STATE_DIR", str(tmp_path / "state"))
    for name in ("LITHOPS_CONFIG", "LITHOPS_CONFIG_FILE", "__LITHOPS_SESSION_ID"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "data.csv").write_text("1,2,3\n")
    names: dict[str, object] = {"__name__": "example"}
    for example in EXAMPLES:
        exec(compile(example, "docs/storage.md", "exec"), names)
    assert (tmp_path / "copy" / "of" / "data.csv").read_text() == "1,2,3\n"
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("<CloudObject at localhost://storage/lithops.jobs/tmp/")
    assert said[1].startswith("there is no object 'no/such/key' in bucket 'my-bucket' in the local store in ")
    assert "TestMyStore" in names


def test_every_method_of_storage_is_described() -> None:
    from lithops import Storage

    methods = [name for name in vars(Storage) if not name.startswith("_") and name != "over"]
    assert [name for name in methods if f"`{name}(" not in PAGE] == []
