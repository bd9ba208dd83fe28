"""A pytest plugin: the services of the kit, and the plugins that come with it, where a test asks for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lithops_testing.installing import declare_plugin

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lithops_testing.faas import FaasDouble
    from lithops_testing.objects import StoreDouble


@pytest.fixture(scope="session")
def faas_service() -> Iterator[FaasDouble]:
    """A function service that lives as long as the tests run; `faas_double` is what tests take."""
    from lithops_testing.faas import FaasDouble

    with FaasDouble() as service:
        yield service


@pytest.fixture
def faas_double(faas_service: FaasDouble, faas_backend: str) -> FaasDouble:
    """A function service in which nothing is deployed and nothing goes wrong yet; backend `faas_double` is installed.

    Its `config` is the section `faas_double` of the configuration.
    """
    faas_service.reset()
    return faas_service


@pytest.fixture
def faas_backend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Have the backend `faas_double` installed; the folder, for `PYTHONPATH`, does that for other processes."""
    target = "lithops_testing.backends.faas.plugin:FaasDouble"
    return _installed(tmp_path / "faas-backend", monkeypatch, "serverless", "faas_double", target)


@pytest.fixture(scope="session")
def store_service() -> Iterator[StoreDouble]:
    """An object store that lives as long as the tests run; `store_double` is what tests take."""
    from lithops_testing.objects import StoreDouble

    with StoreDouble() as service:
        yield service


@pytest.fixture
def store_double(store_service: StoreDouble, store_backend: str, monkeypatch: pytest.MonkeyPatch) -> StoreDouble:
    """An object store with one empty bucket in which nothing goes wrong yet; backend `store_double` is installed.

    Its `config` is the section `store_double` of the configuration. Processes that the test starts are let in; where
    workers get variables of their own, `identity` is what they need.
    """
    store_service.reset()
    for name, value in store_service.identity.items():
        monkeypatch.setenv(name, value)
    return store_service


@pytest.fixture
def store_backend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Have the backend `store_double` installed; the folder, for `PYTHONPATH`, does that for other processes."""
    target = "lithops_testing.backends.store.plugin:StoreDouble"
    return _installed(tmp_path / "store-backend", monkeypatch, "storage", "store_double", target)


@pytest.fixture
def array_double(faas_double: FaasDouble, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FaasDouble:
    """The same service, with the backend `array_double` installed, which runs calls in arrays."""
    target = "lithops_testing.backends.arrays.plugin:ArrayDouble"
    _installed(tmp_path / "array-backend", monkeypatch, "serverless", "array_double", target)
    return faas_double


@pytest.fixture
def faulty_reports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Have the plugin `faulty_reports` installed, which does what its section of the configuration says."""
    target = "lithops_testing.faulty_reports:FaultyReports"
    return _installed(tmp_path / "faulty-reports", monkeypatch, "plugins", "faulty_reports", target)


def _installed(folder: Path, monkeypatch: pytest.MonkeyPatch, kind: str, name: str, target: str) -> str:
    monkeypatch.syspath_prepend(declare_plugin(folder, kind, name, target))
    return str(folder)
