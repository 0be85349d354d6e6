"""The address of a scoring server: who may reach it, its socket, its URL."""

from __future__ import annotations

import socket
from typing import Final

from assay.errors import InvalidInput, StoreUnavailable
from assay.http.hosts import is_loopback
from assay.serving.settings import ServingSettings

_BACKLOG: Final = 2_048


def check_exposure(settings: ServingSettings) -> None:
    """Refuse to be reachable from other machines unless that was asked for.

    Raises:
        InvalidInput: the address isn't loopback, there is no token and ``insecure`` isn't set.
    """
    if not is_loopback(settings.host) and settings.token is None and not settings.insecure:
        raise InvalidInput(
            f"Everybody who reaches {settings.host} could ask for predictions. Listen on 127.0.0.1,"
            " set a token in ASSAY_SERVE_TOKEN, or pass --insecure if the network around is"
            " trusted."
        )
    if settings.allow_load and not is_loopback(settings.host) and settings.token is None:
        raise InvalidInput(
            "With --allow-load, everybody who reaches this server could have models loaded: set a"
            " token in ASSAY_SERVE_TOKEN."
        )


def listen(settings: ServingSettings) -> socket.socket:
    """The socket that all workers accept connections from.

    Raises:
        StoreUnavailable: the address is taken.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    # asyncio, where there is no uvloop, sends small answers at once only on sockets that name TCP.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
    except OSError as error:
        listener.close()
        raise StoreUnavailable(
            f"Can't listen on {settings.host}:{settings.port}: {error.strerror}."
            " Choose another --port."
        ) from error
    listener.listen(_BACKLOG)
    return listener


def url_of(settings: ServingSettings, listener: socket.socket) -> str:
    """Where the server answers."""
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    scheme = "http" if settings.tls_certificate is None else "https"
    return f"{scheme}://{host}:{listener.getsockname()[1]}"
