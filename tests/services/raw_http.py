"""HTTP without a client's help: what goes out is exactly what the test wrote."""

from __future__ import annotations

import http.client
import json
from typing import Any, NamedTuple
from urllib.parse import urlsplit

JSON = {"Content-Type": "application/json"}


class Answer(NamedTuple):
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    def is_error(self, status: int, error_code: str | None = None) -> bool:
        """Whether it is a JSON error of this status, with a message and without internals."""
        assert self.status == status, (self.status, self.body[:500])
        assert self.headers["content-type"] == "application/json", self.headers
        assert set(self.json) == {"error_code", "message"}
        assert self.json["message"]
        assert "Traceback" not in self.json["message"]
        return error_code is None or self.json["error_code"] == error_code


class Raw:
    """One kept-alive connection to a server."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.host = parts.netloc
        self._connection = http.client.HTTPConnection(parts.netloc, timeout=30)

    def __call__(
        self, method: str, path: str, body: object = None, headers: dict[str, str] | None = None
    ) -> Answer:
        """Send one request; what isn't bytes or text goes out as JSON."""
        sent = dict(headers or {})
        if body is not None and not isinstance(body, bytes | str):
            body, sent = json.dumps(body), {**JSON, **sent}
        elif isinstance(body, str):
            body, sent = body.encode(), {**JSON, **sent}
        try:
            self._connection.request(method, path, body=body, headers=sent)
            answer = self._connection.getresponse()
            content = answer.read()
        except (http.client.HTTPException, OSError):
            self._connection.close()
            raise
        return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, content)

    def close(self) -> None:
        """Hang up."""
        self._connection.close()
