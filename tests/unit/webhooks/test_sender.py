"""Sending one message to a real receiver."""

from __future__ import annotations

import base64
import hashlib
import hmac
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from assay.entities.webhooks import MLFLOW_EVENTS, OWN_EVENTS, WebhookEvent, WebhookTest
from assay.webhooks import messages
from assay.webhooks.addresses import AllowList
from assay.webhooks.sender import MAX_ANSWER_BYTES, NotSent, Sender
from tests.services.webhook_receiver import Receiver, Reply, make_certificate, receiving

EVENT = WebhookEvent("model_version", "created")
LOOPBACK = AllowList(["127.0.0.1"])


def test_a_message_arrives_as_it_was_sent(receiver: Receiver) -> None:
    answer = Sender(LOOPBACK).post(receiver.url + "?a=b", b'{"x": 1}', {"X-Own": "1"})

    [message] = receiver.wait_for(1)
    assert (message.path, message.content) == ("/hook?a=b", b'{"x": 1}')
    assert message.headers["x-own"] == "1"
    assert message.headers["host"] == f"127.0.0.1:{receiver.port}"
    assert (answer.status, answer.body, answer.accepted) == (200, b"thanks", True)


def test_a_signed_message_can_be_verified(receiver: Receiver) -> None:
    result = Sender(LOOPBACK).try_out(EVENT, url=receiver.url, secret="s3cret")

    [message] = receiver.wait_for(1)
    ident = message.headers["x-mlflow-delivery-id"]
    timestamp = message.headers["x-mlflow-timestamp"]
    expected = hmac.new(
        b"s3cret", f"{ident}.{timestamp}.".encode() + message.content, hashlib.sha256
    ).digest()
    assert message.headers["x-mlflow-signature"] == "v1," + base64.b64encode(expected).decode()
    assert abs(int(timestamp) - time.time()) < 60
    assert set(message.json) == {"entity", "action", "timestamp", "data"}
    assert result.success


def test_without_a_secret_nothing_is_signed(receiver: Receiver) -> None:
    Sender(LOOPBACK).try_out(EVENT, url=receiver.url, secret="")

    assert "x-mlflow-signature" not in receiver.wait_for(1)[0].headers


def test_every_event_has_an_example_with_its_own_entity() -> None:
    for event in MLFLOW_EVENTS | OWN_EVENTS:
        text = messages.body(event, messages.example(event), time_ms=1_753_950_452_080)
        told = msgspec.json.decode(text)

        assert (told["entity"], told["action"]) == (event.entity, event.action)
        assert told["timestamp"] == "2025-07-31T08:27:32.080+00:00"
        assert told["data"]


def test_a_redirect_is_not_followed(receiver: Receiver) -> None:
    with receiving() as other:
        receiver.answering = lambda _: Reply(302, (("Location", other.url),))

        answer = Sender(LOOPBACK).post(receiver.url, b"{}", {})

        assert (answer.status, answer.accepted, other.messages) == (302, False, [])


def test_proxies_of_the_environment_are_not_used(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")

    assert Sender(LOOPBACK).post(receiver.url, b"{}", {}).status == 200


def test_a_long_answer_is_cut(receiver: Receiver) -> None:
    receiver.answering = lambda _: Reply(200, body=b"x" * 1_000_000)

    assert Sender(LOOPBACK).post(receiver.url, b"{}", {}).body == b"x" * MAX_ANSWER_BYTES


@pytest.mark.parametrize(("text", "seconds"), [("120", 120.0), ("soon", None), ("-1", None)])
def test_the_wait_that_a_receiver_asks_for_is_told(
    receiver: Receiver, text: str, seconds: float | None
) -> None:
    receiver.answering = lambda _: Reply(429, (("Retry-After", text),))

    assert Sender(LOOPBACK).post(receiver.url, b"{}", {}).retry_after_s == seconds


@pytest.mark.parametrize(
    "url",
    ["https://127.0.0.1/", "https://localhost/", "https://[::ffff:127.0.0.1]/", "ftp://1.1.1.1/"],
)
def test_what_may_not_be_reached_is_refused_for_good(url: str) -> None:
    with pytest.raises(NotSent) as caught:
        Sender(AllowList()).post(url, b"{}", {})

    assert caught.value.final


def names_lead_to_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """A patch, because no server of names is under our control here."""
    real = socket.getaddrinfo

    def look_up(host: str, *args: Any, **options: Any) -> Any:
        return real("127.0.0.1" if host.endswith(".example.org") else host, *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)


def test_a_name_that_leads_elsewhere_by_now_is_refused_before_it_is_connected_to(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    names_lead_to_loopback(monkeypatch)

    with pytest.raises(NotSent, match="public") as caught:
        Sender(AllowList()).post(f"https://hooks.example.org:{receiver.port}/", b"{}", {})

    assert caught.value.final
    assert receiver.messages == []


def test_a_name_that_nobody_knows_may_be_known_later() -> None:
    with pytest.raises(NotSent, match="looked up") as caught:
        Sender(AllowList()).post("https://hooks.invalid/", b"{}", {})

    assert not caught.value.final


def test_a_receiver_that_is_not_there_is_tried_again() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/"

        with pytest.raises(NotSent, match="refused") as caught:
            Sender(LOOPBACK).post(url, b"{}", {})

    assert not caught.value.final


def test_a_certificate_that_nobody_knows_is_refused(tmp_path: Path) -> None:
    with (
        receiving(make_certificate(tmp_path)) as secure,
        pytest.raises(NotSent, match="certificate"),
    ):
        Sender(LOOPBACK).post(secure.url, b"{}", {})


def test_a_certificate_of_a_known_authority_is_believed(tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path)
    with receiving(certificate) as secure:
        tls = ssl.create_default_context(cafile=str(certificate))

        assert Sender(LOOPBACK, tls=tls).post(secure.url, b"{}", {}).status == 200


def test_a_certificate_must_be_that_of_the_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = make_certificate(tmp_path, "hooks.example.org")
    names_lead_to_loopback(monkeypatch)
    with receiving(certificate) as secure:
        sender = Sender(LOOPBACK, tls=ssl.create_default_context(cafile=str(certificate)))

        assert sender.post(f"https://hooks.example.org:{secure.port}/", b"{}", {}).status == 200
        with pytest.raises(NotSent, match="certificate"):
            sender.post(f"https://other.example.org:{secure.port}/", b"{}", {})


def test_few_test_calls_run_at_once(receiver: Receiver) -> None:
    released = threading.Event()

    def hang(_: object) -> Reply:
        released.wait(30)
        return Reply()

    receiver.answering = hang
    sender = Sender(LOOPBACK)

    def try_out() -> WebhookTest:
        return sender.try_out(EVENT, url=receiver.url, secret="")

    threads = [threading.Thread(target=try_out) for _ in range(4)]
    for thread in threads:
        thread.start()
    receiver.wait_for(4)

    refused = try_out()

    released.set()
    for thread in threads:
        thread.join()
    assert "Too many test calls" in refused.error_message
    assert try_out().success


@contextmanager
def raw_server(talk: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server that says whatever ``talk`` says."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                try:
                    talk(connection)
                except OSError:
                    pass  # The sender has hung up, as it should.

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
        thread.join(30)
        assert not thread.is_alive()


def test_a_receiver_that_says_nothing_is_left_in_time() -> None:
    hung_up = threading.Event()

    def talk(connection: socket.socket) -> None:
        while connection.recv(65_536):
            pass
        hung_up.set()

    with raw_server(talk) as url:
        with pytest.raises(NotSent, match="No answer within"):
            Sender(LOOPBACK, timeout_s=0.2).post(url, b"{}", {})
        assert hung_up.wait(30)


def test_a_receiver_that_sends_a_byte_now_and_then_is_left_in_time() -> None:
    def talk(connection: socket.socket) -> None:
        connection.settimeout(0.01)
        while True:
            connection.sendall(b"H")
            try:
                connection.recv(65_536)
            except TimeoutError:
                continue

    with raw_server(talk) as url:
        started = time.monotonic()
        with pytest.raises(NotSent):
            Sender(LOOPBACK, timeout_s=0.3).post(url, b"{}", {})
        assert time.monotonic() - started < 5


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 10_000,
        b"HTTP/1.1 999999\r\n",
    ],
    ids=["nothing", "no HTTP", "endless headers", "no status"],
)
def test_an_answer_that_is_none_is_told(answer: bytes) -> None:
    def talk(connection: socket.socket) -> None:
        connection.recv(65_536)
        connection.sendall(answer)
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(65_536):
            pass

    with raw_server(talk) as url, pytest.raises(NotSent, match="connection failed") as caught:
        Sender(LOOPBACK).post(url, b"{}", {})

    assert not caught.value.final
