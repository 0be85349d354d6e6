"""Which Host and Origin a request may carry: the guard against DNS rebinding and foreign pages.

Names match exactly, ranges match parsed addresses only: a pattern over names would let
``127.0.0.1.evil.example`` through. A state change from a page of another origin, or of the opaque
origin ``null``, is refused.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable, Mapping
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

from assay.errors import InvalidInput
from assay.http.errors import HttpError

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that never change state."""

_PRIVATE = (
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "169.254.0.0/16",
    "fc00::/7",
    "fe80::/10",
)
"""Ranges a server beyond loopback answers to unless told otherwise: an address can't be rebound."""
_REMEMBERED = 1_000


class HostRules:
    """Decides on the headers Host and Origin. What was allowed once is remembered."""

    def __init__(
        self, host: str, *, allowed_hosts: Iterable[str] = (), allowed_origins: Iterable[str] = ()
    ) -> None:
        self._names = {"localhost"}
        self._networks: list[IPv4Network | IPv6Network] = [
            ip_network("127.0.0.0/8"),
            ip_network("::1/128"),
        ]
        if not is_loopback(host):
            self._networks.extend(ip_network(text) for text in _PRIVATE)
            self._names.update(name.lower() for name in (socket.gethostname(), socket.getfqdn()))
        for entry in (*allowed_hosts, *_named(host)):
            self._allow(entry)
        self._origins = frozenset(origin.rstrip("/") for origin in allowed_origins)
        self._known: set[bytes] = set()

    def _allow(self, entry: str) -> None:
        try:
            self._networks.append(ip_network(entry.strip("[]"), strict=False))
        except ValueError:
            if not entry or any(c in entry for c in "*?/ \t"):
                raise InvalidInput(
                    f"Bad allowed host {entry!r}: give exact names, addresses or address ranges."
                ) from None
            self._names.add(entry.lower())

    def check(self, method: str, headers: Mapping[bytes, bytes]) -> None:
        """Refuse a foreign Host, and a foreign Origin where state would change.

        Raises:
            HttpError: 403 (400 without a Host header).
        """
        host = headers.get(b"host")
        if host not in self._known:
            self._check_host(host)
        if method not in SAFE_METHODS:
            origin = headers.get(b"origin")
            if origin is not None and not self.trusts(origin, host):
                raise HttpError(
                    403,
                    "Requests from pages of another origin can't change anything here."
                    " Trust one with --allowed-origin.",
                    error_code="PERMISSION_DENIED",
                )

    def trusts(self, origin: bytes, host: bytes | None) -> bool:
        """Whether a page of this origin may change state: our own, or one that was allowed."""
        text = origin.decode("latin-1")
        scheme, separator, place = text.partition("://")
        if separator and scheme in ("http", "https") and host and place.encode("latin-1") == host:
            return True
        return text in self._origins

    def _check_host(self, host: bytes | None) -> None:
        if host is None:
            raise HttpError(400, "The request has no Host header.")
        if not self._allows(host.decode("latin-1")):
            raise HttpError(
                403,
                "This Host is not allowed here. Start the server with --allowed-host to add it.",
                error_code="PERMISSION_DENIED",
            )
        if len(self._known) < _REMEMBERED:
            self._known.add(host)

    def _allows(self, host: str) -> bool:
        name = host_name(host)
        if name is None:
            return False
        if name.lower() in self._names:
            return True
        address = _address(name)
        return address is not None and any(
            address.version == network.version and address in network for network in self._networks
        )


def host_name(host: str) -> str | None:
    """The name or address in a Host header, without port and brackets; ``None`` if malformed."""
    if host.startswith("["):
        name, bracket, rest = host[1:].partition("]")
        if not bracket:
            return None
    else:
        name, colon, port = host.partition(":")
        rest = colon + port
    if rest and not (rest.startswith(":") and rest[1:].isascii() and rest[1:].isdigit()):
        return None
    return name or None


def is_loopback(host: str) -> bool:
    """Whether an address to listen on is reachable from this machine only."""
    address = _address(host)
    return host == "localhost" if address is None else address.is_loopback


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None


def _named(host: str) -> Iterable[str]:
    address = _address(host)
    return () if address is not None and address.is_unspecified else (host,)
