"""dask and xarray compute with `lithops.concurrent.futures`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import dask
import dask.array
import numpy as np
import pytest
import xarray

from lithops.concurrent.futures import Executor

if TYPE_CHECKING:
    from lithops import FunctionExecutor


@pytest.fixture(scope="module")
def executor(fexec: FunctionExecutor) -> Executor:
    return Executor(fexec)


@pytest.fixture(params=["scheduler", "pool"])
def chosen(request: pytest.FixtureRequest, executor: Executor) -> dict[str, Any]:
    """The two ways to give dask an executor."""
    return {"scheduler": executor} if request.param == "scheduler" else {"scheduler": "processes", "pool": executor}


def test_dask_computes_an_array(chosen: dict[str, Any]) -> None:
    values = np.random.default_rng(1).random((600, 600))
    array = dask.array.from_array(values, chunks=150)
    with dask.config.set(**chosen):
        assert np.allclose((array @ array.T + 1).compute(), values @ values.T + 1)


def test_dask_runs_tasks_on_workers(chosen: dict[str, Any]) -> None:
    with dask.config.set(**chosen):
        pids = dask.compute(*[dask.delayed(os.getpid)() for _ in range(8)])
    assert os.getpid() not in pids


def test_an_error_in_a_task_arrives(chosen: dict[str, Any]) -> None:
    with dask.config.set(**chosen), pytest.raises(ZeroDivisionError):
        dask.delayed(divmod)(1, 0).compute()


def test_xarray_computes_means(chosen: dict[str, Any]) -> None:
    values = np.arange(1200.0).reshape(12, 100)
    data = xarray.Dataset({"v": (("month", "x"), values)}).chunk({"month": 3, "x": 50})
    with dask.config.set(**chosen):
        means = data.coarsen(month=3).mean().compute()
    assert np.allclose(means.v, values.reshape(4, 3, 100).mean(axis=1))
