"""A real receiver of webhooks on loopback, over HTTP or HTTPS, which answers as it is told."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

WAIT_S = 30.0
"""For a busy machine; a test that passes waits a fraction of it."""


class Message(NamedTuple):
    """What arrived."""

    path: str
    headers: dict[str, str]
    """By lower-case name."""
    content: bytes

    @property
    def json(self) -> dict[str, Any]:
        return msgspec.json.decode(self.content, type=dict[str, Any])

    @property
    def event(self) -> str:
        return f"{self.json['entity']}.{self.json['action']}"


class Reply(NamedTuple):
    """What is answered."""

    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b"thanks"


Answering = Callable[[Message], Reply]


class Receiver:
    """Collects messages. ``answering`` may be exchanged at any time; it may block."""

    def __init__(self, certificate: Path | None = None) -> None:
        self.answering: Answering = lambda _: Reply()
        self.messages: list[Message] = []
        self._arrived = threading.Condition()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.receiver = self
        scheme = "http"
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
            scheme = "https"
        self.port = int(self._server.server_address[1])
        self.url = f"{scheme}://127.0.0.1:{self.port}/hook"
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        )
        self._thread.start()

    def take(self, message: Message) -> Reply:
        """Note a message and answer it; called by the server's threads."""
        with self._arrived:
            self.messages.append(message)
            self._arrived.notify_all()
        return self.answering(message)

    def wait_for(self, count: int) -> list[Message]:
        """The first messages, once there are so many."""
        self.wait_until(lambda messages: len(messages) >= count)
        return self.messages[:count]

    def wait_until(self, holds: Callable[[list[Message]], bool]) -> None:
        """Return once this holds for the messages."""
        with self._arrived:
            arrived = self._arrived.wait_for(lambda: holds(self.messages), WAIT_S)
        assert arrived, [message.event for message in self.messages]

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    receiver: Receiver

    def handle_error(self, request: object, client_address: object) -> None:
        pass  # A sender that hangs up is part of what is tested.


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers["content-length"]))
        named = {name.lower(): value for name, value in self.headers.items()}
        reply = self.server.receiver.take(Message(self.path, named, content))
        self.send_response(reply.status)
        for name, value in reply.headers:
            self.send_header(name, value)
        self.send_header("content-length", str(len(reply.body)))
        self.end_headers()
        self.wfile.write(reply.body)

    def log_message(self, *args: object) -> None:
        pass


@contextmanager
def receiving(certificate: Path | None = None) -> Iterator[Receiver]:
    """A receiver for the time of a test."""
    receiver = Receiver(certificate)
    try:
        yield receiver
    finally:
        receiver.close()


def make_certificate(folder: Path, *names: str) -> Path:
    """A file with key and certificate of 127.0.0.1 and some names; its own authority."""
    # Only the checks that need it, in the development environment, have this library.
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "assay test")])
    now = datetime.datetime.now(datetime.UTC)
    holders = [
        x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
        *(x509.DNSName(one) for one in names),
    ]
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(holders), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = folder / "receiver.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    file.write_bytes(signed.public_bytes(serialization.Encoding.PEM) + private)
    return file
