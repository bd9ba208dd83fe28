"""A configuration file to begin with: every key, its meaning and its default, made from the models themselves."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

from lithops.config.accepted import accepted
from lithops.config.global_section import LithopsSection
from lithops.config.readers import REDIS
from lithops.config.validation import holds_secret

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pydantic import BaseModel
    from pydantic.fields import FieldInfo

_WIDTH = 100


def render_template(names: Iterable[str] | None = None) -> str:
    """Return a commented config file with section `lithops`, those of installed plugins, and `redis`.

    `names` are the sections to show; None shows all. It is valid as it stands and says nothing; a key counts once its
    `#` is removed. Raises `PluginError` for a name that is not installed.
    """
    lines = [
        "# Configuration of lithops. Save it as .lithops_config, ~/.lithops/config or /etc/lithops/config.",
        "# Remove the '#' of what you want to change. ${NAME} stands for an environment variable.",
        "",
        *_section("lithops", [LithopsSection]),
    ]
    for name, models in _other_models(names):
        lines += ["", *_section(name, models)]
    return "\n".join(lines) + "\n"


def _other_models(names: Iterable[str] | None) -> Iterator[tuple[str, list[type[BaseModel]]]]:
    from lithops.errors import PluginError
    from lithops.plugins import config_model, installed, load

    wanted = set(names) if names is not None else None
    infos = installed()
    for missing in sorted((wanted or set()) - {REDIS, *(info.name for info in infos)}):
        known = ", ".join(sorted({info.name for info in infos}))
        raise PluginError(f"no plugin {missing!r} is installed (installed: {known}); 'lithops plugins' lists them")
    sections: dict[str, list[type[BaseModel]]] = {}
    for info in infos:
        if wanted is not None and info.name not in wanted:
            continue
        try:
            model = config_model(load(info))
        except PluginError:
            if wanted is not None:
                raise
            continue  # a broken plugin must not keep the others out of the file; 'lithops plugins' tells of it
        if model is not None:
            sections.setdefault(info.name, []).append(model)
    if wanted is None or REDIS in wanted:
        from lithops.config.redis_section import RedisSection

        sections.setdefault(REDIS, []).append(RedisSection)
    yield from sections.items()


def _section(name: str, models: Iterable[type[BaseModel]]) -> Iterator[str]:
    yield f"{name}:"
    fields: dict[str, FieldInfo] = {}
    for model in models:
        fields = {**fields, **{key: field for key, field in model.model_fields.items() if key not in fields}}
    for key, field in fields.items():
        if not field.deprecated:
            yield from _key(key, field)


def _key(key: str, field: FieldInfo) -> Iterator[str]:
    about = f"{(field.description or key).rstrip('.')} ({accepted(field)}{'; needed' if field.is_required() else ''})"
    yield from (f"  # {line}" for line in textwrap.wrap(about, _WIDTH))
    yield f"  #{key}: {_as_yaml(_sample(key, field))}"


def _sample(key: str, field: FieldInfo) -> Any:
    if field.examples:
        return field.examples[0]
    default = field.get_default(call_default_factory=False)
    if holds_secret(field):
        return f"${{{key.upper()}}}"
    if field.is_required() or default.__class__.__name__ == "PydanticUndefinedType":
        return "..."
    return default


def _as_yaml(value: Any) -> str:
    import yaml

    plain = list(value) if isinstance(value, (tuple, set, frozenset)) else value
    text: str = yaml.safe_dump(plain, default_flow_style=True, width=1000)
    return text.removesuffix("\n").removesuffix("...").rstrip()
