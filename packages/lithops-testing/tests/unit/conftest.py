"""Functions that need no lithops, and how the double is asked to run them."""

from __future__ import annotations

import base64
import io
import sys
import zipfile

import pytest

from lithops.types import HttpRequest, HttpResponse
from lithops_testing import FaasDouble
from lithops_testing.sending import send

ECHO = """
import os, signal, sys, time

def handle(body):
    word, _, rest = body.partition(b" ")
    if word == b"sleep":
        time.sleep(float(rest))
    elif word == b"exit":
        os._exit(int(rest))
    elif word == b"signal":
        print("last words", flush=True)
        os.kill(os.getpid(), int(rest))
    elif word == b"raise":
        raise ValueError(rest.decode())
    elif word == b"take":
        taken = [b"x" * (1 << 20) for _ in range(int(rest))]
        time.sleep(30)
    elif word == b"count":
        with open("count", "a+") as file:
            file.write(".")
            return b"%d" % file.tell()
    elif word == b"look":
        return repr((os.getpid(), sorted(os.environ), sys.flags.isolated, sys.flags.no_site)).encode()
    elif word == b"only":
        if os.environ["FAAS_ARRAY_INDEX"] == rest.decode():
            os._exit(3)
    elif word == b"big":
        return bytes(int(rest))
    return body
"""


def archive(**modules: str) -> str:
    """Return a zip of modules, in base64."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as made:
        for name, text in modules.items():
            made.writestr(f"{name}.py", text)
    return base64.b64encode(file.getvalue()).decode()


@pytest.fixture(autouse=True)
def _own_account(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep what is run inside of these tests, some of it to fail, out of the account of the run around them."""
    for name in ("LITHOPS_TEST_TALLY", "LITHOPS_TEST_REQUIRE"):
        monkeypatch.delenv(name, raising=False)


class Echo:
    """A function that does what the body of an invocation says."""

    def __init__(self, service: FaasDouble) -> None:
        self.service = service

    def deploy(self, **spec: object) -> None:
        python = f"{sys.version_info.major}.{sys.version_info.minor}"
        known = {"archive": archive(echo=ECHO), "entry_point": "echo:handle", "python": python}
        self.service.ask("PUT", "/functions/echo", {**known, **spec})

    def __call__(
        self,
        body: bytes = b"hello",
        name: str = "echo",
        token: str | None = None,
        what: str = "invocations",
        **more: str,
    ) -> HttpResponse:
        """Ask for an invocation, or an array; `more` are headers, with `_` for `-`."""
        said = self.service.token.get_secret_value() if token is None else token
        return send(
            HttpRequest(
                url=f"{self.service.endpoint}/functions/{name}/{what}",
                body=body,
                headers={"Authorization": f"Bearer {said}", **{k.replace("_", "-"): v for k, v in more.items()}},
                ca_file=self.service.ca_file,
            )
        )


@pytest.fixture
def echo(faas_double: FaasDouble) -> Echo:
    made = Echo(faas_double)
    made.deploy()
    return made
