"""Where webhooks may lead: to https and public addresses, unless an operator allowed more.

A URL is checked when it is set and once more with every message, on the very addresses that are
connected to: a name may lead elsewhere by then. What counts as public is written out here as
lists of ranges, because the ``ipaddress`` module judges some of them differently from release to
release. Sources: IANA's special-purpose address registries for IPv4 and IPv6.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import Final
from urllib.parse import SplitResult, urlsplit

import msgspec

from assay.errors import InvalidInput

Address = IPv4Address | IPv6Address

MAX_URL_LENGTH: Final = 2_000
"""Longer ones meet limits of servers and proxies."""

_NOT_PUBLIC_4: Final = tuple(
    IPv4Network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)
_GLOBAL_6: Final = IPv6Network("2000::/3")
"""All that is routed on the Internet; loopback, link-local, unique-local, multicast, IPv4-mapped,
IPv4-compatible and NAT64 addresses lie outside."""
_NOT_PUBLIC_6: Final = tuple(
    IPv6Network(text)
    for text in (
        "2001::/23",  # protocol assignments, among them Teredo, which holds an IPv4 address
        "2001:db8::/32",
        "2002::/16",  # 6to4, which holds an IPv4 address
        "3fff::/20",
    )
)
_ISATAP: Final = (0x00005EFE, 0x02005EFE)
"""How the lower half of an address begins that holds an IPv4 address (RFC 5214)."""
_DEFAULT_PORTS: Final = {"https": 443, "http": 80}
_VISIBLE: Final = re.compile(r"[!-~]+\Z")
_NAME: Final = re.compile(r"(?=.{1,253}\Z)[a-z0-9_][a-z0-9_\-]*(\.[a-z0-9_\-]+)*\Z")
_NUMBER: Final = re.compile(r"(0x[0-9a-f]*|[0-9]+)\Z")


class Endpoint(msgspec.Struct, frozen=True):
    """A webhook's URL, taken apart."""

    scheme: str
    host: str
    """A name in lower case, or an address without brackets."""
    port: int
    target: str
    """Path and query, as a request line has them."""

    @property
    def shown(self) -> str:
        """Scheme and host: the rest may hold what only the receiver should know."""
        return f"{self.scheme}://{self.host}"

    @property
    def host_header(self) -> str:
        """What the header ``Host`` says."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"


class AllowList:
    """Hosts, addresses and ranges that webhooks may reach over http too, and though not public."""

    def __init__(self, entries: Iterable[str] = ()) -> None:
        """Take entries such as ``hooks.lan``, ``10.1.2.3``, ``10.0.0.0/8``.

        Raises:
            InvalidInput: an entry is neither a host name nor an address nor a range.
        """
        self._names: set[str] = set()
        self._networks: list[IPv4Network | IPv6Network] = []
        for entry in entries:
            self._allow(entry)

    def _allow(self, entry: str) -> None:
        try:
            self._networks.append(ip_network(entry.strip("[]"), strict=False))
        except ValueError:
            name = entry.lower().rstrip(".")
            if not _NAME.match(name):
                raise InvalidInput(
                    f"Bad entry {entry!r} of webhook_allow: give exact host names, addresses or"
                    " address ranges."
                ) from None
            self._names.add(name)

    def names(self, endpoint: Endpoint) -> bool:
        """Whether the host is on the list, by its name or as an address."""
        if endpoint.host in self._names:
            return True
        address = as_address(endpoint.host)
        return address is not None and self.holds(address)

    def holds(self, address: Address) -> bool:
        """Whether the address is on the list."""
        return any(address.version == n.version and address in n for n in self._networks)

    def check(self, endpoint: Endpoint, addresses: Iterable[str]) -> None:
        """Refuse an endpoint that leads, by any of its addresses, to where webhooks may not go.

        Raises:
            InvalidInput: it isn't https, or an address isn't public, and neither is on the list.
        """
        if self.names(endpoint):
            return
        for text in addresses:
            address = as_address(text)
            if address is not None and self.holds(address):
                continue
            if endpoint.scheme != "https":
                raise not_https(endpoint)
            if address is None or not is_public(address):
                raise InvalidInput(
                    f"Webhooks go to public addresses; {endpoint.shown} leads to one that isn't."
                    f" {_HINT}"
                )


_HINT: Final = "The option --webhook-allow of the server allows a host or a range of addresses."


def not_https(endpoint: Endpoint) -> InvalidInput:
    """Why an http URL is refused."""
    return InvalidInput(f"Webhooks go to https:// URLs; {endpoint.shown} isn't one. {_HINT}")


def is_public(address: Address) -> bool:
    """Whether an address is one of a host on the Internet, and hides no IPv4 address in IPv6."""
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _NOT_PUBLIC_4)
    if address not in _GLOBAL_6 or (int(address) >> 32) & 0xFFFFFFFF in _ISATAP:
        return False
    return not any(address in network for network in _NOT_PUBLIC_6)


def as_address(text: str) -> Address | None:
    """``text`` as an address, or ``None`` if it is none."""
    try:
        return ip_address(text)
    except ValueError:
        return None


def parse_url(url: str) -> Endpoint:
    """``url`` as that of a webhook.

    Raises:
        InvalidInput: it is no http(s) URL, has a user or password, a fragment, characters that
            must be percent-encoded, or an address that is written in an unusual way.
    """
    if not isinstance(url, str) or not _VISIBLE.match(url) or "\\" in url:
        raise InvalidInput(
            "Invalid webhook URL: it must be plain ASCII without spaces and backslashes;"
            " percent-encode the rest."
        )
    if len(url) > MAX_URL_LENGTH:
        raise InvalidInput(f"Invalid webhook URL: it is longer than {MAX_URL_LENGTH} characters.")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise InvalidInput(f"Invalid webhook URL: {error}.") from None
    if parts.scheme not in _DEFAULT_PORTS:
        raise InvalidInput(f"Invalid webhook URL: it begins with {parts.scheme!r}, not 'https://'.")
    if "@" in parts.netloc or "#" in url:
        raise InvalidInput(
            "Invalid webhook URL: no user, password or fragment may be in it. Give the webhook a"
            " secret; it signs every message."
        )
    if port == 0:
        raise InvalidInput("Invalid webhook URL: port 0 can't be connected to.")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Endpoint(parts.scheme, _host(parts), port or _DEFAULT_PORTS[parts.scheme], target)


def _host(parts: SplitResult) -> str:
    host = (parts.hostname or "").lower()
    address = as_address(host)
    if address is not None and "%" not in host:
        return str(address)
    host = host.rstrip(".")
    if not _NAME.match(host) or _NUMBER.match(host.rpartition(".")[2]):
        # A last part that is a number makes ``127.1`` or ``0x7f.1`` an address for some programs.
        raise InvalidInput(
            f"Invalid webhook URL: {host[:80]!r} is no host name and no address in its usual form."
        )
    return host
