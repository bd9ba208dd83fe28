"""A service as a program: runs until a signal, or until standard input ends when that was asked for."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from lithops_testing.service.server import Address, serve

if TYPE_CHECKING:
    from lithops_testing.service.service import Service, SomeSettings


def run(
    package: str,
    settings: type[SomeSettings],
    make: Callable[[SomeSettings, str, Path], Service[SomeSettings, Any]],
    arguments: Sequence[str],
) -> None:
    """Take settings from a command line and serve.

    Prints one line of JSON when the service can be reached: endpoint, token, the file that holds the token, and the file
    of certificates to trust.
    """
    parser = argparse.ArgumentParser(prog=f"python -m {package}")
    parser.add_argument("--until-eof", action="store_true", help="end when standard input does")
    for name, field in settings.model_fields.items():
        parser.add_argument(f"--{name.replace('_', '-')}", help=field.description, default=argparse.SUPPRESS)
    given = vars(parser.parse_args(arguments))
    until_eof = given.pop("until_eof")
    try:
        chosen = settings.model_validate(given)
    except ValidationError as error:
        parser.error(str(error))
    asyncio.run(serve(chosen, make, _tell, _end_at_eof if until_eof else None))


def _tell(address: Address) -> None:
    told = {
        "endpoint": address.endpoint,
        "token": address.token,
        "token_file": address.token_file,
        "ca_file": address.ca_file,
    }
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()


def _end_at_eof(over: asyncio.Event) -> None:
    def look() -> None:
        if not os.read(0, 4096):
            over.set()

    asyncio.get_running_loop().add_reader(0, look)
