"""Which plugins are installed, which one a name means, and the class behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lithops._version import __version__
from lithops.errors import PluginError
from lithops.plugins import glance
from lithops.records import record

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

COMPUTE_KINDS = ("localhost", "serverless", "standalone")
KINDS = (*COMPUTE_KINDS, "storage", "monitor", "plugins")

_CORE = "lithops-core"
_FAMILIES = {  # how users call it, and how its distributions are named
    "compute": ("compute backend", "lithops-backend-"),
    "storage": ("storage backend", "lithops-storage-"),
    "monitor": ("monitor", "lithops-monitor-"),
    "plugins": ("plugin", "lithops-plugin-"),
}


@record
class PluginInfo:
    """What is known of an installed plugin without importing it."""

    name: str
    kind: str
    """One of `localhost`, `serverless`, `standalone`, `storage`, `monitor`, `plugins`."""
    distribution: str
    version: str
    target: str
    """Import target, `package.module:Class`."""

    @property
    def group(self) -> str:
        """Entry-point group."""
        return f"lithops.{self.kind}"

    @property
    def family(self) -> str:
        """`compute` for all three modes, else the kind: names are unique within it."""
        return "compute" if self.kind in COMPUTE_KINDS else self.kind

    def __str__(self) -> str:
        family = "" if self.kind == "plugins" else f"{self.family} "
        return f"{family}plugin {self.name!r} of {self.distribution} {self.version}"


BUILT_IN = (  # the entry points that the core's own distribution declares; a test holds the two together
    PluginInfo(
        name="localhost",
        kind="localhost",
        distribution=_CORE,
        version=__version__,
        target="lithops.localhost.plugin:Localhost",
    ),
    PluginInfo(
        name="localhost",
        kind="storage",
        distribution=_CORE,
        version=__version__,
        target="lithops.storage.local.plugin:LocalStorage",
    ),
)


def installed(kind: str | None = None) -> list[PluginInfo]:
    """List installed plugins by kind and name; nothing of them is imported, broken and contested ones are included.

    `kind` is one of `localhost`, `serverless`, `standalone`, `storage`, `monitor`, `plugins`, or `compute` for all
    three modes; None lists everything.
    """
    kinds = KINDS if kind is None else COMPUTE_KINDS if kind == "compute" else (kind,)
    if not set(kinds) <= set(KINDS):
        raise PluginError(f"unknown kind of plugin {kind!r} (known: compute, {', '.join(KINDS)})")
    return [info for info in _everything() if info.kind in kinds]


def find(family: str, name: str, among: Sequence[PluginInfo] | None = None) -> PluginInfo:
    """Return the one installed plugin of a family (`compute`, `storage`, `monitor`, `plugins`) that has this name.

    `among` is what `installed()` has listed, for those who look up several. Raises `PluginError` if there is none,
    with the nearest name or what to install, or if two claim the name.
    """
    candidates = [info for info in (installed() if among is None else among) if info.family == family]
    claims = [info for info in candidates if info.name == name]
    if not claims:
        raise _unknown(family, name, candidates)
    if len(claims) > 1:
        what, _ = _FAMILIES[family]
        claimants = " and ".join(f"{info.distribution} {info.version} ({info.group})" for info in claims)
        raise PluginError(f"{what} {name!r} is claimed by {claimants}; pip uninstall one of them")
    return claims[0]


def load(info: PluginInfo) -> type:
    """Import the class of a plugin and hold it to the contract; raises `PluginError`, whatever goes wrong."""
    from importlib import import_module

    from lithops.plugins.checks import check_plugin

    module_name, _, path = info.target.partition(":")
    try:
        found: object = import_module(module_name)
        for attribute in path.split("."):
            found = getattr(found, attribute)
    except (Exception, SystemExit) as error:  # whatever a stranger's module does when it is imported
        raise PluginError(
            f"{info} cannot be loaded from {info.target!r}: {type(error).__name__}: {error}; "
            f"repair it with 'pip install --force-reinstall {info.distribution}' or remove it with "
            f"'pip uninstall {info.distribution}'"
        ) from error
    if not isinstance(found, type):
        raise PluginError(f"{info} must be a class, but {info.target!r} is {found!r}; tell its authors")
    check_plugin(found, label=str(info), name=info.name if info.kind != "plugins" else None)
    return found


def _everything() -> list[PluginInfo]:
    found = [*BUILT_IN, *(_foreign_plugins() if glance.foreign_plugins_possible() else ())]
    return sorted(found, key=lambda info: (KINDS.index(info.kind), info.name, info.distribution))


def _foreign_plugins() -> Iterable[PluginInfo]:
    from importlib.metadata import entry_points  # 25 ms

    points = entry_points()
    for point in [point for kind in KINDS for point in points.select(group=f"lithops.{kind}")]:
        distribution = point.dist.name if point.dist else "an unknown distribution"
        if distribution.lower().replace("_", "-") == _CORE:  # its entry points are BUILT_IN, installed or not
            continue
        version = point.dist.version if point.dist else "of unknown version"
        target = point.value.partition("[")[0].strip()
        kind = point.group.partition(".")[2]
        yield PluginInfo(name=point.name, kind=kind, distribution=distribution, version=version, target=target)


def _unknown(family: str, name: str, candidates: Iterable[PluginInfo]) -> PluginError:
    from difflib import get_close_matches

    names = sorted({info.name for info in candidates})
    what, prefix = _FAMILIES[family]
    near = get_close_matches(name, names, n=1)
    remedy = f"did you mean {near[0]!r}?" if near else f"pip install {prefix}{name.replace('_', '-')}"
    return PluginError(f"unknown {what} {name!r} (installed: {', '.join(names) or 'none'}); {remedy}")
