"""A request on its way to a handler."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from assay.http.bodies import Receive, read_body

if TYPE_CHECKING:
    from assay.serving.host import Host
    from assay.serving.lane import Lane


class Request:
    """What handlers see."""

    __slots__ = ("_receive", "headers", "host", "id", "lane", "parts", "query")

    def __init__(
        self,
        host: Host,
        headers: Mapping[bytes, bytes],
        receive: Receive,
        *,
        parts: Mapping[str, str],
        query: bytes,
        request_id: str,
    ) -> None:
        self.host = host
        """The models of this process."""
        self.headers = headers
        self.parts = parts
        """What the path has where the route has a name in braces."""
        self.query = query
        self.id = request_id
        self.lane: Lane | None = None
        """Who was asked, for the headers of an error."""
        self._receive = receive

    @property
    def path_name(self) -> str | None:
        """The route that the path names; ``None``: the only one."""
        return self.parts.get("name")

    def header(self, name: bytes) -> str:
        """A header's value, ``""`` where there is none."""
        return self.headers.get(name, b"").decode("latin-1")

    async def body(self) -> bytes:
        """The whole body.

        Raises:
            HttpError: it is over the limit, or didn't arrive in time.
        """
        return await read_body(self._receive, limit=self.host.settings.limits.body_bytes)

    async def gone(self) -> None:
        """Return when the client has hung up. Only after the body was read."""
        while (await self._receive())["type"] != "http.disconnect":
            pass
