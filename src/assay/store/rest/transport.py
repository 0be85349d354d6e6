"""The transport: one HTTP exchange with a server, over kept-alive connections.

Thread-safe. Connections are not carried over a fork: a child opens its own. A request is repeated
only where that is safe: when it never left (connection refused), when the server said it did
nothing (429, 503), and, for requests that change nothing when repeated, when the connection broke
or a proxy gave up (502, 504).
"""

from __future__ import annotations

import logging
import os
import random
import threading
import time
from collections.abc import Mapping
from typing import Final, NamedTuple
from urllib.parse import urlencode, urlsplit
from urllib.request import getproxies, proxy_bypass

import urllib3
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    NameResolutionError,
    NewConnectionError,
    ProtocolError,
    ProxyError,
    ReadTimeoutError,
    SSLError,
)

from assay.errors import AssayError, StoreUnavailable
from assay.store.rest.failures import ERROR_CLASS_HEADER, failure
from assay.store.rest.settings import RemoteSettings
from assay.store.user import USER_HEADER
from assay.version import __version__

_log = logging.getLogger(__name__)

JSON: Final = "application/json"
MSGPACK: Final = "application/msgpack"

_POOL_SIZE = 16
"""Connections kept per server: more threads than this wait for a free one to be opened, none is
refused."""
_THIS_MACHINE = frozenset({"localhost", "127.0.0.1", "::1"})
_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 10.0
_DID_NOTHING = frozenset({429, 503})
_MAY_HAVE_HAPPENED = frozenset({502, 504})


class Answer(NamedTuple):
    """A server's successful answer."""

    status: int
    body: bytes
    content_type: str


class Transport:
    """Exchanges with one server."""

    def __init__(
        self, settings: RemoteSettings, *, headers: Mapping[str, str] | None = None
    ) -> None:
        self.settings = settings
        self._headers = {"user-agent": f"assay/{__version__}"}
        if settings.authorization:
            self._headers["authorization"] = settings.authorization
        if settings.user:
            # http.client encodes headers as Latin-1; what it sends then is the name in UTF-8.
            self._headers[USER_HEADER] = settings.user.encode().decode("latin-1")
        self._headers.update({k.lower(): v for k, v in (headers or {}).items()})
        self._lock = threading.Lock()
        self._owner = 0
        self._pool: urllib3.PoolManager | None = None
        self._closed = False

    @property
    def base_url(self) -> str:
        """The server's address, without credentials."""
        return self.settings.base_url

    def exchange(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str | list[str]] | None = None,
        body: bytes | None = None,
        content_type: str = JSON,
        accept: str = JSON,
        repeatable: bool = True,
    ) -> Answer:
        """Send a request and return the successful answer.

        ``repeatable`` says that the request may arrive twice without harm.

        Raises:
            StoreUnavailable: the server can't be reached, or says it can't answer now.
            AssayError: what the server answered, as the class it stands for.
        """
        url = self.base_url + path
        if query:
            url += "?" + urlencode(query, doseq=True, errors="backslashreplace")
        headers = {**self._headers, "accept": accept}
        if body is not None:
            headers["content-type"] = content_type
        tries = 0
        while True:
            try:
                return self._once(method, url, body=body, headers=headers)
            except _Unanswered as reason:
                spent = reason.final or tries >= self.settings.max_retries
                if spent or not (reason.unsent or repeatable):
                    raise reason.error from reason.__cause__
                pause = reason.pause_s or _FIRST_PAUSE_S * 2**tries * (0.5 + random.random())  # noqa: S311 - spreads retries, no secret
                _log.debug("%s %s: trying again in %.2f s", method, path, pause)
                time.sleep(min(pause, _LONGEST_PAUSE_S))
                tries += 1

    def _once(
        self, method: str, url: str, *, body: bytes | None, headers: Mapping[str, str]
    ) -> Answer:
        try:
            answer = self._connections().request(
                method,
                url,
                body=body,
                headers=headers,
                retries=False,
                redirect=False,
                timeout=urllib3.Timeout(
                    connect=self.settings.connect_timeout_s, read=self.settings.read_timeout_s
                ),
            )
        except HTTPError as error:
            raise self._unreachable(error) from error
        if 200 <= answer.status < 300:
            return Answer(answer.status, answer.data, answer.headers.get("content-type", ""))
        if 300 <= answer.status < 400:
            raise StoreUnavailable(
                f"{self.base_url} redirects to {_origin(answer.headers.get('location', ''))}."
                " Use that address as the tracking URI."
            )
        refused = failure(
            answer.status,
            answer.data,
            class_name=answer.headers.get(ERROR_CLASS_HEADER),
            server=self.base_url,
        )
        if answer.status in _DID_NOTHING or answer.status in _MAY_HAVE_HAPPENED:
            raise _Unanswered(
                refused,
                unsent=answer.status in _DID_NOTHING,
                pause_s=_retry_after(answer.headers.get("retry-after")),
            )
        raise refused

    def _unreachable(self, error: HTTPError) -> _Unanswered:
        cause: BaseException = error
        if isinstance(error, ProxyError) and error.original_error is not None:
            cause = error.original_error
        if isinstance(error, SSLError):
            # Trying again won't make a certificate valid.
            raise StoreUnavailable(
                f"The certificate of {self.base_url} was not accepted ({_reason(error)}). Name its"
                " authority with ASSAY_TRACKING_SERVER_CERT_PATH."
            ) from error
        # urllib3 counts a refused connection as a connection that timed out, too.
        refused = isinstance(cause, NewConnectionError)
        if isinstance(cause, NameResolutionError):
            why = "its name is not known"
        elif refused:
            why = "the connection was refused"
        elif isinstance(cause, ConnectTimeoutError):
            why = f"no answer within {self.settings.connect_timeout_s:g} s"
        elif isinstance(cause, ReadTimeoutError):
            why = f"no answer within {self.settings.read_timeout_s:g} s"
        elif isinstance(cause, ProtocolError):
            why = "the connection broke"
        else:
            why = type(cause).__name__
        return _Unanswered(
            StoreUnavailable(f"{self.base_url} can't be reached: {why}."),
            unsent=refused,
            # A host that swallows packets or takes minutes has used up the caller's patience
            # already.
            final=not refused and isinstance(cause, ConnectTimeoutError | ReadTimeoutError),
        )

    def _connections(self) -> urllib3.PoolManager:
        if self._pool is None or self._owner != os.getpid():
            with self._lock:
                if self._pool is None or self._owner != os.getpid():
                    if self._closed:
                        raise StoreUnavailable(f"The connection to {self.base_url} was closed.")
                    self._pool, self._owner = self._open(), os.getpid()
        return self._pool

    def _open(self) -> urllib3.PoolManager:
        settings = self.settings
        options: dict[str, object] = {"num_pools": 2, "maxsize": _POOL_SIZE, "block": False}
        if settings.base_url.startswith("https:"):
            options["cert_reqs"] = "CERT_REQUIRED" if settings.verify_tls else "CERT_NONE"
            if settings.ca_bundle:
                where = "ca_cert_dir" if os.path.isdir(settings.ca_bundle) else "ca_certs"  # noqa: PTH112 - pathlib costs start-up time
                options[where] = settings.ca_bundle
            if settings.client_cert:
                options["cert_file"] = settings.client_cert
        parts = urlsplit(settings.base_url)
        host = parts.hostname or ""
        proxy = getproxies().get(parts.scheme)
        # A proxy of the company never serves this very machine, though NO_PROXY often forgets it.
        if proxy and host not in _THIS_MACHINE and not proxy_bypass(host):
            return urllib3.ProxyManager(proxy, **options)  # type: ignore[arg-type]
        return urllib3.PoolManager(**options)  # type: ignore[arg-type]

    def close(self) -> None:
        """Close the connections; later exchanges raise ``StoreUnavailable``."""
        with self._lock:
            pool, self._pool, self._closed = self._pool, None, True
        if pool is not None and self._owner == os.getpid():
            pool.clear()


class _Unanswered(Exception):
    """An attempt that brought no usable answer; ``error`` is what a caller sees if no further one
    is made.
    """

    def __init__(
        self,
        error: AssayError,
        *,
        unsent: bool,
        pause_s: float | None = None,
        final: bool = False,
    ) -> None:
        super().__init__(str(error))
        self.error, self.unsent, self.pause_s, self.final = error, unsent, pause_s, final


def _retry_after(header: str | None) -> float | None:
    return float(header) if header and header.isascii() and header.isdigit() else None


def _reason(error: BaseException) -> str:
    return str(error.args[0]) if error.args else type(error).__name__


def _origin(location: str) -> str:
    parts = urlsplit(location)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}" if parts.netloc else "another path"
