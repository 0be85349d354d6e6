"""Webhooks of a real server: a receiver is told what happened, whatever happens in between."""

from __future__ import annotations

import base64
import hashlib
import hmac
import signal
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from assay.client.client import Client
from assay.entities.webhooks import OWN_EVENTS, WebhookEvent
from assay.errors import InvalidInput
from assay.store.user import local_cause
from assay.webhooks import messages
from tests.services.mlflow_client import ServerProcess
from tests.services.raw_http import Raw
from tests.services.webhook_receiver import WAIT_S, Receiver, Reply, make_certificate, receiving

HOOKS = "/api/2.0/mlflow/webhooks"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Callable[..., ServerProcess]]:
    started: list[ServerProcess] = []

    def run(**settings: Any) -> ServerProcess:
        made = ServerProcess(tmp_path, **{"webhook_allow": ("127.0.0.1",), **settings})
        started.append(made)
        made.start()
        return made

    yield run
    for one in started:
        one.stop(signal.SIGKILL)


def names(receiver: Receiver) -> list[str]:
    return [message.json["data"]["name"] for message in receiver.messages]


def wait_for_log(client: Client, webhook_id: str, statuses: list[str]) -> None:
    pause = threading.Event()
    for _ in range(int(WAIT_S / 0.02)):
        log = client.list_webhook_deliveries(webhook_id)[::-1]
        if [one.status.value for one in log] == statuses:
            return
        pause.wait(0.02)
    pytest.fail(str(log))


def test_a_change_is_told_over_https_and_signed(
    server: Callable[..., ServerProcess], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = make_certificate(tmp_path)
    # The server trusts the authorities of this file, as every program with OpenSSL does.
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with receiving(certificate) as receiver:
        client = Client(server().url)
        hook = client.create_webhook(
            "w", receiver.url, ["registered_model.created"], secret="s3cret"
        )

        client.create_registered_model("m", tags={"a": "1"}, description="d")

        [message] = receiver.wait_for(1)
        wait_for_log(client, hook.webhook_id, ["delivered"])
        client.close()
    assert message.event == "registered_model.created"
    assert message.json["data"] == {"name": "m", "tags": {"a": "1"}, "description": "d"}
    ident, at = (message.headers[f"x-mlflow-{part}"] for part in ("delivery-id", "timestamp"))
    expected = hmac.new(b"s3cret", f"{ident}.{at}.".encode() + message.content, hashlib.sha256)
    assert message.headers["x-mlflow-signature"] == (
        "v1," + base64.b64encode(expected.digest()).decode()
    )


def test_an_unknown_certificate_keeps_the_message_waiting(
    server: Callable[..., ServerProcess], tmp_path: Path
) -> None:
    with receiving(make_certificate(tmp_path)) as receiver:
        client = Client(server().url)
        hook = client.create_webhook("w", receiver.url, ["registered_model.created"])
        result = client.test_webhook(hook.webhook_id)
        client.close()
    assert "certificate" in result.error_message
    assert receiver.messages == []


def test_nothing_is_lost_when_the_server_is_killed(
    server: Callable[..., ServerProcess], receiver: Receiver
) -> None:
    running = server()
    client = Client(running.url)
    hung = threading.Event()

    def hang(_: object) -> Reply:
        hung.wait(WAIT_S)
        return Reply()

    receiver.answering = hang
    client.create_webhook("w", receiver.url, ["registered_model.created"])
    for number in range(5):
        client.create_registered_model(f"m{number}")
    receiver.wait_for(1)
    client.close()
    running.stop(signal.SIGKILL)
    hung.set()
    make_lease_end(running)
    receiver.answering = lambda _: Reply()

    server()

    receiver.wait_until(lambda messages: len(messages) >= 6)
    assert names(receiver) == ["m0", "m0", "m1", "m2", "m3", "m4"]
    first, again, *_ = receiver.messages
    assert again.headers["x-mlflow-delivery-id"] == first.headers["x-mlflow-delivery-id"]
    assert again.content == first.content


def make_lease_end(stopped: ServerProcess) -> None:
    """As if its minute were over."""
    with sqlite3.connect(stopped.folder / "assay.db") as database:
        database.execute("UPDATE webhook_deliveries SET next_time = 0 WHERE status = 'waiting'")
    database.close()


def test_several_processes_tell_each_change_once_and_in_order(
    server: Callable[..., ServerProcess], receiver: Receiver
) -> None:
    client = Client(server(workers=3).url)
    hook = client.create_webhook("w", receiver.url, ["registered_model.created"])

    for number in range(40):
        client.create_registered_model(f"m{number}")

    receiver.wait_for(40)
    wait_for_log(client, hook.webhook_id, ["delivered"] * 40)
    client.close()
    assert names(receiver) == [f"m{number}" for number in range(40)]


@pytest.mark.postgres
def test_servers_over_postgres_tell_each_change_once_and_in_order(
    server: Callable[..., ServerProcess], receiver: Receiver, postgres_uri: str
) -> None:
    clients = [Client(server(store_uri=postgres_uri, workers=n).url) for n in (1, 2)]
    hook = clients[0].create_webhook("w", receiver.url, ["registered_model.created"])

    for number in range(40):
        clients[number % 2].create_registered_model(f"m{number}")

    receiver.wait_for(40)
    wait_for_log(clients[0], hook.webhook_id, ["delivered"] * 40)
    for client in clients:
        client.close()
    assert names(receiver) == [f"m{number}" for number in range(40)]


def test_a_receiver_that_hangs_holds_up_neither_requests_nor_the_end(
    server: Callable[..., ServerProcess], receiver: Receiver
) -> None:
    hung = threading.Event()

    def hang(_: object) -> Reply:
        hung.wait(WAIT_S)
        return Reply()

    receiver.answering = hang
    running = server()
    client = Client(running.url)
    for _ in range(3):
        client.create_webhook("w", receiver.url, ["registered_model.created"])
    client.create_registered_model("m0")
    receiver.wait_for(3)

    for number in range(1, 30):
        client.create_registered_model(f"m{number}")
    client.close()
    started = time.monotonic()
    code = running.stop(timeout_s=20)
    took_s = time.monotonic() - started
    hung.set()

    assert code == 0
    assert took_s < 5
    assert len(receiver.messages) == 3


def test_a_server_tells_only_where_it_is_allowed_to(
    server: Callable[..., ServerProcess], receiver: Receiver
) -> None:
    client = Client(server(webhook_allow=()).url)

    for url in (receiver.url, receiver.url.replace("http:", "https:"), "https://[::1]/"):
        with pytest.raises(InvalidInput):
            client.create_webhook("w", url, ["registered_model.created"])

    client.close()


def test_what_was_allowed_once_is_checked_again_when_it_is_sent(
    server: Callable[..., ServerProcess], receiver: Receiver
) -> None:
    running = server()
    client = Client(running.url)
    hook = client.create_webhook("w", receiver.url, ["registered_model.created"])
    client.close()
    running.stop()

    client = Client(server(webhook_allow=()).url)
    client.create_registered_model("m")
    wait_for_log(client, hook.webhook_id, ["failed"])
    tried = client.test_webhook(hook.webhook_id)
    client.close()

    assert (tried.success, receiver.messages) == (False, [])
    assert "https" in tried.error_message


def test_clients_of_mlflow_see_only_events_that_they_know(
    server: Callable[..., ServerProcess],
) -> None:
    url = server().url
    client = Client(url)
    own = client.create_webhook("own", "https://1.1.1.1/", ["transition_request.created"])
    mixed = client.create_webhook(
        "mixed",
        "https://1.1.1.1/",
        ["model_version_stage.changed", "prompt.created"],
        secret="s3cret",
    )
    raw = Raw(url)

    shown = raw("GET", HOOKS).json["webhooks"]
    hidden = raw("GET", f"{HOOKS}/{own.webhook_id}")
    changed = raw(
        "PATCH",
        f"{HOOKS}/{mixed.webhook_id}",
        {"events": [{"entity": "MODEL_VERSION", "action": "CREATED"}], "status": "DISABLED"},
    )
    raw.close()

    assert [one["webhook_id"] for one in shown] == [mixed.webhook_id]
    assert shown[0]["events"] == [{"entity": "PROMPT", "action": "CREATED"}]
    assert (hidden.status, hidden.json["error_code"]) == (404, "RESOURCE_DOES_NOT_EXIST")
    assert changed.json["webhook"]["status"] == "DISABLED"
    assert "s3cret" not in str(shown) + str(changed.json)
    kept = client.get_webhook(mixed.webhook_id)
    assert list(map(str, kept.events)) == ["model_version.created", "model_version_stage.changed"]
    client.close()


@pytest.mark.parametrize(
    "body",
    [
        {"events": [{"entity": "MODEL_VERSION", "action": "CREATED"}]},
        {"name": "w", "url": "https://1.1.1.1/"},
        {"name": "w", "url": "https://1.1.1.1/", "events": "all"},
        {"name": "w", "url": "https://1.1.1.1/", "events": [{}]},
        {"name": "w", "url": "https://1.1.1.1/", "events": [{"entity": "MODEL_VERSION"}]},
        {"name": "w", "url": "https://1.1.1.1/", "events": [{"entity": 1, "action": 4}]},
        {"name": "w", "url": "https://1.1.1.1/", "events": [{"entity": "X", "action": "SET"}]},
        {
            "name": "w",
            "url": "https://1.1.1.1/",
            "events": [{"entity": 1, "action": 1}],
            "status": "NOPE",
        },
    ],
    ids=str,
)
def test_a_malformed_webhook_is_refused(assay_server: ServerProcess, body: dict[str, Any]) -> None:
    raw = Raw(assay_server.url)

    answer = raw("POST", HOOKS, body)

    raw.close()
    assert (answer.status, answer.json["error_code"]) == (400, "INVALID_PARAMETER_VALUE")


POLICY = """
policy: 1
to:
  Production:
    approvals: {count: 1, from: ["*"], author_may_approve: true}
"""


def test_requests_moves_and_rollbacks_are_told(
    server: Callable[..., ServerProcess], receiver: Receiver
) -> None:
    client = Client(server().url)
    store, cause = client.store, local_cause("why")
    client.create_webhook("w", receiver.url, sorted(OWN_EVENTS, key=str))
    run_id = client.create_run("0").info.run_id
    client.log_text(run_id, "flavors: {}", "model/MLmodel")
    client.create_registered_model("m")
    for _ in range(2):
        client.create_model_version("m", f"runs:/{run_id}/model", run_id)
    client.transition_model_version_stage("m", "1", "Production")
    store.policies.set("m", POLICY, cause=cause)

    request = store.requests.create("m", 2, "Production", cause=cause)
    store.requests.approve(request.request_id, cause=cause)
    store.requests.rollback("m", "Production", cause=cause)
    refused = store.requests.create("m", 2, "Production", cause=cause)
    store.requests.cancel(refused.request_id, cause=cause)

    receiver.wait_until(lambda m: any(one.event == "transition_request.closed" for one in m))
    client.close()
    told = [(message.event, message.json["data"]) for message in receiver.messages]
    assert told[0] == (
        "model_version_stage.changed",
        {"name": "m", "version": "1", "from_stage": "None", "to_stage": "Production"},
    )
    events = [event for event, _ in told]
    assert [event for event in events if event.startswith("transition_request")] == [
        "transition_request.created",
        "transition_request.approved",
        "transition_request.completed",
        "transition_request.created",
        "transition_request.closed",
    ]
    assert events.count("model_version_stage.changed") == 5
    [rolled_back] = [data for event, data in told if event == "model_version.rolled_back"]
    assert rolled_back == {
        "name": "m",
        "version": "2",
        "target": "Production",
        "reason": "why",
    }
    for event, data in told:
        assert set(data) == set(messages.example(WebhookEvent(*event.split("."))))
