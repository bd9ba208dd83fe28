"""Tests of configuration: sources."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lithops.config import resolve, search_list
from lithops.errors import ConfigError

if TYPE_CHECKING:
    from .conftest import Write

ORDER = ("config", "config_file", "LITHOPS_CONFIG", "LITHOPS_CONFIG_FILE", ".lithops_config", "~/.lithops/config")


@pytest.mark.parametrize("first", range(len(ORDER)))
def test_the_first_source_wins_and_nothing_is_merged(
    first: int, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def body(source: str) -> dict[str, dict[str, object]]:
        return {
            "lithops": {
                "retries": ORDER.index(source),
                f"{'data_cleaner' if source == ORDER[first] else 'telemetry'}": False,
            }
        }

    arguments: dict[str, object] = {}
    for source in ORDER[first:]:
        text = json.dumps(body(source))
        if source == "config":
            arguments["config"] = body(source)
        elif source == "config_file":
            (tmp_path / "named").write_text(text)
            arguments["config_file"] = tmp_path / "named"
        elif source == "LITHOPS_CONFIG":
            monkeypatch.setenv(source, text)
        elif source == "LITHOPS_CONFIG_FILE":
            (tmp_path / "by_variable").write_text(text)
            monkeypatch.setenv(source, str(tmp_path / "by_variable"))
        else:
            path = Path(source).expanduser()
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)

    settings = resolve(**arguments)  # type: ignore[arg-type]

    assert settings.lithops.retries == first
    assert settings.lithops.data_cleaner is False


def test_the_last_place_looked_at_is_the_machine_wide_file(home: Path) -> None:
    assert search_list() == (".lithops_config", f"{home}/.lithops/config", "/etc/lithops/config")


def test_an_empty_config_argument_means_defaults_and_no_file(home: Path) -> None:
    (home / ".lithops_config").write_text("lithops: {retries: 3}")

    assert resolve(config={}).lithops.retries == 0


def test_empty_variables_count_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LITHOPS_CONFIG", " ")
    monkeypatch.setenv("LITHOPS_CONFIG_FILE", "")

    assert resolve().source is None


def test_the_variable_holds_yaml_as_well_as_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LITHOPS_CONFIG", "lithops:\n  retries: 4\n")

    settings = resolve()

    assert settings.lithops.retries == 4
    assert settings.source == "the environment variable LITHOPS_CONFIG"


def test_the_variable_may_hold_json_indented_with_tabs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LITHOPS_CONFIG", json.dumps({"lithops": {"retries": 4}}, indent="\t"))

    assert resolve().lithops.retries == 4


def test_a_tilde_in_the_name_of_a_file_is_the_home_folder(home: Path) -> None:
    (home / "mine.yaml").write_text("lithops: {retries: 6}")

    assert resolve(config_file="~/mine.yaml").lithops.retries == 6


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "lithops:\n", "lithops: {}\n"])
def test_a_file_may_say_nothing(text: str, write: Write) -> None:
    assert resolve(config_file=write(text)).backend == "localhost"


def refused(**arguments: object) -> str:
    with pytest.raises(ConfigError) as caught:
        resolve(**arguments)  # type: ignore[arg-type]
    return str(caught.value)


def test_a_missing_file_is_named_and_so_is_who_asked_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LITHOPS_CONFIG_FILE", "/nowhere/config")

    assert refused() == (
        "config file '/nowhere/config' (asked for by the environment variable LITHOPS_CONFIG_FILE) does not exist; "
        "'lithops config init' writes one to begin with"
    )


def test_a_missing_file_that_an_argument_names_is_an_error() -> None:
    assert refused(config_file="/nowhere/config").startswith("config file '/nowhere/config' (asked for by config_file)")


def test_a_folder_is_not_a_file(tmp_path: Path) -> None:
    assert refused(config_file=tmp_path) == (
        f"config file '{tmp_path}' (asked for by config_file) is a directory; name a file in it"
    )


def test_a_folder_in_a_place_that_is_looked_at_is_an_error_too(home: Path) -> None:
    (home / ".lithops_config").mkdir()

    assert refused() == "config file '.lithops_config' is a directory; name a file in it"


def test_an_unreadable_file_says_why(tmp_path: Path) -> None:
    path = tmp_path / "secret.yaml"
    path.write_text("lithops: {}")
    path.chmod(0)
    user = os.geteuid()
    if user == 0:  # root may read anything, so be nobody for a moment
        os.seteuid(65534)
    try:
        message = refused(config_file=path)
    finally:
        os.seteuid(user)

    assert message == (
        f"config file '{path}' (asked for by config_file) cannot be read: Permission denied; "
        f"see who may read it and its folders"
    )


def test_a_file_that_is_not_text_says_where(tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_bytes(b"lithops: \xff\xfe")

    assert refused(config_file=path) == (
        f"config file '{path}' (asked for by config_file) is not UTF-8 text (byte 9: invalid start byte); "
        f"save it as UTF-8"
    )


def test_a_path_in_the_variable_for_text_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LITHOPS_CONFIG", "/etc/mine.yaml")

    assert refused() == (
        "the environment variable LITHOPS_CONFIG must hold a configuration, found '/etc/mine.yaml'; "
        "if this is the path of a file, put it into LITHOPS_CONFIG_FILE"
    )


def test_a_path_as_config_argument_is_explained() -> None:
    assert refused(config="mine.yaml") == (
        "config must be a mapping of sections, not 'mine.yaml'; a path goes into config_file"
    )
