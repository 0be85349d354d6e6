"""The HTTP protocol of uvicorn, with its one answer of its own told in our words."""

from __future__ import annotations

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_BODY = b'{"error_code":"BAD_REQUEST","message":"The request is not valid HTTP."}'
_BAD_REQUEST = (
    b"HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\n"
    b"x-content-type-options: nosniff\r\nconnection: close\r\ncontent-length: %d\r\n\r\n%b"
    % (len(_BODY), _BODY)
)


class Protocol(HttpToolsProtocol):
    """Requests that aren't HTTP get a JSON error too."""

    def send_400_response(self, msg: str) -> None:
        """Answer, and hang up: what follows on this connection has no meaning."""
        self.transport.write(_BAD_REQUEST)
        self.transport.close()
