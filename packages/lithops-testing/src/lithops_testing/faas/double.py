"""The function service as tests hold it."""

from __future__ import annotations

from typing import Any, ClassVar

from lithops_testing.service.double import Double


class FaasDouble(Double):
    """A running function service; keywords are fields of `lithops_testing.faas.settings.Settings`."""

    package: ClassVar[str] = "lithops_testing.faas"

    def functions(self) -> dict[str, dict[str, Any]]:
        """Return what is deployed, by name."""
        return {function["name"]: function for function in self.ask("GET", "/functions")["functions"]}
