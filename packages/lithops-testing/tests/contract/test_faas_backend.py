"""The reference backend keeps every promise of a serverless backend, at the double."""

from __future__ import annotations

import base64
import io
import zipfile
from collections.abc import Callable, Mapping, Set

import pytest

from lithops_testing import FaasDouble as Service
from lithops_testing import PluginContract, ServerlessContract
from lithops_testing.backends.faas.plugin import FaasDouble


class TestPlugin(PluginContract):
    plugin_class = FaasDouble

    @pytest.fixture(autouse=True)
    def _installed(self, faas_backend: str) -> None:
        """Have its entry point found."""


class TestBackend(ServerlessContract):
    plugin_class = FaasDouble

    @pytest.fixture
    def section(self, faas_double: Service) -> Mapping[str, object]:
        put_a_strangers_function(faas_double)
        return {**faas_double.config, "owner": "me"}

    @pytest.fixture
    def inventory(self, faas_double: Service) -> Callable[[], Set[str]]:
        return lambda: faas_double.functions().keys()


def put_a_strangers_function(service: Service) -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("their/__init__.py", "")
    tags = {"managed-by": "lithops", "owner": "somebody-else"}
    spec = {"archive": base64.b64encode(archive.getvalue()).decode(), "entry_point": "their:main", "python": "3.11"}
    service.ask("PUT", "/functions/lithops-of-somebody-else", {**spec, "tags": tags})
