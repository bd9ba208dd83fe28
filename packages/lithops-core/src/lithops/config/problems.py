"""What is wrong with a configuration: raised at once, or noted so that all of it can be told."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from lithops.errors import ConfigError, PluginError


class Problems:
    """Passes errors on, or keeps those that are no reason to look no further."""

    def __init__(self, *, keep: bool = False) -> None:
        self._keep = keep
        self._found: list[ConfigError | PluginError] = []

    @contextmanager
    def noted(self) -> Iterator[None]:
        """Keep the error that ends the block, if errors are kept."""
        try:
            yield
        except (ConfigError, PluginError) as error:
            if not self._keep:
                raise
            self._found.append(error)

    def tell(self) -> None:
        """Raise what was kept: an error alone as it is, several as one `ConfigError` with a line or more for each."""
        if len(self._found) == 1:
            raise self._found[0]
        if self._found:
            raise ConfigError("\n".join(dict.fromkeys(map(str, self._found))))
