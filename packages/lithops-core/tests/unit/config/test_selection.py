"""Tests of configuration: selection."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lithops.config import resolve
from lithops.errors import LithopsError

if TYPE_CHECKING:
    from lithops.config import Settings

    from .conftest import Install, Write


def chosen(settings: Settings) -> tuple[str, str, str, str]:
    return settings.mode, settings.backend, settings.storage, settings.monitoring


def refused(**arguments: object) -> str:
    with pytest.raises(LithopsError) as caught:
        resolve(**arguments)  # type: ignore[arg-type]
    return str(caught.value)


def test_no_backend_given_means_this_machine(install: Install) -> None:
    install("harbour", "serverless")

    assert chosen(resolve()) == ("localhost", "localhost", "localhost", "auto")


def test_a_backend_brings_its_mode(install: Install) -> None:
    install("harbour", "standalone")

    settings = resolve(backend="harbour", storage="localhost")

    assert chosen(settings) == ("standalone", "harbour", "localhost", "auto")
    assert settings.lithops.execution_timeout_s == 1800


def test_an_argument_replaces_what_the_file_says(install: Install, write: Write) -> None:
    install("harbour", "serverless")
    path = write("lithops: {backend: harbour, storage: localhost, monitoring: storage}")

    assert chosen(resolve(config_file=path, backend="localhost", monitoring="auto"))[1::2] == ("localhost", "auto")


def test_a_mode_alone_takes_the_one_backend_there_is(install: Install) -> None:
    install("harbour", "serverless")
    install("pier", "standalone")

    assert resolve(mode="serverless").backend == "harbour"
    assert resolve(config={"lithops": {"mode": "standalone"}}).backend == "pier"


def test_a_mode_alone_with_several_backends_lists_them(install: Install) -> None:
    install("harbour", "serverless")
    install("pier", "serverless")

    assert refused(mode="serverless") == (
        "several serverless backends are installed: harbour, pier; choose one with backend=..."
    )


def test_a_mode_alone_without_a_backend_says_what_to_install() -> None:
    assert refused(mode="serverless") == (
        "no serverless backend is installed; pip install lithops-backend-<name> for the one you have"
    )


def test_the_section_of_a_mode_may_name_its_backend(install: Install) -> None:
    install("harbour", "serverless")
    install("pier", "serverless")

    assert resolve(mode="serverless", config={"serverless": {"backend": "pier"}}).backend == "pier"


def test_the_section_of_a_mode_must_name_a_backend_of_that_mode(install: Install) -> None:
    install("pier", "standalone")

    assert refused(mode="serverless", config={"serverless": {"backend": "pier"}}) == (
        "the config argument: mode 'serverless' and backend 'pier' contradict each other: 'pier' is a standalone "
        "backend; leave one of the two out"
    )


def test_mode_localhost_is_the_built_in_backend_whatever_else_is_installed(install: Install) -> None:
    install("harbour", "localhost")

    assert resolve(mode="localhost").backend == "localhost"
    assert resolve(backend="harbour").mode == "localhost"


@pytest.mark.parametrize("written", ["harbour", "not_installed"])
def test_asking_for_this_machine_leaves_aside_the_backend_of_the_file(
    written: str, install: Install, write: Write
) -> None:
    install("harbour", "serverless")
    path = write(f"lithops:\n  backend: {written}\n")

    settings = resolve(mode="localhost", config_file=path)

    assert settings.backend == "localhost"
    assert settings.notes == (
        f"{path}, line 2: backend {written!r} is left aside for 'localhost', because mode 'localhost' was asked for",
    )


def test_asking_for_a_mode_keeps_the_backend_of_the_file_if_it_is_of_that_mode(install: Install) -> None:
    install("harbour", "serverless")
    install("pier", "serverless")

    assert resolve(mode="serverless", config={"lithops": {"backend": "pier"}}).backend == "pier"


def test_contradictory_arguments_are_refused() -> None:
    assert refused(mode="serverless", backend="localhost") == (
        "mode 'serverless' and backend 'localhost' contradict each other: 'localhost' is a localhost backend; "
        "leave one of the two out"
    )


def test_a_contradictory_file_is_refused_with_its_line(write: Write) -> None:
    path = write("lithops:\n  backend: localhost\n  mode: standalone\n")

    assert refused(config_file=path) == (
        f"{path}, line 3: mode 'standalone' and backend 'localhost' contradict each other: 'localhost' is a "
        f"localhost backend; leave one of the two out"
    )


def test_an_unknown_mode_names_the_nearest() -> None:
    assert refused(mode="serverles") == "the argument mode: unknown mode 'serverles'; did you mean 'serverless'?"


def test_an_unknown_mode_in_a_file_names_the_line_and_all_modes(write: Write) -> None:
    path = write("lithops:\n  mode: x\n")

    assert refused(config_file=path) == (f"{path}, line 2: unknown mode 'x'; known: localhost, serverless, standalone")


def test_an_unknown_backend_says_what_is_installed_and_what_to_install() -> None:
    assert refused(backend="far_away") == (
        "unknown compute backend 'far_away' (installed: localhost); pip install lithops-backend-far-away"
    )


@pytest.mark.parametrize(
    ("key", "name", "message"),
    [
        ("backend", "locahost", "unknown compute backend 'locahost' (installed: localhost); did you mean 'localhost'?"),
        ("storage", "far", "unknown storage backend 'far' (installed: localhost); pip install lithops-storage-far"),
        ("monitoring", "storge", "unknown monitor 'storge' (known: storage, auto, response); did you mean 'storage'?"),
    ],
)
def test_an_unknown_name_in_a_file_has_its_line(key: str, name: str, message: str, write: Write) -> None:
    path = write(f"lithops:\n  {key}: {name}\n")

    assert refused(config_file=path) == f"{path}, line 2: {message}"


def test_an_unknown_monitor_says_what_is_known_the_nearest_first(install: Install) -> None:
    install("gulls", "monitor")

    assert refused(monitoring="gull") == (
        "unknown monitor 'gull' (known: gulls, auto, storage, response); did you mean 'gulls'?"
    )
    assert refused(monitoring="rabbit_mq").endswith("); pip install lithops-monitor-rabbit-mq")


def test_an_unknown_monitor_is_told_of_once(write: Write) -> None:
    path = write("lithops:\n  retries: -1\n  monitoring: storge\n")

    lines = refused(config_file=path, thorough=True).splitlines()

    assert [line.partition(": ")[0] for line in lines] == [f"{path}, line 3", f"{path}, line 2"]


@pytest.mark.parametrize(("key", "argument"), [("backend", 3), ("storage", 3), ("monitoring", 3)])
def test_names_are_text(key: str, argument: object) -> None:
    assert "must be the name of a" in refused(**{key: argument})
    assert refused(config={"lithops": {key: argument}}) == f"the config argument: {key} is 3; it must be a name"


@pytest.mark.parametrize("lane", ["auto", "response", "storage"])
def test_monitoring_may_name_a_lane(lane: str) -> None:
    assert resolve(monitoring=lane).monitoring == lane


def test_monitoring_may_name_a_plugin_and_its_section_is_validated(install: Install) -> None:
    install("gulls", "monitor", keys="url: SecretStr")

    settings = resolve(monitoring="gulls", config={"gulls": {"url": "amqp://me:pass@host"}})

    assert settings.monitoring == "gulls"
    assert settings.sections["gulls"].url.get_secret_value() == "amqp://me:pass@host"  # type: ignore[attr-defined]


def test_a_remote_backend_takes_the_one_remote_store_there_is(install: Install) -> None:
    install("harbour", "serverless")
    install("shed", "storage")

    settings = resolve(backend="harbour")

    assert settings.storage == "shed"
    assert settings.lithops.monitoring_interval == 2


def test_a_remote_backend_takes_the_store_of_its_own_vendor(install: Install) -> None:
    install("harbour", "serverless", provider="acme")
    install("shed", "storage", provider="acme")
    install("barn", "storage", provider="zenith")

    assert resolve(backend="harbour").storage == "shed"


def test_a_remote_backend_with_several_stores_lists_them(install: Install) -> None:
    install("harbour", "serverless")
    install("shed", "storage")
    install("barn", "storage")

    assert (
        refused(backend="harbour") == "several storage backends are installed: barn, shed; choose one with storage=..."
    )


def test_a_local_store_behind_a_remote_backend_is_worth_a_note(install: Install) -> None:
    install("harbour", "serverless")

    assert resolve(backend="harbour").notes == (
        "storage 'localhost' is on this machine, out of reach of the workers of 'harbour': only what fits into "
        "requests and answers can travel; pip install lithops-storage-<name> for more",
    )
