"""`lithops config`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

if TYPE_CHECKING:
    from .conftest import Install, Lithops

SECRET = "hunter2"
WITH_SECRET = f"""
lithops:
  retries: 2
acme_cloud:
  api_key: {SECRET}
  region: north
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "config.yaml"
    path.write_text(WITH_SECRET)
    return path


def test_show_prints_the_defaults_where_there_is_no_configuration(lithops: Lithops) -> None:
    outcome = lithops("config", "show")

    assert outcome.code == 0
    assert outcome.out.startswith("# from the defaults: no configuration was found\n")
    assert yaml.safe_load(outcome.out)["lithops"]["backend"] == "localhost"


def test_show_says_where_values_are_from_and_masks_secrets(lithops: Lithops, config: Path) -> None:
    outcome = lithops("config", "show", "-c", str(config))

    assert outcome.out.startswith(f"# from {config}\n")
    shown = yaml.safe_load(outcome.out)
    assert shown["lithops"]["retries"] == 2
    assert shown["acme_cloud"] == {"api_key": "***", "region": "north"}
    assert SECRET not in outcome.out + outcome.err


def test_show_tells_notes_on_standard_error(lithops: Lithops, config: Path) -> None:
    outcome = lithops("config", "show", "-c", str(config))

    assert outcome.err == (
        f"note: {config}, line 4: section 'acme_cloud' was not checked, because no plugin in use reads it\n"
    )


def test_show_leaves_out_keys_without_effect_unless_they_are_written(lithops: Lithops, config: Path) -> None:
    shown = json.loads(lithops("config", "show", "--json").out)
    assert shown["lithops"].keys().isdisjoint({"telemetry", "data_limit"})
    assert shown["localhost"].keys().isdisjoint({"use_gpu", "pull_runtime", "version", "max_workers"})

    config.write_text("lithops:\n  telemetry: false\n  data_limit: 4\nlocalhost:\n  version: 2\n  use_gpu:\n")

    shown = json.loads(lithops("config", "show", "-c", str(config), "--json").out)
    assert (shown["lithops"]["telemetry"], shown["lithops"]["data_limit"]) == (False, 4)
    assert (shown["localhost"]["version"], shown["localhost"]["use_gpu"]) == (2, None)
    assert "max_workers" not in shown["localhost"]


def test_show_prints_json(lithops: Lithops, config: Path) -> None:
    outcome = lithops("config", "show", "-c", str(config), "--json")

    shown = json.loads(outcome.out)
    assert shown["acme_cloud"]["api_key"] == "***"
    assert shown["lithops"]["exclude_modules"] == []


def test_show_takes_backend_and_storage(lithops: Lithops) -> None:
    outcome = lithops("config", "show", "-s", "aws_s3")

    assert outcome.code == 1
    assert outcome.err == (
        "error: unknown storage backend 'aws_s3' (installed: localhost); pip install lithops-storage-aws-s3\n"
    )


def test_validate_names_what_it_found_valid(lithops: Lithops, config: Path) -> None:
    outcome = lithops("config", "validate", "-c", str(config))

    assert (outcome.code, outcome.out) == (0, f"{config}: valid\n")


def test_validate_takes_the_file_as_an_argument_too(lithops: Lithops, config: Path) -> None:
    assert lithops("config", "validate", str(config)).out == f"{config}: valid\n"
    outcome = lithops("config", "validate", str(config), "-c", "other")
    assert outcome.code == 2
    assert f"FILE and --config name two configurations, {str(config)!r} and 'other'; name one" in outcome.err


def test_validate_says_when_there_is_nothing_to_validate(lithops: Lithops) -> None:
    assert lithops("config", "validate").out == "no configuration was found, so the defaults hold\n"


def test_validate_names_a_wrong_key(lithops: Lithops, config: Path) -> None:
    config.write_text("localhost:\n  worker_proceses: 2\n")

    outcome = lithops("config", "validate", "-c", str(config))

    assert outcome.code == 1
    assert outcome.err == (
        f"error: {config}, line 2: unknown key 'worker_proceses' in section 'localhost'; "
        "did you mean 'worker_processes'?\n"
    )


def test_validate_checks_sections_of_plugins_that_are_not_in_use(
    lithops: Lithops, install: Install, config: Path
) -> None:
    install(
        "harbour",
        "serverless",
        """
        from pydantic import BaseModel as _Base
        class Config(_Base):
            berths: int = 1
        @hookimpl
        def close(self): ...
        """,
    )
    config.write_text("harbour:\n  berths: many\n")

    assert lithops("config", "show", "-c", str(config)).code == 0
    outcome = lithops("config", "validate", "-c", str(config))

    assert outcome.code == 1
    assert outcome.err == f"error: {config}, line 2: harbour.berths is 'many'; it must be an integer\n"


def test_validate_checks_section_redis_which_is_no_plugins(lithops: Lithops, config: Path) -> None:
    config.write_text("redis:\n  host: here\n  passwrd: hunter3\n")

    for action in ("validate", "show"):
        outcome = lithops("config", action, "-c", str(config))
        assert (outcome.code, outcome.out) == (1, "")
        assert outcome.err == (
            f"error: {config}, line 3: unknown key 'passwrd' in section 'redis'; did you mean 'password'?\n"
        )


SEVERAL = """
lithops:
  backend: aws_lamda
  retries: -1
  chunksize: 0
  retrys: 1
  retry: 2
localhost:
  worker_proceses: 2
  runtime_memory: much
standalone: 4
harbour:
  berths: many
  docks: 1
hidden:
  key: ${NOT_SET_ANYWHERE}
"""
HARBOUR = """
    from pydantic import BaseModel as _Base
    class Config(_Base):
        berths: int = 1
    @hookimpl
    def close(self): ...
"""


def problems(where: str, *found: str) -> list[str]:
    return [f"{where}, line {problem}" for problem in found]


def test_validate_lists_the_problems_of_all_sections(lithops: Lithops, install: Install, config: Path) -> None:
    install("harbour", "serverless", HARBOUR)
    config.write_text(SEVERAL)

    outcome = lithops("config", "validate", "-c", str(config), "--json")

    assert outcome.code == 1
    said = json.loads(outcome.out)
    assert (said["valid"], said["notes"]) == (False, [])
    assert said["errors"] == problems(
        str(config),
        "16: the environment variable 'NOT_SET_ANYWHERE' is not set; set it, or write '$${NOT_SET_ANYWHERE}' for the "
        "literal text '${NOT_SET_ANYWHERE}'",
        "11: section 'standalone' must hold keys, found a value of type int; write them indented under 'standalone:'",
        "3: unknown compute backend 'aws_lamda' (installed: harbour, localhost); pip install lithops-backend-aws-lamda",
        "6: unknown key 'retrys' in section 'lithops'; did you mean 'retries'?",
        "7: unknown key 'retry' in section 'lithops'; did you mean 'retries'?",
        "4: lithops.retries is -1; it must be an integer of at least 0",
        "5: lithops.chunksize is 0; it must be an integer of at least 1 or null",
        "9: unknown key 'worker_proceses' in section 'localhost'; did you mean 'worker_processes'?",
        "14: unknown key 'docks' in section 'harbour'; known: berths",
        "10: localhost.runtime_memory is 'much'; it must be an integer of at least 32 or null",
        "13: harbour.berths is 'many'; it must be an integer",
    )


def test_validate_prints_each_problem_on_a_line_of_its_own(lithops: Lithops, config: Path) -> None:
    config.write_text("lithops:\n  retries: -1\n  storage: s3\nlocalhost: 4\n")

    outcome = lithops("config", "validate", "-c", str(config))

    assert outcome.code == 1
    assert len(outcome.err.splitlines()) == 3
    assert all(f"{config}, line {line}: " in outcome.err for line in (2, 3, 4))


def test_whoever_only_uses_a_configuration_is_told_of_the_first_problem(lithops: Lithops, config: Path) -> None:
    config.write_text("lithops:\n  retries: -1\nlocalhost:\n  nonsense: 1\n")

    outcome = lithops("config", "show", "-c", str(config))

    assert outcome.err == f"error: {config}, line 2: lithops.retries is -1; it must be an integer of at least 0\n"


def test_validate_gives_errors_as_json(lithops: Lithops, config: Path) -> None:
    config.write_text("lithops:\n  retries: -1\n  chunksize: 0\n")

    outcome = lithops("config", "validate", "-c", str(config), "--json")

    assert outcome.code == 1
    said = json.loads(outcome.out)
    assert (said["source"], said["valid"]) == (str(config), False)
    assert [error.partition(": ")[0] for error in said["errors"]] == [f"{config}, line 2", f"{config}, line 3"]


def test_validate_gives_success_as_json(lithops: Lithops, config: Path) -> None:
    said = json.loads(lithops("config", "validate", "-c", str(config), "--json").out)

    assert (said["valid"], said["errors"], len(said["notes"])) == (True, [], 1)


def test_init_writes_a_valid_file_that_only_the_owner_can_read(lithops: Lithops, home: Path) -> None:
    outcome = lithops("config", "init")

    path = home / ".lithops" / "config"
    assert outcome.out == f"wrote {path}; edit it, then run 'lithops config validate'\n"
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert "  #worker_processes: 4\n" in path.read_text()
    assert lithops("config", "validate").out == f"{path}: valid\n"


def test_init_does_not_replace_a_file(lithops: Lithops, home: Path) -> None:
    Path("mine").write_text("lithops:\n")

    outcome = lithops("config", "init", "--output", "mine")

    assert outcome.code == 1
    assert outcome.err == "error: 'mine' exists already; --force replaces it, --output FILE writes somewhere else\n"
    assert Path("mine").read_text() == "lithops:\n"


def test_init_replaces_a_file_if_it_is_told_to(lithops: Lithops, home: Path) -> None:
    Path("mine").write_text("old")
    Path("mine").chmod(0o644)

    outcome = lithops("config", "init", "-o", "mine", "--force")

    assert outcome.out == "wrote mine; edit it, then run 'lithops config validate -c mine'\n"
    assert Path("mine").stat().st_mode & 0o777 == 0o600
    assert list(home.iterdir()) == [home / "mine"]


def test_init_can_be_limited_to_plugins(lithops: Lithops, install: Install) -> None:
    install("harbour", "serverless", "Config = __import__('pydantic').create_model('C', berths=(int, 1))\n")

    assert "harbour:" not in lithops("config", "init", "localhost", "-o", "-").out
    assert "harbour:" in lithops("config", "init", "harbour", "-o", "-").out


def test_init_names_the_plugins_there_are(lithops: Lithops) -> None:
    outcome = lithops("config", "init", "nope")

    assert outcome.code == 1
    assert outcome.err == (
        "error: no plugin 'nope' is installed (installed: localhost); 'lithops plugins' lists them\n"
    )


def test_init_says_why_a_file_cannot_be_written(lithops: Lithops) -> None:
    Path("file").touch()

    outcome = lithops("config", "init", "-o", "file/config")

    assert outcome.code == 1
    assert outcome.err.startswith("error: cannot write 'file/config': ")
    assert outcome.err.endswith("; name another file with --output FILE\n")


def test_a_failed_write_leaves_nothing_behind(lithops: Lithops, home: Path) -> None:
    Path("folder").mkdir()

    outcome = lithops("config", "init", "-o", "folder", "--force")

    assert outcome.err == "error: cannot write 'folder': Is a directory; name another file with --output FILE\n"
    assert list(home.iterdir()) == [home / "folder"]
