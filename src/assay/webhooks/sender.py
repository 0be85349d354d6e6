"""Sending one message: a POST to the very address that was checked, with an end to everything.

No redirect is followed and no proxy of the environment is used, because both would lead to
addresses that nobody checked. At most 4 KiB of an answer are read.
"""

from __future__ import annotations

import http.client
import io
import os
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from assay.entities.webhooks import WebhookEvent, WebhookTest
from assay.errors import InvalidInput
from assay.webhooks import messages
from assay.webhooks.addresses import AllowList, Endpoint, as_address, is_public, parse_url
from assay.webhooks.resolving import NameUnknown, addresses_of, check_url

MAX_ANSWER_BYTES: Final = 4_096
TIMEOUT_S: Final = 10.0
"""For all of a message, from looking the name up to the answer: receivers are to put what takes
longer behind their answer."""
_CONNECT_TIMEOUT_S: Final = 5.0
"""For one address, where a host has several."""

_TRIED_AT_ONCE: Final = threading.BoundedSemaphore(4)
"""Test calls of a process: each holds a thread of the server as long as the receiver likes."""


class Answer(NamedTuple):
    """What a receiver said."""

    status: int
    body: bytes
    """Its first 4 KiB."""
    retry_after_s: float | None
    """How long it asked to be left alone."""

    @property
    def accepted(self) -> bool:
        """Whether it took the message."""
        return 200 <= self.status < 300


class NotSent(Exception):
    """There is no answer; ``final`` where trying again would not help."""

    def __init__(self, why: str, *, final: bool = False) -> None:
        super().__init__(why)
        self.final = final


class Sender:
    """Sends messages under the rules for addresses. Thread-safe."""

    def __init__(
        self,
        allow: AllowList,
        *,
        tls: ssl.SSLContext | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        """Send to what ``allow`` allows.

        Args:
            allow: what may be reached beside https on public addresses.
            tls: how receivers are verified; by default with the system's authorities, and those of
                ``SSL_CERT_FILE``.
            timeout_s: for all of a message.
        """
        self._allow = allow
        self._timeout_s = timeout_s
        self._tls = tls
        self._lock = threading.Lock()

    def post(self, url: str, content: bytes, headers: Mapping[str, str]) -> Answer:
        """Send and return the answer, whatever its status.

        Raises:
            NotSent: there is none.
        """
        end = time.monotonic() + self._timeout_s
        try:
            endpoint = parse_url(url)
            found = addresses_of(endpoint.host, timeout_s=end - time.monotonic())
            self._allow.check(endpoint, found)
        except InvalidInput as error:
            raise NotSent(error.message, final=True) from error
        except NameUnknown as error:
            raise NotSent(str(error)) from error
        try:
            with self._connect(endpoint, found, end) as connection:
                return _exchange(connection, endpoint, content, headers, end)
        except NotSent:
            raise
        except ssl.SSLCertVerificationError as error:
            raise NotSent(f"The certificate was not accepted: {error.verify_message}.") from error
        except TimeoutError as error:
            raise NotSent(f"No answer within {self._timeout_s:g} s.") from error
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise NotSent(f"The connection failed: {_told(error)}.") from error

    def check(self, url: str) -> None:
        """Refuse a URL that no message could be sent to. Raises ``InvalidInput``."""
        check_url(url, self._allow)

    def try_out(self, event: WebhookEvent, *, url: str, secret: str) -> WebhookTest:
        """Send a made-up message of an event and tell what came of it."""
        if not _TRIED_AT_ONCE.acquire(blocking=False):
            return WebhookTest(
                success=False, error_message="Too many test calls are under way; try again."
            )
        try:
            return self._try_out(event, url=url, secret=secret)
        finally:
            _TRIED_AT_ONCE.release()

    def _try_out(self, event: WebhookEvent, *, url: str, secret: str) -> WebhookTest:
        now_s = time.time()
        content = messages.body(event, messages.example(event), time_ms=int(now_s * 1_000))
        headers = messages.headers(
            content, secret=secret, delivery_id=os.urandom(16).hex(), sent_s=int(now_s)
        )
        try:
            answer = self.post(url, content, headers)
        except NotSent as error:
            return WebhookTest(success=False, error_message=str(error))
        return WebhookTest(
            success=answer.accepted,
            response_status=answer.status,
            response_body=answer.body.decode("utf-8", "replace"),
        )

    def _connect(self, endpoint: Endpoint, addresses: list[str], end: float) -> socket.socket:
        problem: OSError | None = None
        for address in addresses:
            try:
                wait_s = min(_left(end), _CONNECT_TIMEOUT_S)
                plain = socket.create_connection((address, endpoint.port), wait_s)
            except OSError as error:
                problem = error
                continue
            try:
                self._check_peer(endpoint, plain)
                if endpoint.scheme != "https":
                    return plain
                plain.settimeout(_left(end))
                return self._context().wrap_socket(plain, server_hostname=endpoint.host)
            except BaseException:
                plain.close()
                raise
        raise problem or NotSent(f"The host {endpoint.host} has no address.")

    def _check_peer(self, endpoint: Endpoint, connected: socket.socket) -> None:
        """The addresses were checked; this is against a mistake between there and here."""
        peer = as_address(str(connected.getpeername()[0]))
        if peer is not None and (
            is_public(peer) or self._allow.holds(peer) or self._allow.names(endpoint)
        ):
            return
        raise NotSent("The connection led to an address that isn't allowed.", final=True)

    def _context(self) -> ssl.SSLContext:
        # Made when it is first needed: reading the authorities takes some 30 ms.
        with self._lock:
            if self._tls is None:
                self._tls = ssl.create_default_context()
            return self._tls


def _exchange(
    connection: socket.socket,
    endpoint: Endpoint,
    content: bytes,
    headers: Mapping[str, str],
    end: float,
) -> Answer:
    timed: Any = _Timed(connection, end)
    request = http.client.HTTPConnection(endpoint.host, endpoint.port)
    request.sock = timed
    request.putrequest("POST", endpoint.target, skip_host=True, skip_accept_encoding=True)
    request.putheader("Host", endpoint.host_header)
    for name, value in headers.items():
        request.putheader(name, value)
    request.putheader("Content-Length", str(len(content)))
    request.putheader("Connection", "close")
    request.endheaders(content)
    with request.getresponse() as response:
        text = response.read(MAX_ANSWER_BYTES)
        after = response.headers.get("Retry-After", "")
    wait_s = float(after) if after.isascii() and after.isdigit() and len(after) < 10 else None
    return Answer(response.status, text, wait_s)


class _Timed:
    """As much of a socket as ``http.client`` uses, all of it ended by one moment: a receiver that
    sends a byte now and then would outlast any time limit per call.
    """

    def __init__(self, connected: socket.socket, end: float) -> None:
        self._socket, self._end = connected, end

    def sendall(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            self._socket.settimeout(_left(self._end))
            rest = rest[self._socket.send(rest) :]

    def recv_into(self, buffer: Any) -> int:
        self._socket.settimeout(_left(self._end))
        return self._socket.recv_into(buffer)

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Incoming(self))

    def close(self) -> None:
        """Left to the owner: ``http.client`` closes before it has read the answer."""


class _Incoming(io.RawIOBase):
    def __init__(self, source: _Timed) -> None:
        self._source = source

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._source.recv_into(buffer)


def _left(end: float) -> float:
    left = end - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _told(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    if isinstance(error, http.client.HTTPException):
        # Its text repeats what the receiver said.
        return f"no HTTP answer came ({type(error).__name__})"
    return str(error) or type(error).__name__
