"""The suite that any plugin passes, whatever it does."""

from __future__ import annotations

import inspect
import json
import re
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, ClassVar

from lithops.hookspecs import SPECS
from lithops.plugins import PluginInfo, check_plugin, config_model, installed, load
from lithops_testing.contract import Contract
from lithops_testing.installing import distribution_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pydantic import BaseModel

_NEEDED = {
    "localhost": ("limits", "deploy_runtime", "invoke", "close"),
    "serverless": ("limits", "deploy_runtime"),
    "storage": (
        "put_object",
        "put_if_absent",
        "get_object",
        "head_object",
        "list_objects",
        "delete_objects",
        "copy_object",
        "create_bucket",
        "head_bucket",
        "worker_part",
    ),
}
_PYDANTIC = {"pydantic", "pydantic_core", "annotated_types", "typing_extensions", "typing_inspection"}
_SECRET = re.compile(r"(^|_)(password|secret|token|api_key|access_key|private_key)(_|$)(?!.*(id|file|path|name|url)$)")

_WHAT_IS_IMPORTED = """
import json, sys
before = set(sys.modules)
import pluggy
__import__(sys.argv[1])
new = {name.partition(".")[0] for name in set(sys.modules) - before}
print(json.dumps(sorted(new - set(sys.stdlib_module_names))))
"""


class PluginContract(Contract):
    """Subclass this in a test module and set `plugin_class`; each test is one promise.

    The distribution must be installed (editable is enough), since its entry point is part of the contract. A promise
    that cannot be kept is overridden with `@pytest.mark.xfail(reason=...)`; any other override is refused.
    """

    plugin_class: ClassVar[type]
    allowed_imports: ClassVar[frozenset[str]] = frozenset()
    """Top-level packages that importing the plugin's module may load, beside the core, pluggy and its own."""

    @property
    def info(self) -> PluginInfo:
        """The entry point of the plugin."""
        cls = self.plugin_class
        target = f"{cls.__module__}:{cls.__qualname__}"
        found = [info for info in installed() if info.target == target]
        assert found, (
            f"no entry point leads to {target!r}; declare it in pyproject.toml, as "
            f'[project.entry-points."lithops.<kind>"] with {getattr(cls, "name", cls.__name__.lower())} = "{target}", '
            f"and install the distribution"
        )
        assert len(found) == 1, f"{target!r} has {len(found)} entry points: {', '.join(map(str, found))}; keep one"
        return found[0]

    def test_its_entry_point_leads_to_it(self) -> None:
        assert load(self.info) is self.plugin_class

    def test_it_is_held_to_the_contract(self) -> None:
        info = self.info
        check_plugin(self.plugin_class, label=str(info), name=None if info.kind == "plugins" else info.name)

    def test_its_names_are_mechanical(self) -> None:
        info = self.info
        if info.distribution == "lithops-core":
            return
        assert re.fullmatch(r"[a-z][a-z0-9_]*", info.name), f"{info.name!r} is no lower-case identifier"
        due = distribution_of(info.kind, info.name)
        assert info.distribution == due, f"{info} should come in a distribution named {due!r}: messages name that one"
        package = info.target.partition(".")[0]
        if package == "lithops_testing":  # an example, which lives in the kit
            return
        assert package == due.replace("-", "_"), f"{info} should be imported as {due.replace('-', '_')!r}"

    def test_it_is_documented(self) -> None:
        assert (self.plugin_class.__doc__ or "").strip(), f"{self.plugin_class.__qualname__} has no docstring"

    def test_it_implements_what_its_kind_needs(self) -> None:
        kind = self.info.kind
        missing = [hook for hook in _NEEDED.get(kind, ()) if hook not in self._hooks()]
        assert not missing, f"a plugin of kind {kind!r} implements {', '.join(missing)} as well"

    def test_its_hooks_have_the_parameters_of_their_specs(self) -> None:
        specs = {
            name: member for spec in SPECS for name, member in vars(spec).items() if hasattr(member, "lithops_spec")
        }
        for name, function in self._hooks().items():
            due = [parameter.name for parameter in inspect.signature(specs[name]).parameters.values()]
            own = list(inspect.signature(function).parameters.values())
            found = [parameter.name for parameter in own]
            assert found == due, f"hook {name!r} takes ({', '.join(found)}), its spec ({', '.join(due)})"
            for parameter in own:
                assert parameter.default is parameter.empty, f"hook {name!r} has a default for {parameter.name!r}"
                assert parameter.kind is parameter.POSITIONAL_OR_KEYWORD, f"{name!r}: {parameter.name!r} must be plain"

    def test_its_config_is_closed_and_described(self) -> None:
        model = self._model()
        if model is None:
            return
        assert model.model_config.get("extra") == "forbid", f"{model.__name__} must set extra='forbid'"
        assert model.model_config.get("frozen"), f"{model.__name__} must set frozen=True"
        silent = [name for name, field in model.model_fields.items() if not field.description]
        assert not silent, f"{model.__name__} has no description for {', '.join(silent)}"
        model.model_json_schema()  # raises if a type cannot be resolved where the model is defined

    def test_its_secrets_are_secret(self) -> None:
        model = self._model()
        fields = model.model_fields if model else {}
        open_ = [
            name for name, field in fields.items() if _SECRET.search(name) and "Secret" not in str(field.annotation)
        ]
        assert not open_, f"{', '.join(open_)} must be SecretStr, or it ends up in logs"

    def test_importing_it_loads_no_sdk(self) -> None:
        module = self.plugin_class.__module__
        answer = subprocess.run(
            [sys.executable, "-c", _WHAT_IS_IMPORTED, module], capture_output=True, text=True, timeout=60, check=False
        )
        assert answer.returncode == 0, answer.stderr
        lazy = getattr(self.plugin_class, "Config", None) is None or isinstance(self.plugin_class.Config, str)  # type: ignore[attr-defined]
        allowed = {"pluggy", "lithops", module.partition(".")[0], *self.allowed_imports, *(() if lazy else _PYDANTIC)}
        loaded = [name for name in json.loads(answer.stdout) if name not in allowed and not name.startswith("lithops_")]
        assert not loaded, f"importing {module!r} loads {', '.join(loaded)}; import them where they are first used"

    def test_making_it_starts_nothing(self) -> None:
        before = set(threading.enumerate())
        self.plugin_class()
        assert set(threading.enumerate()) == before, "a plugin starts no thread before 'configure'"

    def _model(self) -> type[BaseModel] | None:
        return config_model(self.plugin_class)

    def _hooks(self) -> Mapping[str, Callable[..., object]]:
        """Return the implementations by the name of their hook."""
        found: dict[str, Callable[..., object]] = {}
        for name in dir(self.plugin_class):
            member = inspect.getattr_static(self.plugin_class, name)
            options = getattr(member, "lithops_impl", None)
            if isinstance(options, dict):
                found[options.get("specname") or name] = member
        return found
