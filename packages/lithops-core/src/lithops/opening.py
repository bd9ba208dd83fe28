"""From settings to what an executor stands on: its plugins, its runtime, its lane."""

from __future__ import annotations

import logging
import sys
import weakref
from typing import TYPE_CHECKING

from lithops.errors import ConfigError, RuntimeMismatchError
from lithops.plugins import open_plugins
from lithops.types import ExecutorInfo, Lane, RuntimeRequest

if TYPE_CHECKING:
    from collections.abc import Callable

    from lithops.config.settings import Settings
    from lithops.plugins import Plugins
    from lithops.storage import Storage
    from lithops.types import Limits, RuntimeMeta, WorkerPart

logger = logging.getLogger(__name__)


def configured_plugins(settings: Settings, executor_id: str, state_dir: str) -> Plugins:
    """Open the plugins of an executor, that of its mode among them, and hand each its section."""
    plugins = open_plugins(compute=settings.backend)
    if settings.mode == "serverless":
        from lithops.serverless.plugin import Serverless

        plugins.add_mode(Serverless(plugins))
    try:
        info = ExecutorInfo(
            executor_id=executor_id,
            mode=settings.mode,
            backend=settings.backend,
            storage=settings.storage,
            state_dir=state_dir,
        )
        others = {other: settings.sections.get(getattr(other, "name", "")) for other in plugins.others}
        plugins.configure(info, compute=settings.compute, others=others)
    except BaseException:
        plugins.close()
        raise
    return plugins


def deployed(plugins: Plugins, limits: Limits, storage: Callable[[], Storage]) -> tuple[RuntimeMeta, WorkerPart | None]:
    """Have the runtime made; return it, and what opens the store where it runs, unless it is out of reach from there.

    Raises `RuntimeMismatchError` for a runtime of another minor version of Python.
    """
    if limits.calls_per_activation is None:
        runtime, part = plugins.deploy_runtime(RuntimeRequest()), None
    else:
        part = storage().storage_handler.worker_part()
        runtime = plugins.deploy_runtime(RuntimeRequest(packages=part.packages, requirements=part.requirements))
    here = sys.version_info[:2]
    if runtime.python != here:  # what is pickled here would not load there
        mine, theirs = (f"{major}.{minor}" for major, minor in (here, runtime.python))
        raise RuntimeMismatchError(
            f"the driver runs Python {mine} but runtime {runtime.description!r} is Python {theirs}; functions can only "
            f"travel between equal minor versions: choose a runtime of Python {mine}, or run the driver on Python {theirs}"
        )
    return runtime, part if part is not None and (runtime.shares_files or not part.local) else None


def lane_of(settings: Settings, limits: Limits, *, reached: bool) -> Lane:
    """Return how calls travel; `reached` says if workers reach the store. Raises `ConfigError` if there is no way."""
    if limits.calls_per_activation is None:
        return Lane.STREAM
    from lithops.lanes.choice import choose

    return choose(settings, limits, reached=reached)


def state_folder_of(owner: object) -> str:
    """Return the state folder; where there can be none, a private one for as long as its owner lives."""
    from lithops.config.paths import state_folder

    try:
        return state_folder()
    except ConfigError as error:
        import shutil
        import tempfile

        folder = tempfile.mkdtemp(prefix="lithops-")
        logger.warning("%s; until then logs are kept in %r and removed at the end", error, folder)
        weakref.finalize(owner, shutil.rmtree, folder, ignore_errors=True)
        return folder
