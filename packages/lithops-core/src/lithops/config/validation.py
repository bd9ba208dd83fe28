"""Hold values to a pydantic model, and say in the user's words what does not fit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, get_args

from pydantic import AliasChoices, BaseModel, SecretStr, ValidationError

from lithops.errors import ConfigError

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo
    from pydantic_core import ErrorDetails

    from lithops.config.document import Document

Model = TypeVar("Model", bound=BaseModel)

_LONGEST_SHOWN = 200


class Entry(NamedTuple):
    """A value and the section it stands in; None is a keyword argument."""

    value: Any
    section: str | None


def accepted_keys(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """Return every name that a key of the model may be written with, and the field it fills."""
    return {spelling: model.model_fields[name] for spelling, name in _field_names(model).items()}


def takes_any_key(model: type[BaseModel]) -> bool:
    """Tell whether the model keeps keys that it does not name."""
    return model.model_config.get("extra") == "allow"


def validate(model: type[Model], entries: Mapping[str, Entry], *, owner: str, document: Document) -> Model:
    """Make a model of entries; raises one `ConfigError` with a line for each value that does not fit.

    `owner` says who needs the keys, such as `backend 'localhost'`. Unknown keys are somebody else's to find. True and
    False are no numbers, whatever Python and pydantic think of them.
    """
    values = {key: entry.value for key, entry in entries.items()}
    try:
        made = model.model_validate(values)
        details = [*_counted(values, made)]
        if not details:
            return made
    except ValidationError as error:
        details = error.errors(include_url=False)
        failed = {detail["loc"][0] for detail in details if detail["loc"]}
        rest = {key: value for key, value in values.items() if key not in failed}
        with suppress(ValidationError):  # if it makes a model of its own, it is looked at as well
            details += _counted(rest, model.model_validate(rest))
    keys = accepted_keys(model)
    lines = [_complaint(detail, keys, entries, owner, document) for detail in details]
    raise ConfigError("\n".join(lines))  # without the cause, whose text would repeat values, secrets among them


def _counted(given: object, made: object, path: tuple[int | str, ...] = ()) -> Iterator[ErrorDetails]:
    """Yield an error for each true or false that was made a number."""
    if isinstance(given, bool):
        if type(made) in (int, float) and made == given:
            yield {"type": "int_type", "loc": path, "msg": "It must be a number", "input": given}
    elif isinstance(given, Mapping):
        names: Mapping[str, str] = {}
        if isinstance(made, BaseModel):
            names, made = _field_names(type(made)), vars(made)  # an attribute that has lost its sense would warn
        for key, value in given.items():
            inner = made.get(names.get(key, key)) if isinstance(made, Mapping) else None
            yield from _counted(value, inner, (*path, key))
    elif isinstance(given, (list, tuple)) and isinstance(made, (list, tuple)):
        for index, (value, inner) in enumerate(zip(given, made, strict=False)):
            yield from _counted(value, inner, (*path, index))


def notes_on(model: type[BaseModel], entries: Mapping[str, Entry], document: Document) -> Iterator[str]:
    """Yield a line for each entry whose key is accepted but has lost its sense."""
    keys = accepted_keys(model)
    for key, entry in entries.items():
        field = keys.get(key)
        if field is not None and (reason := field.deprecated) and entry.value not in (None, False):
            why = f": {reason}" if isinstance(reason, str) else "; remove it"
            yield f"{_place(document, key, entry)}{_name(key, entry)} has no effect{why}"


def unwritten(model: BaseModel) -> set[str]:
    """Return the fields that have lost their sense and that nobody has given a value."""
    fields = type(model).model_fields
    return {name for name, field in fields.items() if field.deprecated and name not in model.model_fields_set}


def holds_secret(field: FieldInfo) -> bool:
    """Tell whether the model keeps what is written here as a secret."""
    return SecretStr in (field.annotation, *get_args(field.annotation))


def defaults_of(family: str, name: str) -> BaseModel | None:
    """Return the section of an installed plugin as it is when nothing is written, None if it has none."""
    from lithops.plugins import config_model, find, load

    model = config_model(load(find(family, name)))
    return model() if model is not None else None


def _field_names(model: type[BaseModel]) -> dict[str, str]:
    """Return every name that a key may be written with, and the name of the field it fills."""
    fields = model.model_fields.items()
    return {spelling: name for name, field in fields for spelling in _spellings(name, field, model)}


def _spellings(name: str, field: FieldInfo, model: type[BaseModel]) -> Iterator[str]:
    alias = field.validation_alias or field.alias
    by_name = model.model_config.get("populate_by_name") or model.model_config.get("validate_by_name")
    if alias is None or by_name:
        yield name
    if isinstance(alias, str):
        yield alias
    elif isinstance(alias, AliasChoices):
        yield from (choice for choice in alias.choices if isinstance(choice, str))


def _complaint(
    detail: ErrorDetails, keys: Mapping[str, FieldInfo], entries: Mapping[str, Entry], owner: str, document: Document
) -> str:
    from lithops.config.accepted import accepted  # here, as in _shown: what is needed for errors only loads with them

    if not detail["loc"]:  # a validator of the model as a whole
        return f"{document.origin or 'configuration'}: {owner}: {_reason(detail)}"
    key, *inner = detail["loc"]
    field = keys.get(str(key))
    if detail["type"] == "missing" and not inner:
        about = f": {field.description or accepted(field)}" if field else ""
        return f"{document.origin or 'configuration'}: {owner} needs the key {key!r}{about}"
    entry = entries.get(str(key), Entry(None, None))
    name = _name(".".join(str(part) for part in detail["loc"]), entry)
    where = _place(document, key, entry, *inner)
    shown = _shown(str(key), field, detail["input"])
    if detail["type"] == "value_error":
        return f"{where}{name} is {shown}: {_reason(detail)}"
    if field is None or inner:
        return f"{where}{name} is {shown}: {_reason(detail)}"
    return f"{where}{name} is {shown}; it must be {accepted(field)}"


def _reason(detail: ErrorDetails) -> str:
    cause = detail.get("ctx", {}).get("error")
    message = str(cause) if cause is not None else detail["msg"]
    return message[:1].lower() + message[1:] if cause is None else message


def _place(document: Document, key: object, entry: Entry, *inner: object) -> str:
    return f"{document.where(entry.section, key, *inner)}: " if entry.section is not None else ""


def _name(key: str, entry: Entry) -> str:
    return f"{entry.section}.{key}" if entry.section is not None else f"keyword argument {key}"


def _shown(key: str, field: FieldInfo | None, value: Any) -> str:
    from lithops.config.redaction import is_secret_name, redact

    if is_secret_name(key) or (field is not None and holds_secret(field)):
        return "a value that is not shown"
    text = repr(redact({key: value})[key])
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."
