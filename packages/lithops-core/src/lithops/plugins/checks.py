"""What a plugin class is held to before any of it is called."""

from __future__ import annotations

import inspect
from functools import cache
from types import FunctionType
from typing import TYPE_CHECKING

import pluggy

from lithops.errors import PluginError
from lithops.hookspecs import API_VERSION, SPECS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pydantic import BaseModel

PROJECT = "lithops"
_MARK = f"{PROJECT}_spec"


class HookManager(pluggy.PluginManager):
    """Looks for marks on methods only: older versions of pluggy evaluate every property of a plugin to find them."""

    def __init__(self) -> None:
        super().__init__(PROJECT)

    def parse_hookimpl_opts(self, plugin: object, name: str) -> pluggy.HookimplOpts | None:
        """Return the options of a marked method, None for anything else."""
        member = inspect.getattr_static(plugin, name, None)
        if not isinstance(member, FunctionType | staticmethod | classmethod):
            return None
        return super().parse_hookimpl_opts(plugin, name)


@cache
def hook_names() -> frozenset[str]:
    """Return the names of all hooks of the contract."""
    return frozenset(name for spec in SPECS for name, member in vars(spec).items() if hasattr(member, _MARK))


def check_plugin(plugin_class: type, *, label: str, name: str | None) -> None:
    """Raise `PluginError`, beginning with `label`, if a class is against the contract.

    `name` is the key that a backend is installed under; None for a cross-cutting plugin, which needs neither `name`
    nor `Config`.
    """
    needed = getattr(plugin_class, "api_version", 1)
    if not isinstance(needed, int) or needed > API_VERSION:  # first of all: the rest may look wrong only because of it
        raise PluginError(
            f"{label} needs plugin API {needed!r} but this core speaks {API_VERSION}; "
            f"run 'pip install --upgrade lithops-core'"
        )
    if name is not None:
        _check_backend_attributes(plugin_class, label, name)
    if plugin_class.__hash__ is None:
        raise PluginError(f"{label} defines __eq__ without __hash__, so it cannot be registered; remove __eq__")
    for method, member in _members(plugin_class):
        _check_member(plugin_class, method, member, label)


def config_model(plugin_class: type) -> type[BaseModel] | None:
    """Return the pydantic model of a plugin's config section, None if it has none.

    `Config` may be the import string `"package.module:Model"`, so that a plugin whose defaults do need no pydantic
    can be used without importing it.
    """
    config = getattr(plugin_class, "Config", None)
    if config is None:
        return None
    label = f"{plugin_class.__module__}:{plugin_class.__qualname__}"
    if isinstance(config, str):
        config = _import_model(config, label)

    from pydantic import BaseModel

    if isinstance(config, type) and issubclass(config, BaseModel):
        return config
    raise PluginError(
        f"Config of {label} is {config!r}; make it a pydantic model, None, or the string 'package.module:Model'"
    )


def _import_model(target: str, label: str) -> object:
    from importlib import import_module

    module, _, name = target.partition(":")
    try:
        model: object = getattr(import_module(module), name)
    except (Exception, SystemExit) as error:
        raise PluginError(
            f"Config of {label} is {target!r}, which cannot be imported: {type(error).__name__}: {error}; "
            f"make it a pydantic model, None, or the string 'package.module:Model'"
        ) from error
    return model


def _check_backend_attributes(plugin_class: type, label: str, name: str) -> None:
    own_name = getattr(plugin_class, "name", None)
    if own_name != name:
        raise PluginError(f"{label} is installed as {name!r} but its attribute 'name' is {own_name!r}; make them equal")
    if not hasattr(plugin_class, "Config"):
        raise PluginError(f"{label} has no attribute 'Config'; set it to a pydantic model, or None if it has no config")


def _members(plugin_class: type) -> Iterable[tuple[str, object]]:
    """Yield what a class or its bases define, the nearest definition of each name, leaving descriptors unevaluated."""
    seen: set[str] = set()
    for base in plugin_class.__mro__[:-1]:
        for name, member in vars(base).items():
            if name not in seen:
                seen.add(name)
                yield name, member


def _check_member(plugin_class: type, name: str, member: object, label: str) -> None:
    options = _options(plugin_class, name)
    if options is None:
        if name in hook_names() and not _is_spec(member):
            raise PluginError(f"{label}: {name!r} has the name of a hook but no @lithops.hookimpl; add it or rename it")
        return
    hook = options.get("specname") or name
    if hook not in hook_names():
        if options.get("optionalhook"):
            return
        raise PluginError(f"{label} implements the hook {hook!r}, which does not exist; {_nearest(hook)}")
    function = inspect.unwrap(member.__func__ if isinstance(member, staticmethod | classmethod) else member)  # type: ignore[arg-type]
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        raise PluginError(f"{label}: hook {name!r} is async, but hooks are called plainly; run the loop inside of it")
    wraps = options.get("wrapper") or options.get("hookwrapper")
    if inspect.isgeneratorfunction(function) and not wraps:
        raise PluginError(
            f"{label}: hook {name!r} is a generator, so calling it runs none of it; "
            f"return the record, or mark it @lithops.hookimpl(wrapper=True)"
        )
    strange = [
        parameter for parameter in list(inspect.signature(function).parameters)[1:] if parameter not in _spec(hook)
    ]
    if strange and not isinstance(member, staticmethod):
        takes = ", ".join(_spec(hook)) or "nothing"
        raise PluginError(
            f"{label}: hook {name!r} has a parameter {strange[0]!r}, but is called with {takes}; rename it"
        )


@cache
def _spec(hook: str) -> tuple[str, ...]:
    """Return the names of what a hook is called with."""
    (member,) = (vars(spec)[hook] for spec in SPECS if hook in vars(spec))
    return tuple(inspect.signature(member).parameters)[1:]


def _options(plugin_class: type, name: str) -> pluggy.HookimplOpts | None:
    return _reader().parse_hookimpl_opts(plugin_class, name)


@cache
def _reader() -> HookManager:
    """Return a manager that only ever reads marks: how they are kept is pluggy's affair."""
    return HookManager()


def _is_spec(member: object) -> bool:
    """Whether this is merely inherited from a spec class that the plugin subclasses for the type checker."""
    return hasattr(member, _MARK)


def _nearest(hook: str) -> str:
    from difflib import get_close_matches

    near = get_close_matches(hook, sorted(hook_names()), n=1)
    return f"did you mean {near[0]!r}?" if near else f"the hooks are {', '.join(sorted(hook_names()))}"
