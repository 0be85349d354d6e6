"""The model repository extension of the Open Inference Protocol: models loaded and unloaded while
the server runs. Answered only where the server was started with ``--allow-load``.

What may be loaded is a version of the registry, by a ``models:/…`` URI: never a path or an address
(``targets.Resolver.change`` sees to it).
A worker passes the wish on to its supervisor, which has all workers load and try the model before
any of them answers with it, as when the registry changes.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from assay.errors import InvalidInput
from assay.http.errors import HttpError
from assay.http.replies import Reply
from assay.serving.process.changes import Changes
from assay.serving.request import Request

_MAX_NAME: Final = 256


class _LoadRequest(msgspec.Struct):
    """The body of a request to load."""

    parameters: dict[str, Any] = {}


class _IndexRequest(msgspec.Struct):
    """The body of a request for the index."""

    ready: bool = False


class _Entry(msgspec.Struct):
    """A version in the index."""

    name: str
    version: str
    state: str
    reason: str


async def index(request: Request) -> Reply:
    """What is loaded."""
    _changes(request)
    _read(await request.body(), _IndexRequest)
    entries = [
        _Entry(traffic.route.name, lane.version.label, "READY", "")
        for traffic in request.host.routes()
        for lane in traffic.lanes
    ]
    return Reply(msgspec.json.encode(entries))


async def load(request: Request) -> Reply:
    """Load the model that ``parameters.uri`` names; without one the latest version of the name."""
    changes = _changes(request)
    asked = _read(await request.body(), _LoadRequest)
    name = request.parts["name"]
    uri = asked.parameters.get("uri", f"models:/{name}/latest")
    await changes.ask(_checked(name), _text(uri))
    return Reply(msgspec.json.encode({"name": name, "load": True}))


async def unload(request: Request) -> Reply:
    """Answer with this model no more."""
    changes = _changes(request)
    await request.body()
    name = request.parts["name"]
    request.host.traffic(name)
    await changes.ask(name, None)
    return Reply(msgspec.json.encode({"name": name, "unload": True}))


def _changes(request: Request) -> Changes:
    changes = request.host.changes
    if changes is None:
        raise HttpError(
            403,
            "No models are loaded and unloaded here: the server was started without --allow-load.",
            error_code="PERMISSION_DENIED",
        )
    return changes


def _read(body: bytes, kind: Any) -> Any:
    try:
        return msgspec.json.decode(body or b"{}", type=kind)
    except msgspec.MsgspecError as error:
        raise InvalidInput(f"The body can't be read: {error}.") from None


def _checked(name: str) -> str:
    if len(name) > _MAX_NAME or ":" in name or not name.isprintable():
        raise InvalidInput(f"A model can't be called {name[:80]!r}.")
    return name


def _text(uri: object) -> str:
    if not isinstance(uri, str):
        raise InvalidInput(f"The parameter uri must be text, not {type(uri).__name__}.")
    return uri
