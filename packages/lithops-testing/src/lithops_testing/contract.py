"""What all contract suites have in common: a promise is kept, or marked as one that cannot be kept."""

from __future__ import annotations

from typing import Any


class Contract:
    """The root of suites. A subclass that overrides a promise must mark it, or it cannot even be defined."""

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        if cls.__module__.partition(".")[0] == "lithops_testing":
            return
        for name in vars(cls):
            if name.startswith("test_") and _is_promised(cls, name) and not _is_marked(vars(cls)[name]):
                raise TypeError(
                    f"{cls.__qualname__}.{name} overrides a promise of the contract; keep the promise, or say why it "
                    "cannot be kept with @pytest.mark.xfail(reason=...)"
                )


def _is_promised(cls: type, name: str) -> bool:
    return any(name in vars(base) for base in cls.__mro__[1:] if issubclass(base, Contract))


def _is_marked(member: object) -> bool:
    marks = getattr(member, "pytestmark", ())
    return any(mark.name == "xfail" and mark.kwargs.get("reason") for mark in marks)
