"""What a plugin class is refused for, and what it may do."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from pydantic import BaseModel

import lithops
from lithops.errors import PluginError
from lithops.hookspecs import SPECS, ComputeSpec, StorageSpec
from lithops.plugins import Plugins, check_plugin, config_model
from lithops.plugins.checks import hook_names


class Model(BaseModel):
    size: int = 1


def backend(**members: object) -> type:
    return type("Backend", (), {"name": "acme", "Config": None, **members})


def refusal(plugin_class: type, name: str | None = "acme") -> str:
    with pytest.raises(PluginError) as caught:
        check_plugin(plugin_class, label="plugin 'acme' of acme 1.0", name=name)
    return str(caught.value)


def marked(function: Callable[..., Any], **options: Any) -> Callable[..., Any]:
    return lithops.hookimpl(**options)(function) if options else lithops.hookimpl(function)


def plain(self: object, activations: object, sink: object) -> object:
    return ()


def test_a_hook_without_the_mark_is_refused() -> None:
    assert refusal(backend(invoke=plain)) == (
        "plugin 'acme' of acme 1.0: 'invoke' has the name of a hook but no @lithops.hookimpl; add it or rename it"
    )


def test_a_hook_without_the_mark_is_refused_also_when_the_spec_is_subclassed() -> None:
    plugin_class = type("Backend", (ComputeSpec,), {"name": "acme", "Config": None, "invoke": plain})
    assert "'invoke' has the name of a hook but no @lithops.hookimpl" in refusal(plugin_class)


def test_what_is_only_inherited_from_a_spec_is_no_implementation() -> None:
    plugin_class = type("Backend", (ComputeSpec, StorageSpec), {"name": "acme", "Config": None})
    check_plugin(plugin_class, label="plugin", name="acme")


def test_an_implementation_inherited_from_another_plugin_counts() -> None:
    parent = backend(invoke=marked(plain))
    check_plugin(type("Child", (parent,), {}), label="plugin", name="acme")


def test_an_async_hook_is_refused() -> None:
    async def invoke(self: object, activations: object, sink: object) -> object:
        return ()

    assert refusal(backend(invoke=marked(invoke))) == (
        "plugin 'acme' of acme 1.0: hook 'invoke' is async, but hooks are called plainly; run the loop inside of it"
    )


def test_an_async_generator_is_refused() -> None:
    async def list_objects(self: object, request: object) -> AsyncIterator[int]:
        yield 1

    assert "hook 'list_objects' is async" in refusal(backend(list_objects=marked(list_objects)))


def test_a_generator_is_refused() -> None:
    def list_objects(self: object, request: object) -> Iterator[int]:
        yield 1

    assert refusal(backend(list_objects=marked(list_objects))) == (
        "plugin 'acme' of acme 1.0: hook 'list_objects' is a generator, so calling it runs none of it; "
        "return the record, or mark it @lithops.hookimpl(wrapper=True)"
    )


def test_a_static_async_hook_is_refused() -> None:
    async def close() -> None:
        return None

    assert "hook 'close' is async" in refusal(backend(close=staticmethod(marked(close))))


def test_a_wrapper_may_be_a_generator() -> None:
    def invoke(self: object, activations: object, sink: object) -> Iterator[None]:
        return (yield)

    check_plugin(backend(invoke=marked(invoke, wrapper=True)), label="plugin", name="acme")


def test_a_misspelt_hook_names_the_nearest() -> None:
    assert refusal(backend(put_objekt=marked(plain))) == (
        "plugin 'acme' of acme 1.0 implements the hook 'put_objekt', which does not exist; did you mean 'put_object'?"
    )


def test_a_hook_that_resembles_none_lists_them_all() -> None:
    assert "the hooks are calls_finished, cancel, clean, " in refusal(backend(qqqqqq=marked(plain)))


def test_a_misspelt_specname_counts_as_well() -> None:
    assert "implements the hook 'invoque'" in refusal(backend(mine=marked(plain, specname="invoque")))


def test_an_optional_hook_may_be_unknown() -> None:
    check_plugin(backend(hook_of_a_later_core=marked(plain, optionalhook=True)), label="plugin", name="acme")


def test_the_name_must_be_the_one_it_is_installed_under() -> None:
    assert refusal(backend(name="other")) == (
        "plugin 'acme' of acme 1.0 is installed as 'acme' but its attribute 'name' is 'other'; make them equal"
    )


def test_a_backend_must_say_whether_it_has_a_config() -> None:
    assert refusal(type("Backend", (), {"name": "acme"})) == (
        "plugin 'acme' of acme 1.0 has no attribute 'Config'; set it to a pydantic model, or None if it has no config"
    )


def test_a_cross_cutting_plugin_needs_neither_name_nor_config() -> None:
    check_plugin(type("Watch", (), {"job_started": marked(lambda self, job: None)}), label="plugin", name=None)


def test_an_unhashable_plugin_is_refused() -> None:
    assert refusal(backend(__eq__=lambda self, other: True, __hash__=None)) == (
        "plugin 'acme' of acme 1.0 defines __eq__ without __hash__, so it cannot be registered; remove __eq__"
    )


def test_a_newer_api_is_refused() -> None:
    assert refusal(backend(api_version=2)) == (
        "plugin 'acme' of acme 1.0 needs plugin API 2 but this core speaks 1; run 'pip install --upgrade lithops-core'"
    )


def test_properties_are_not_evaluated() -> None:
    def fail(self: object) -> object:
        raise AssertionError("evaluated")

    plugin_class = backend(state=property(fail))
    check_plugin(plugin_class, label="plugin", name="acme")
    Plugins(plugin_class())


def test_config_may_be_a_model_an_import_string_or_none() -> None:
    assert config_model(backend(Config=Model)) is Model
    assert config_model(backend(Config="pydantic:RootModel")) is not None
    assert config_model(backend()) is None
    assert config_model(type("Watch", (), {})) is None


def test_config_of_another_type_is_refused() -> None:
    with pytest.raises(PluginError) as caught:
        config_model(backend(Config=int))
    assert str(caught.value).endswith(
        ":Backend is <class 'int'>; make it a pydantic model, None, or the string 'package.module:Model'"
    )


@pytest.mark.parametrize("target", ["no_such_package.config:Model", "pydantic:NoSuchModel", "pydantic"])
def test_config_that_cannot_be_imported_is_refused(target: str) -> None:
    with pytest.raises(PluginError, match=rf":Backend is '{target}', which cannot be imported: [A-Z]\w+Error: "):
        config_model(backend(Config=target))


def test_every_hook_has_one_spec_with_a_docstring_and_no_defaults() -> None:
    specs = [member for spec in SPECS for member in vars(spec).values() if hasattr(member, "lithops_spec")]
    assert len(specs) == len(hook_names())
    for spec in specs:
        assert spec.__doc__, spec.__qualname__
        assert spec.__defaults__ is None, spec.__qualname__
        assert spec.__kwdefaults__ is None, spec.__qualname__
        assert spec.__annotations__["return"], spec.__qualname__
