"""Which failed calls are tried again, how often, and after what pause."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from lithops.errors import BadCallError
from lithops.jobs.checked import pause, whole
from lithops.records import record
from lithops.worker.failure import Failure, qualified_name

if TYPE_CHECKING:
    from typing import Any

    Kind = type[BaseException] | str
    Kinds = Kind | Iterable[Kind]


_UNKNOWN = (qualified_name(BaseException),)


@record
class RetryPolicy:
    """Says when a call that failed by its own doing is tried again: `retries=RetryPolicy(retries=3, on=OSError)`.

    An exception is of a kind if its class or one of its bases is. Classes are told apart by name, as the worker found
    them, so that nothing has to be loaded here: a kind may be a class, or the name of one that only workers have, with
    or without its module. Raises `BadCallError` for values that make no sense.
    """

    retries: int
    """Further attempts after the first."""
    on: Kinds = BaseException
    """The kinds of exceptions to try again for."""
    unless: Kinds = ()
    """Exceptions from that."""
    first_delay_s: float = 0.1
    """The longest pause after the first attempt; it doubles with each that follows."""
    longest_delay_s: float = 30.0

    def __post_init__(self) -> None:
        checked: dict[str, Any] = {
            "retries": whole("retries", self.retries, 0),
            "on": _names("on", self.on),  # of classes only names are kept: futures are pickled with this
            "unless": _names("unless", self.unless),
            "first_delay_s": pause("first_delay_s", self.first_delay_s),
            "longest_delay_s": pause("longest_delay_s", self.longest_delay_s),
        }
        for name, value in checked.items():
            object.__setattr__(self, name, value)

    def delay_s(self, attempt: int, luck: float) -> float:
        """Return the pause after failed attempt number `attempt`: full jitter, `luck` in [0, 1)."""
        most = min(self.longest_delay_s, self.first_delay_s * 2.0 ** min(attempt - 1, 32))
        return float(most * luck)

    def covers(self, failure: object) -> bool:
        """Whether a call that failed with this, as the worker told of it, may be tried again."""
        kinds = failure.kinds if isinstance(failure, Failure) and failure.kinds else _UNKNOWN
        return _any_of(kinds, self.on) and not _any_of(kinds, self.unless)


def policy_of(retries: int | RetryPolicy) -> RetryPolicy:
    """Take what the user gave for `retries`. Raises `BadCallError` for anything but a whole number or a policy."""
    if isinstance(retries, RetryPolicy):
        return retries
    return _NO_RETRIES if type(retries) is int and retries == 0 else RetryPolicy(retries=retries)


def _names(option: str, kinds: Kinds) -> tuple[str, ...]:
    several = kinds if isinstance(kinds, Iterable) and not isinstance(kinds, str) else (kinds,)
    return tuple(_name(option, kind) for kind in several)


def _name(option: str, kind: object) -> str:
    if isinstance(kind, str) and kind:
        return kind
    if isinstance(kind, type) and issubclass(kind, BaseException):
        return qualified_name(kind)
    raise BadCallError(f"{option!r} takes classes of exceptions or their names, found {kind!r}")


def _any_of(kinds: tuple[str, ...], names: Kinds) -> bool:
    return any(kind == name or kind.endswith(f".{name}") for name in _names("", names) for kind in kinds)


_NO_RETRIES = RetryPolicy(retries=0)
