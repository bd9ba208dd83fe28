"""Tests of configuration: document."""

from __future__ import annotations

import pytest

from lithops.config.document import from_mapping, parse
from lithops.errors import ConfigError


def refused(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        parse(text, "f")
    return str(caught.value)


def test_every_key_has_a_line() -> None:
    document = parse("lithops:\n  retries: 1\n\nlocalhost:\n  runtime: x\n", "f")

    assert document.where("lithops") == "f, line 1"
    assert document.where("localhost", "runtime") == "f, line 5"


def test_an_unknown_place_has_the_line_of_what_is_around_it() -> None:
    document = parse("a:\n  b: [1, 2]\n", "f")

    assert document.where("a", "b", "c", 7) == "f, line 2"
    assert document.where("z") == "f"


def test_a_variable_is_filled_in_wherever_it_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOST", "example.org")
    monkeypatch.setenv("EMPTY", "")

    document = parse("a:\n  url: https://${HOST}/${EMPTY}x\n  list: ['${HOST}', {deep: \"${HOST}\"}]\n", "f")

    assert document.sections == {
        "a": {"url": "https://example.org/x", "list": ["example.org", {"deep": "example.org"}]}
    }


def test_a_doubled_dollar_is_one_that_means_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOST", "h")

    assert parse("a: {x: '$${HOST} ${HOST} $HOST $$'}", "f").sections == {"a": {"x": "${HOST} h $HOST $$"}}


def test_what_a_variable_holds_is_not_filled_in_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONE", "${TWO}")

    assert parse("a: {x: &x '${ONE}', y: *x}", "f").sections == {"a": {"x": "${TWO}", "y": "${TWO}"}}


def test_a_number_with_leading_zeros_in_a_variable_stays_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PASSWORD", "0123")

    assert parse("a: {x: ${PASSWORD}}".replace("${PASSWORD}", "'${PASSWORD}'"), "f").sections == {"a": {"x": "0123"}}
    assert parse("a:\n  x: ${PASSWORD}\n", "f").sections == {"a": {"x": "0123"}}


def test_a_variable_that_is_not_set_is_named_with_its_line() -> None:
    assert refused("a:\n  x: 1\n  y: ${LITHOPS_NO_SUCH}\n") == (
        "f, line 3: the environment variable 'LITHOPS_NO_SUCH' is not set; set it, or write '$${LITHOPS_NO_SUCH}' "
        "for the literal text '${LITHOPS_NO_SUCH}'"
    )


@pytest.mark.parametrize("text", ["${", "${A", "${A B}", "${}", "${A:-b}"])
def test_what_only_looks_like_a_variable_is_refused(text: str) -> None:
    assert refused(f"a:\n  x: 'p{text}'\n") == (
        f"f, line 2: {text!r} is not a reference to an environment variable, which is written ${{NAME}}; "
        f"write '$${{' for a literal '${{'"
    )


def test_text_that_is_not_yaml_says_where_and_why() -> None:
    assert refused("lithops:\n  x: [1, 2\n") == (
        "f, line 3, column 1: this is not YAML: did not find expected ',' or ']'; correct it there or just above"
    )


def test_a_tab_as_indentation_is_not_yaml() -> None:
    assert "line 2, column 1: this is not YAML: found character that cannot start any token" in refused("a:\n\tx: 1\n")


def test_control_characters_are_not_yaml() -> None:
    assert refused("a: \x00\n").startswith("f: this is not YAML: ")


def test_two_documents_are_not_one() -> None:
    assert "but found another document" in refused("a: {}\n---\nb: {}\n")


def test_tags_that_make_objects_are_refused() -> None:
    assert "could not determine a constructor for the tag" in refused("a: {x: !!python/object/apply:os.getcwd []}\n")


def test_a_date_that_does_not_exist_is_explained() -> None:
    assert refused("a: {x: 2024-13-01}\n") == (
        "f: this YAML holds a value that does not exist: month must be in 1..12; put it in quotes"
    )


def test_a_key_written_twice_is_refused() -> None:
    assert refused("a:\n  x: 1\n  y: 2\n  x: 3\n") == "f, line 4: 'x' stands here and on line 2; remove one"


def test_a_section_written_twice_is_refused() -> None:
    assert refused("a: {}\na: {}\n") == "f, line 2: 'a' stands here and on line 1; remove one"


def test_a_value_that_contains_itself_is_refused() -> None:
    assert refused("a: &a\n  b: *a\n") == "f, line 1: this value contains itself; write it without the alias"


def test_nested_aliases_are_not_multiplied_out() -> None:
    rows = ["a0: &a0 {x: y}"]
    rows += [f"a{n}: &a{n} {{p: *a{n - 1}, q: *a{n - 1}, r: *a{n - 1}}}" for n in range(1, 40)]

    assert len(parse("\n".join(rows), "f").sections) == 40


def test_merge_keys_work() -> None:
    document = parse("base: &base {x: 1}\na:\n  <<: *base\n  y: 2\n", "f")

    assert document.sections["a"] == {"x": 1, "y": 2}


@pytest.mark.parametrize(("text", "found"), [("- a\n", "a list"), ("hello\n", "text"), ("3\n", "a value of type int")])
def test_a_configuration_is_a_mapping(text: str, found: str) -> None:
    assert refused(text) == (
        f"f: a configuration is a mapping of sections to keys, found {found}; "
        f"begin with a line 'lithops:' and put keys under it"
    )


def test_a_section_holds_keys() -> None:
    assert refused("lithops:\n  retries: 1\nlocalhost: 4\n") == (
        "f, line 3: section 'localhost' must hold keys, found a value of type int; "
        "write them indented under 'localhost:'"
    )


def test_a_key_outside_of_any_section_is_told_where_it_belongs() -> None:
    assert refused("backend: localhost\n") == (
        "f, line 1: 'backend' stands outside of any section; put it under 'lithops:'"
    )


def test_a_value_in_the_place_of_a_section_is_not_shown() -> None:
    assert "hunter2" not in refused("password: hunter2\n") + refused("hunter2\n")


def test_names_of_sections_are_text() -> None:
    assert refused("a:\n1: {}\n") == "f, line 2: the name of a section is text, found 1; put it in quotes"


def test_names_of_keys_are_text() -> None:
    assert refused("a:\n  x: 1\n  on: 2\n") == (
        "f, line 3: section 'a' has the key True, which is not text; put it in quotes"
    )
    assert refused("a:\n  x: 1\n  2024-01-31: 2\n").startswith("f, line 3: section 'a' has the key datetime.date(")


def test_the_same_key_in_two_spellings_is_refused() -> None:
    assert refused("a:\n  b: {yes: 1}\n  c:\n    on: 1\n    true: 2\n") == (
        "f, line 5: True stands here and on line 4; remove one"
    )


def test_a_mapping_is_copied() -> None:
    given = {"a": {"x": {"y": 1}}}
    document = from_mapping(given, "the config argument")
    document.sections["a"]["x"]["y"] = 2

    assert given == {"a": {"x": {"y": 1}}}
    assert document.where("a", "x") == "the config argument"
