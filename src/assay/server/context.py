"""What a handler gets beside its request: the services of this process, and facts of the HTTP
request.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from assay.artifacts.base import ArtifactStore
from assay.entities.audit import Actor, Cause
from assay.server.identity import ANYONE, Identity
from assay.server.locations import Locations
from assay.server.settings import ServerSettings
from assay.store.base import Store, SupportsDeferred

RawHeaders = list[tuple[bytes, bytes]]
_MAX_AGENT = 120
"""Characters of a client's name that are written down."""


class Services:
    """What one server process works with; made once at start."""

    __slots__ = ("artifacts", "close_hooks", "deferred", "locations", "settings", "store")

    def __init__(
        self,
        *,
        settings: ServerSettings,
        store: Store,
        artifacts: ArtifactStore,
        locations: Locations,
    ) -> None:
        self.settings = settings
        self.store = store
        assert isinstance(store, SupportsDeferred), "a server needs a store that calls back"
        self.deferred: SupportsDeferred = store
        """The same store, for writes that the event loop waits for."""
        self.artifacts = artifacts
        """The root behind ``mlflow-artifacts:/``."""
        self.locations = locations
        """Which stored locations lie below that root, and where."""
        self.close_hooks: list[Callable[[], None]] = []
        """Called once when the process ends, before the store closes."""

    def close(self) -> None:
        """Run the hooks, then close the store."""
        for hook in self.close_hooks:
            hook()
        self.store.close()


class Context:
    """One request, for a handler. ``params`` holds what the path's templates matched,
    percent-decoded.
    """

    __slots__ = (
        "_chunks",
        "client",
        "headers",
        "identity",
        "method",
        "params",
        "path",
        "query",
        "request_id",
        "scheme",
        "services",
    )

    def __init__(
        self,
        services: Services,
        *,
        method: str,
        path: str,
        query: bytes,
        headers: RawHeaders,
        params: dict[str, str],
        request_id: str = "",
        scheme: str = "http",
        identity: Identity = ANYONE,
        client: str = "",
    ) -> None:
        self.services = services
        self.method = method
        self.path = path
        self.query = query
        self.headers = headers
        self.params = params
        self.request_id = request_id
        self.scheme = scheme
        self.identity = identity
        self.client = client
        """The address that the request came from."""
        self._chunks: Iterator[bytes] | None = None

    @property
    def store(self) -> Store:
        """The store that this server serves."""
        return self.services.store

    @property
    def artifacts(self) -> ArtifactStore:
        """The root behind ``mlflow-artifacts:/``."""
        return self.services.artifacts

    def cause(self, reason: str = "") -> Cause:
        """Who makes the change of this request, from where, and why."""
        who = self.identity
        agent = self.header(b"user-agent")[:_MAX_AGENT]
        origin = " ".join(part for part in ("http", self.client, agent) if part)
        return Cause(Actor(who.name, who.roles, who.verified, origin), reason)

    def header(self, name: bytes) -> str:
        """The first header of this lower-case name, or ``""``."""
        for key, value in self.headers:
            if key == name:
                return value.decode("latin-1")
        return ""

    def chunks(self) -> Iterator[bytes]:
        """The body of a ``Body.STREAM`` route as it arrives; read it once, from the handler's
        thread.
        """
        assert self._chunks is not None, "only routes with Body.STREAM have a streamed body"
        return self._chunks

    def attach(self, chunks: Iterator[bytes]) -> None:
        """Give the context its streamed body; done by the dispatcher."""
        self._chunks = chunks


Handler = Callable[[Context, Any], Any]
"""``handler(context, request) -> response``. A plain function runs in the thread pool, a coroutine
on the loop."""
