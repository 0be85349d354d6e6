"""Looking names up, with an end: the system's resolver knows no time limit of its own."""

from __future__ import annotations

import socket
import threading
from typing import Final

from assay.errors import InvalidInput
from assay.webhooks.addresses import (
    AllowList,
    Endpoint,
    as_address,
    not_https,
    parse_url,
)

_AT_ONCE: Final = threading.BoundedSemaphore(32)
"""Look-ups of a process that may be under way; those given up go on until the resolver ends."""
_CHECKED_AT_ONCE: Final = threading.BoundedSemaphore(4)
"""Checks of URLs that may wait for the resolver: each holds a thread of the server."""
_CHECK_TIMEOUT_S: Final = 5.0


class NameUnknown(Exception):
    """No address could be found; ``final`` where asking again would not help."""

    def __init__(self, host: str, why: str, *, final: bool = False) -> None:
        super().__init__(f"The name {host} can't be looked up: {why}.")
        self.final = final


def addresses_of(host: str, *, timeout_s: float) -> list[str]:
    """The addresses of a host, in the order in which to try them.

    Raises:
        NameUnknown: there are none, or they were not found in time.
    """
    if as_address(host) is not None:
        return [host]
    if not _AT_ONCE.acquire(blocking=False):
        raise NameUnknown(host, "too many names are being looked up")
    answer: list[list[str] | OSError] = []

    def ask() -> None:
        try:
            found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
            answer.append(list(dict.fromkeys(str(entry[4][0]) for entry in found)))
        except (OSError, UnicodeError) as error:
            answer.append(error if isinstance(error, OSError) else OSError(str(error)))
        finally:
            _AT_ONCE.release()

    thread = threading.Thread(target=ask, name="assay-resolver", daemon=True)
    thread.start()
    thread.join(max(0.0, timeout_s))
    if not answer:
        raise NameUnknown(host, "no answer in time")
    found = answer[0]
    if isinstance(found, OSError):
        unknown = found.errno in (socket.EAI_NONAME, getattr(socket, "EAI_NODATA", None))
        raise NameUnknown(host, found.strerror or str(found), final=unknown) from found
    return found


def _looked_up(host: str) -> list[str]:
    if not _CHECKED_AT_ONCE.acquire(blocking=False):
        raise NameUnknown(host, "too many names are being looked up")
    try:
        return addresses_of(host, timeout_s=_CHECK_TIMEOUT_S)
    finally:
        _CHECKED_AT_ONCE.release()


def check_url(url: str, allow: AllowList) -> Endpoint:
    """Refuse a URL that no message could be sent to.

    A name that can't be looked up just now passes: the addresses are checked with each message.

    Raises:
        InvalidInput: it doesn't parse, leads where webhooks may not go, or to an unknown name.
    """
    endpoint = parse_url(url)
    if allow.names(endpoint):
        return endpoint
    try:
        found = _looked_up(endpoint.host)
    except NameUnknown as error:
        if error.final:
            raise InvalidInput(f"Invalid webhook URL: {error}") from error
        if endpoint.scheme != "https":
            raise not_https(endpoint) from error
        found = []
    allow.check(endpoint, found)
    return endpoint
