"""Tests of configuration: template."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from lithops.config import render_template, resolve
from lithops.errors import PluginError

if TYPE_CHECKING:
    from .conftest import Install, Write

KEYS = """
zone: int = Field(2, ge=1, le=4, description="part of the harbour")
quay: str = Field(description="where ships land")
hatch: SecretStr = Field(description="opens the hold")
"""


def test_the_template_is_valid_and_says_nothing(write: Write) -> None:
    settings = resolve(config_file=write(render_template()))

    assert settings == resolve()
    assert settings.notes == ()


def test_every_key_of_the_template_is_valid_once_its_mark_is_removed(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_PASSWORD", "hunter2")
    text = re.sub(r"^  #(?=\w+: )", "  ", render_template(), flags=re.MULTILINE)
    text = text.replace("/opt/project/.venv/bin/python", "python3")

    settings = resolve(config_file=write(text), thorough=True)

    assert settings.notes == ()
    assert settings.backend == "localhost"


def test_the_template_shows_keys_with_meaning_range_and_default(install: Install) -> None:
    install("harbour", "serverless", keys=KEYS)

    text = render_template(["harbour"])

    assert "harbour:\n  # part of the harbour (an integer from 1 to 4)\n  #zone: 2\n" in text
    assert "  # where ships land (text; needed)\n  #quay: '...'\n" in text
    assert "  # opens the hold (text; needed)\n  #hatch: ${HATCH}\n" in text
    assert "localhost:" not in text


def test_section_redis_is_shown_like_those_of_plugins() -> None:
    assert "redis:\n  # the server's name or address (text, at least 1 long or null)\n" in render_template()
    assert "  #password: ${REDIS_PASSWORD}\n" in render_template(["redis"])
    assert "localhost:" not in render_template(["redis"])


def test_a_key_that_a_plugin_called_redis_has_as_well_is_shown_once(install: Install) -> None:
    install("redis", "storage", keys='host: str = Field("near", description="mine")')

    text = render_template(["redis"])

    assert text.count("  #host: ") == 1
    assert "  # mine (text)\n  #host: near\n" in text
    assert "  #ship_credentials: false\n" in text


def test_keys_without_sense_are_not_shown() -> None:
    text = render_template()

    assert "#worker_processes:" in text
    assert not {"#version:", "#use_gpu:", "#data_limit:"} & set(text.split())


def test_a_template_for_what_is_not_installed_says_so() -> None:
    with pytest.raises(PluginError) as caught:
        render_template(["far_away"])

    assert str(caught.value) == (
        "no plugin 'far_away' is installed (installed: localhost); 'lithops plugins' lists them"
    )
