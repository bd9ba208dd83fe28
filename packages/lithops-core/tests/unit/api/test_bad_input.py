"""Bad input: a typed error that says what is wrong, and nothing left behind."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lithops import FunctionExecutor, ServerlessExecutor, StandaloneExecutor
from lithops.errors import BackendError, BadCallError, ConfigError, PluginError

from .test_executor import children


@pytest.fixture(autouse=True)
def _nothing_is_left_behind() -> Iterator[None]:
    processes, descriptors = children(), descriptor_count()
    state = Path(os.environ["LITHOPS_STATE_DIR"])
    files = files_in(state)
    yield
    gc.collect()  # what an exception's traceback held
    assert children() <= processes
    assert descriptor_count() <= descriptors
    assert files_in(state) <= files


def descriptor_count() -> int:
    return len([*Path("/dev/fd").iterdir()])


def files_in(state: Path) -> set[Path]:
    """What is kept there, but for the library's own code, which is kept for all executors to come."""
    return {path for path in state.rglob("*") if path.is_file() and "bundles" not in path.parts}


@pytest.mark.parametrize("thing", [None, 5, "abs", [abs]], ids=repr)
def test_what_cannot_be_called_is_refused(lone: FunctionExecutor, thing: Any) -> None:
    with pytest.raises(BadCallError, match=r"cannot call .* of type .*; pass the function itself") as caught:
        lone.call_async(thing, 1)
    assert isinstance(caught.value, TypeError)
    with pytest.raises(BadCallError, match="cannot call"):
        lone.map(thing, [1])


def area(width: int, height: int) -> int:
    return width * height


@pytest.mark.parametrize(
    ("item", "message"),
    [
        (1, r"cannot call area\(width, height\) with item 0, 1: the argument 'height' is missing"),
        ((1, 2, 3), "3 positional arguments are too many: it takes at most 2"),
        ({"width": 1}, "the argument 'height' is missing"),
        ({"width": 1, "hight": 2}, "it has no parameter 'hight' to be given by keyword; did you mean 'height'"),
    ],
)
def test_an_item_that_does_not_fit_names_the_parameter(lone: FunctionExecutor, item: Any, message: str) -> None:
    with pytest.raises(BadCallError, match=message):
        lone.map(area, [item])


def test_the_item_that_does_not_fit_is_named_wherever_it_stands(lone: FunctionExecutor) -> None:
    before = len(lone.futures)
    with pytest.raises(BadCallError, match=r"with item 2500, \(1,\): the argument 'height' is missing"):
        lone.map(area, [(1, 2)] * 2500 + [(1,)])
    assert len(lone.futures) == before


def test_an_argument_that_cannot_be_pickled_is_named_at_submission(lone: FunctionExecutor) -> None:
    import threading

    with pytest.raises(BadCallError, match=r"item 1 of 'abs' .*'_thread.lock'"):
        lone.map(abs, [1, threading.Lock()])


@pytest.mark.parametrize(
    ("cs", "message"),
    [(["x"], r"cs\[0\] must be a CloudObject"), ("x", "cs must be a list"), (3, "cs must be a list")],
    ids=repr,
)
def test_what_is_no_cloud_object_cannot_be_cleaned(lone: FunctionExecutor, cs: Any, message: str) -> None:
    with pytest.raises(BadCallError, match=message):
        lone.clean(cs=cs)


@pytest.mark.parametrize(
    ("fs", "message"),
    [
        ([1], "expected futures, found 1 of type 'int' among them"),
        (1, "expected a future or a list of futures, found 1 of type 'int'"),
    ],
    ids=repr,
)
def test_what_are_no_futures_cannot_be_plotted(lone: FunctionExecutor, fs: Any, message: str) -> None:
    with pytest.raises(BadCallError, match=f"^{message}$"):
        lone.plot(fs)


def test_the_parameter_obj_is_still_to_come(lone: FunctionExecutor) -> None:
    with pytest.raises(BadCallError, match="has a parameter 'obj', which is reserved for partitions of stored objects"):
        lone.map(lambda obj: obj, ["bucket/key"])


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"worker_processes": 0}, ConfigError, "worker_processes is 0; it must be an integer from 1 to 10000"),
        ({"worker_processes": "two"}, ConfigError, "worker_processes is 'two'; it must be an integer"),
        ({"worker_proceses": 2}, ConfigError, "worker_proceses.* did you mean 'worker_processes'"),
        ({"backend": "aws_lamda"}, PluginError, "unknown compute backend 'aws_lamda'"),
        ({"mode": "cloudy"}, ConfigError, "cloudy"),
        ({"storage": "floppy"}, PluginError, "unknown storage backend 'floppy'"),
        ({"monitoring": "pigeon"}, PluginError, "unknown monitor 'pigeon'"),
        ({"mode": "serverless", "backend": "localhost"}, ConfigError, "serverless.*localhost|localhost.*serverless"),
        ({"config": {"lithops": {"executiontimeout": 1}}}, ConfigError, "did you mean 'execution_timeout'"),
        ({"config": {"lithops": {"execution_timeout": -1}}}, ConfigError, "execution_timeout is -1; it must be"),
        ({"config": "lithops.yaml"}, ConfigError, "config"),
        ({"config_file": "/no/such/file"}, ConfigError, "/no/such/file"),
        ({"log_level": "LOUD"}, ConfigError, "log_level is 'LOUD'; it must be DEBUG, INFO, WARNING, ERROR"),
        ({"log_level": 2.5}, ConfigError, r"log_level is 2\.5; it must be"),
        ({"runtime": "/no/such/python"}, ConfigError, "/no/such/python.*no such interpreter"),
    ],
)
def test_a_senseless_configuration_is_refused(options: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        FunctionExecutor(**options)


def test_a_file_that_is_not_yaml_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_text("lithops: [unclosed\n")
    with pytest.raises(ConfigError, match=f"{path}.*YAML"):
        FunctionExecutor(config_file=str(path))


def test_a_folder_instead_of_a_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"is a (folder|directory)"):
        FunctionExecutor(config_file=tmp_path)


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_text("lithops:\n")
    path.chmod(0)
    if os.access(path, os.R_OK):  # root may read everything, but not a link that leads to itself
        path.unlink()
        path.symlink_to(path)
    with pytest.raises(ConfigError, match="config"):
        FunctionExecutor(config_file=path)


@pytest.mark.parametrize("executor", [ServerlessExecutor, StandaloneExecutor])
def test_a_mode_without_an_installed_backend_says_what_to_install(executor: type[FunctionExecutor]) -> None:
    with pytest.raises(ConfigError, match=r"no .* backend is installed; pip install lithops-backend-<name>"):
        executor()


@pytest.mark.parametrize("program", ["/bin/true", "/bin/ls", "/bin/echo"])
def test_a_runtime_that_is_no_interpreter_is_refused(program: str) -> None:
    with pytest.raises(BackendError) as caught:
        FunctionExecutor(runtime=program)
    assert str(caught.value) == (
        f"the process that starts the workers ({program!r}) has ended; name a Python interpreter in `runtime`"
    )


def test_a_log_that_cannot_be_written_is_refused(tmp_path: Path, own_logger: None) -> None:
    config = {"lithops": {"log_filename": str(tmp_path / "no" / "such" / "folder.log")}}
    with pytest.raises(ConfigError, match=r"log_filename is '.*folder\.log': there is no folder"):
        FunctionExecutor(config=config)


def test_a_log_format_that_is_none_is_refused(own_logger: None) -> None:
    with pytest.raises(ConfigError, match="log_format is '%\\(nonsense': no format for log records"):
        FunctionExecutor(config={"lithops": {"log_format": "%(nonsense"}})
