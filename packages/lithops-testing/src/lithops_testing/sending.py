"""Send the request of a backend, as simply as can be: what tests of `prepare` and `interpret` stand between."""

from __future__ import annotations

import http.client
import ssl
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from lithops.types import HttpResponse

if TYPE_CHECKING:
    from lithops.types import HttpRequest


def send(request: HttpRequest, timeout_s: float = 60.0) -> HttpResponse:
    """Return the answer; raises `OSError` or `http.client.HTTPException` if there is none."""
    url = urlsplit(request.url)
    host, port = str(url.hostname), url.port
    if url.scheme == "https":
        context = ssl.create_default_context(cafile=request.ca_file)
        connection = http.client.HTTPSConnection(host, port, timeout=timeout_s, context=context)
    else:
        connection = http.client.HTTPConnection(host, port, timeout=timeout_s)  # type: ignore[assignment]
    try:
        target = f"{url.path or '/'}?{url.query}" if url.query else url.path or "/"
        connection.request(request.method, target, request.body, dict(request.headers))
        answer = connection.getresponse()
        headers = {name.lower(): value for name, value in answer.getheaders()}
        return HttpResponse(status=answer.status, headers=headers, body=answer.read())
    finally:
        connection.close()
