"""How records are made.

A record is a keyword-only, slotted class that compares, hashes and prints by its fields. Type checkers take it for a
frozen dataclass, and so does the `dataclasses` module when it is asked (`fields`, `replace`, `asdict`). It is not made
by that module, whose import and code generation would take a quarter of the time from a program's start to its first
result, in the driver and again in the process that starts workers. That a record is frozen is for type checkers to
hold: enforced at run time it would double the cost of making one, and a call that does nothing makes eight.
"""

from __future__ import annotations

TYPE_CHECKING = False  # typing.TYPE_CHECKING, without importing typing
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar, dataclass_transform

    _Class = TypeVar("_Class", bound=type)
    _Object = TypeVar("_Object")
else:

    def dataclass_transform(**_options: object) -> Callable[[_Class], _Class]:
        """Do nothing: it is for type checkers."""
        return lambda function: function


_NO_DEFAULT = object()


class _Field:
    """What is said of a field beside its type."""

    __slots__ = ("default", "default_factory", "repr")

    def __init__(self, default: object, default_factory: Callable[[], object] | None, shown: bool) -> None:
        self.default = default
        self.default_factory = default_factory
        self.repr = shown


def field(
    *,
    default: Any = _NO_DEFAULT,
    default_factory: Callable[[], Any] | None = None,
    repr: bool = True,
) -> Any:
    """Say of a field that its default is made anew each time, or that its value is not to be printed."""
    return _Field(default, default_factory, repr)


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(field,))
def record(cls: _Class) -> _Class:
    """Make a class a record of the names it annotates; `__post_init__` is called at the end of making one.

    There is no inheriting of fields.
    """
    annotations: dict[str, Any] = cls.__annotations__
    namespace: dict[str, Any] = {
        name: value for name, value in vars(cls).items() if name not in annotations and name not in _PER_CLASS
    }
    defaults = {name: getattr(cls, name) for name in annotations if hasattr(cls, name)}
    said = {name: value for name, value in defaults.items() if isinstance(value, _Field)}
    namespace["__slots__"] = tuple(annotations)
    namespace["__match_args__"] = ()
    namespace["_shown"] = tuple(name for name in annotations if name not in said or said[name].repr)
    namespace["__dataclass_fields__"] = _DataclassFields(annotations, defaults)
    for method in (_repr, _eq, _hash, _replace):
        namespace.setdefault(f"__{method.__name__[1:]}__", method)
    made: _Class = type(cls)(cls.__name__, cls.__bases__, namespace)
    made.__qualname__ = cls.__qualname__

    def first(self: Any, **values: Any) -> None:
        """Write the code for it now: most programs make few kinds of records, and to write it takes 0.1 ms."""
        made.__init__ = _initializer(tuple(annotations), defaults, checked="__post_init__" in namespace)  # type: ignore[misc]
        made.__init__(self, **values)  # type: ignore[misc]

    made.__init__ = first  # type: ignore[misc]
    return made


def replaced(made: _Object, **changes: Any) -> _Object:
    """Return a copy of a record with other values in some fields."""
    copy: _Object = _replace(made, **changes)
    return copy


def names_of(record_class: type) -> tuple[str, ...]:
    """Return the names of a record's fields, in order."""
    names: tuple[str, ...] = record_class.__slots__  # type: ignore[attr-defined]  # `record` has made them
    return names


_PER_CLASS = frozenset({"__dict__", "__weakref__"})


def _initializer(names: tuple[str, ...], defaults: dict[str, Any], *, checked: bool) -> Callable[..., None]:
    scope: dict[str, Any] = {"_MADE": _NO_DEFAULT}
    parameters, lines = [], []
    for name in names:
        value = defaults.get(name, _NO_DEFAULT)
        if isinstance(value, _Field) and value.default_factory is not None:
            scope[f"_make_{name}"] = value.default_factory
            parameters.append(f"{name}=_MADE")
            lines.append(f" if {name} is _MADE: {name} = _make_{name}()")
        else:
            value = value.default if isinstance(value, _Field) else value
            scope[f"_default_{name}"] = value
            parameters.append(name if value is _NO_DEFAULT else f"{name}=_default_{name}")
        lines.append(f" self.{name} = {name}")
    if checked:
        lines.append(" self.__post_init__()")
    text = f"def __init__(self, *, {', '.join(parameters)}):\n" + "\n".join(lines)
    # Compiled before, since to run text would make CPython forget that Ctrl-C is what a program ends by.
    exec(compile(text, "<record>", "exec"), scope)  # noqa: S102 - of names only
    made: Callable[..., None] = scope["__init__"]
    return made


def _values(self: Any) -> tuple[Any, ...]:
    return tuple([getattr(self, name) for name in self.__slots__])


def _repr(self: Any) -> str:
    shown = ", ".join(f"{name}={getattr(self, name)!r}" for name in self._shown)
    return f"{type(self).__qualname__}({shown})"


def _eq(self: Any, other: object) -> Any:
    return _values(self) == _values(other) if type(other) is type(self) else NotImplemented


def _hash(self: Any) -> int:
    return hash(_values(self))


def _replace(self: Any, /, **changes: Any) -> Any:
    """Return a copy with other values in some fields; `copy.replace` calls this."""
    return type(self)(**{name: getattr(self, name) for name in self.__slots__} | changes)


class _DataclassFields:
    """Makes what `dataclasses` knows of a class when it asks, so that its import costs only those who use it."""

    def __init__(self, annotations: dict[str, Any], defaults: dict[str, Any]) -> None:
        self._annotations, self._defaults = annotations, defaults
        self._made: dict[str, Any] | None = None

    def __get__(self, instance: object, owner: type) -> dict[str, Any]:
        if self._made is None:
            import dataclasses

            shadow: dict[str, Any] = {"__annotations__": self._annotations}
            for name, value in self._defaults.items():
                said = value if isinstance(value, _Field) else _Field(value, None, True)
                if said.default_factory is not None:
                    shadow[name] = dataclasses.field(default_factory=said.default_factory, repr=said.repr)
                else:
                    default = dataclasses.MISSING if said.default is _NO_DEFAULT else said.default
                    shadow[name] = dataclasses.field(default=default, repr=said.repr)
            made: Any = dataclasses.dataclass(kw_only=True)(type(owner.__name__, (), shadow))
            self._made = made.__dataclass_fields__
        return self._made or {}
