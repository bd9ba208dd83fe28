"""Run the service until a signal, or until standard input ends when that was asked for.

Prints one line of JSON when it can be reached: endpoint, token and the file of certificates to trust.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys

from pydantic import ValidationError

from lithops_testing.faas.server import Address, serve
from lithops_testing.faas.settings import Settings


def main(arguments: list[str]) -> None:
    """Take the settings from the command line and serve."""
    parser = argparse.ArgumentParser(prog="python -m lithops_testing.faas", description=__doc__)
    parser.add_argument("--until-eof", action="store_true", help="end when standard input does")
    for name, field in Settings.model_fields.items():
        parser.add_argument(f"--{name.replace('_', '-')}", help=field.description, default=argparse.SUPPRESS)
    given = vars(parser.parse_args(arguments))
    until_eof = given.pop("until_eof")
    try:
        settings = Settings.model_validate(given)
    except ValidationError as error:
        parser.error(str(error))
    asyncio.run(serve(settings, _tell, _end_at_eof if until_eof else None))


def _tell(address: Address) -> None:
    told = {"endpoint": address.endpoint, "token": address.token, "ca_file": address.ca_file}
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()


def _end_at_eof(over: asyncio.Event) -> None:
    def look() -> None:
        if not os.read(0, 4096):
            over.set()

    asyncio.get_running_loop().add_reader(0, look)


if __name__ == "__main__":
    main(sys.argv[1:])
