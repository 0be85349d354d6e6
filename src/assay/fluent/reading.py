"""Reading: the client through which fluent functions ask the store."""

from __future__ import annotations

import threading

from assay.client.client import Client
from assay.client.recorder import Recorder, recorder_for
from assay.client.tracking_uri import current_location
from assay.store.uri import Location

_lock = threading.Lock()
_clients: dict[Location, Client] = {}


def client_for(location: Location | None = None) -> Client:
    """The client of a location, the process's own unless one is named; always the same one."""
    where = location or current_location()
    with _lock:
        client = _clients.get(where)
        if client is None:
            client = _clients[where] = Client.at(where)
        return client


def close_clients() -> None:
    """Release the connections of all clients; the next question opens them again."""
    with _lock:
        closing = list(_clients.values())
        _clients.clear()
    for client in closing:
        client.close()


def current_recorder() -> Recorder:
    """Where this process logs to now."""
    return recorder_for(current_location())
