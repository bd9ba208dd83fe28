"""Every name stands where users import it from, and importing the package costs next to nothing."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

import pytest

import lithops

if TYPE_CHECKING:
    from .conftest import Program

PLACES = {
    "lithops": (
        *("FunctionExecutor", "LocalhostExecutor", "ServerlessExecutor", "StandaloneExecutor", "Storage"),
        *("AsyncFunctionExecutor", "RetryingFunctionExecutor", "RetryPolicy", "wait", "get_result", "__version__"),
    ),
    "lithops.executors": ("FunctionExecutor", "LocalhostExecutor", "ServerlessExecutor", "StandaloneExecutor"),
    "lithops.future": ("ResponseFuture",),
    "lithops.retries": ("RetryingFunctionExecutor", "RetryingFuture", "RetryPolicy", "Attempt"),
    "lithops.utils": ("FuturesList",),
    "lithops.storage": ("Storage",),
    "lithops.storage.utils": (
        *("CloudObject", "CloudObjectUrl", "CloudObjectLocal", "StorageNoSuchKeyError"),
        "StorageConfigMismatchError",
    ),
    "lithops.wait": (
        *("wait", "get_result", "ALWAYS", "ANY_COMPLETED", "ALL_COMPLETED", "THREADPOOL_SIZE", "WAIT_DUR_SEC"),
    ),
    "lithops.concurrent.futures": (
        *("Executor", "ProcessPoolExecutor", "ThreadPoolExecutor", "Future", "wait", "as_completed"),
        *("ALL_COMPLETED", "FIRST_COMPLETED", "FIRST_EXCEPTION"),
        *("BrokenExecutor", "CancelledError", "InvalidStateError", "TimeoutError"),
    ),
    "lithops.config": ("default_config", "load_config", "load_yaml_config", "extract_storage_config"),
}


@pytest.mark.parametrize(("module", "name"), [(module, name) for module, names in PLACES.items() for name in names])
def test_a_name_can_be_imported_from_where_users_import_it(module: str, name: str) -> None:
    assert getattr(importlib.import_module(module), name) is not None


@pytest.mark.parametrize(
    "imports",
    [
        "import lithops",
        "import lithops; from lithops.wait import ALL_COMPLETED",
        "from lithops.wait import ALL_COMPLETED; import lithops",
        "import lithops.wait; import lithops",
        "import lithops; lithops.FunctionExecutor; lithops.wait; from lithops.wait import get_result",
        "from lithops import wait, get_result; import lithops; assert lithops.wait is wait",
    ],
)
def test_wait_can_be_called_in_whatever_order_it_was_imported(imports: str, run_program: Program) -> None:
    done = run_program(
        f"{imports}\n"
        "assert lithops.wait([]) == ([], [])\n"
        "from lithops.wait import ALL_COMPLETED, ANY_COMPLETED, ALWAYS\n"
        "print(ALWAYS, ANY_COMPLETED, ALL_COMPLETED, lithops.wait([]), lithops.get_result([]))\n"
    )
    assert done.stdout == "0 -1 100 ([], []) []\n"


@pytest.mark.parametrize(
    "use",
    [
        *("config.load_config", "storage.Storage", "storage.utils.CloudObject", "utils.FuturesList", "plots.plot"),
        *("future.ResponseFuture", "retries.RetryingFuture", "errors.LithopsError", "types.PutRequest"),
        *("multiprocessing.Pool", "executors.FunctionExecutor", "aio.AsyncFunctionExecutor", "wait.ALL_COMPLETED"),
    ],
)
def test_after_a_plain_import_modules_are_there(use: str, run_program: Program) -> None:
    home, _, name = use.rpartition(".")
    done = run_program(f"import lithops\nprint(lithops.{use} is __import__('lithops.{home}', fromlist='*').{name})")
    assert done.stdout == "True\n"


def test_import_loads_nothing_but_the_package_itself(run_program: Program) -> None:
    done = run_program(
        "import sys\nbefore = set(sys.modules)\nimport lithops\nprint(*sorted(set(sys.modules) - before))", "-S"
    )
    assert set(done.stdout.split()) <= {"lithops", "lithops._version", "__future__"}


def test_an_executor_without_configuration_loads_nothing_slow(run_program: Program) -> None:
    done = run_program(
        "import sys\n"
        "import lithops\n"
        "with lithops.FunctionExecutor() as fexec:\n"
        "    assert fexec.map(abs, [-1, -2]).get_result() == [1, 2]\n"
        "    print(*sys.modules)\n",
        "-S",
    )
    loaded = set(done.stdout.split())
    assert loaded.isdisjoint({"pydantic", "yaml", "importlib.metadata", "platformdirs", "rich", "click"})


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'lithops' has no attribute 'FunctionExecuter'"):
        lithops.FunctionExecuter  # noqa: B018


def test_dir_names_what_can_be_had() -> None:
    assert {"FunctionExecutor", "Storage", "wait", "get_result", "__version__", "config", "storage"} <= set(
        dir(lithops)
    )


def test_the_future_that_a_map_returns_is_the_class_that_users_import() -> None:
    from lithops.future import ResponseFuture
    from lithops.utils import FuturesList

    with lithops.LocalhostExecutor(worker_processes=1) as fexec:
        futures = fexec.map(abs, [-1])
        assert isinstance(futures, FuturesList)
        assert isinstance(futures[0], ResponseFuture)
        assert isinstance(fexec.call_async(abs, -1), ResponseFuture)
