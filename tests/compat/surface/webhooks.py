"""Webhooks, with a real receiver in the client's process. The server allows 127.0.0.1."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mlflow import MlflowClient
from mlflow.entities.webhook import VALID_ENTITY_ACTIONS, Webhook, WebhookEvent, WebhookStatus
from mlflow.webhooks.delivery import _generate_hmac_signature
from mlflow.webhooks.types import get_payload_class_for_event

from tests.compat.surface.expect import refused
from tests.services.webhook_receiver import Message, Receiver, Reply, receiving

EVENTS = [
    WebhookEvent(entity, action)
    for entity, actions in VALID_ENTITY_ACTIONS.items()
    for action in actions
]


@contextmanager
def told(
    client: MlflowClient, events: list[str], **options: object
) -> Iterator[tuple[Receiver, Webhook]]:
    with receiving() as receiver:
        made = client.create_webhook("hook", receiver.url, events, **options)
        try:
            yield receiver, made
        finally:
            client.delete_webhook(made.webhook_id)


def check_lifecycle(client: MlflowClient, folder: Path) -> None:
    made = client.create_webhook(
        name="team.hook-1",
        url="https://1.1.1.1/hook",
        events=["model_version.created", "registered_model.created"],
        description="for the team",
        secret="s3cret",
        status="DISABLED",
    )
    assert (made.name, made.url, made.description) == (
        "team.hook-1",
        "https://1.1.1.1/hook",
        "for the team",
    )
    assert {str(event) for event in made.events} == {
        "model_version.created",
        "registered_model.created",
    }
    assert (made.status, made.secret) == (WebhookStatus.DISABLED, None)
    assert made.creation_timestamp == made.last_updated_timestamp > 0
    got = client.get_webhook(made.webhook_id)
    assert repr(got) == repr(made)
    changed = client.update_webhook(
        made.webhook_id, name="x", events=["prompt.created"], description=""
    )
    assert (changed.name, changed.description, changed.url) == ("x", None, made.url)
    assert [str(event) for event in changed.events] == ["prompt.created"]
    assert changed.status == WebhookStatus.DISABLED
    client.delete_webhook(made.webhook_id)
    for call in (client.get_webhook, client.delete_webhook, client.test_webhook):
        with refused("RESOURCE_DOES_NOT_EXIST"):
            call(made.webhook_id)


def check_every_event_can_be_asked_for(client: MlflowClient, folder: Path) -> None:
    made = client.create_webhook("all", "https://1.1.1.1/", EVENTS, status="DISABLED")
    assert set(made.events) == set(EVENTS)
    client.delete_webhook(made.webhook_id)


def check_pages(client: MlflowClient, folder: Path) -> None:
    made = [
        client.create_webhook(f"w{i}", "https://1.1.1.1/", ["prompt.created"], status="DISABLED")
        for i in range(5)
    ]
    seen, token = [], None
    while True:
        page = client.list_webhooks(max_results=2, page_token=token)
        assert len(page) <= 2
        seen += [one.webhook_id for one in page]
        token = page.token
        if not token:
            break
    mine = {one.webhook_id for one in made}
    assert sorted(i for i in seen if i in mine) == sorted(mine)
    assert [one.webhook_id in mine for one in client.list_webhooks()].count(True) == 5
    for webhook in made:
        client.delete_webhook(webhook.webhook_id)
    for wrong in ({"max_results": 1001}, {"max_results": -1}, {"page_token": "nonsense"}):
        with refused("INVALID_PARAMETER_VALUE", trying=wrong):
            client.list_webhooks(**wrong)


def check_bad_webhooks(client: MlflowClient, folder: Path) -> None:
    good = {"name": "w", "url": "https://1.1.1.1/", "events": ["prompt.created"]}
    for wrong in (
        {"name": "-w"},
        {"name": "w" * 64},
        {"name": ""},
        {"url": ""},
        {"url": "http://1.1.1.1/"},
        {"url": "ftp://1.1.1.1/"},
        {"url": "https://10.0.0.1/"},
        {"url": "https://169.254.169.254/latest/meta-data"},
        {"url": "https://[::1]/"},
        {"url": "https://[::ffff:169.254.169.254]/"},
        {"url": "https://a:b@1.1.1.1/"},
        {"events": []},
    ):
        with refused("INVALID_PARAMETER_VALUE", trying=wrong):
            client.create_webhook(**{**good, **wrong})


def check_trying_it_out(client: MlflowClient, folder: Path) -> None:
    with told(client, ["model_version_tag.set"], secret="s3cret") as (receiver, webhook):
        result = client.test_webhook(webhook.webhook_id)
        assert (result.success, result.response_status) == (True, 200)
        assert result.response_body == "thanks"
        for event in EVENTS:
            assert client.test_webhook(webhook.webhook_id, event).success
        assert [message.event for message in receiver.messages] == [
            "model_version_tag.set",
            *map(str, EVENTS),
        ]
        for message in receiver.messages:
            verify(message, secret="s3cret")
        receiver.answering = lambda _: Reply(404, body=b"who?")
        result = client.test_webhook(webhook.webhook_id)
        assert (result.success, result.response_status, result.response_body) == (
            False,
            404,
            "who?",
        )
    gone = client.create_webhook("gone", receiver.url, ["prompt.created"], status="DISABLED")
    result = client.test_webhook(gone.webhook_id)
    assert (result.success, result.response_status) == (False, None)
    assert "refused" in result.error_message
    client.delete_webhook(gone.webhook_id)


def verify(message: Message, *, secret: str) -> None:
    """It is signed, and holds what MLflow's own holds."""
    headers = message.headers
    assert headers["content-type"] == "application/json"
    assert headers["x-mlflow-signature"] == _generate_hmac_signature(
        secret,
        headers["x-mlflow-delivery-id"],
        headers["x-mlflow-timestamp"],
        message.content.decode(),
    )
    payload = get_payload_class_for_event(WebhookEvent.from_str(message.event))
    assert set(message.json) == {"entity", "action", "timestamp", "data"}
    assert set(message.json["data"]) == set(payload.__annotations__), message.json


def check_models_are_told(client: MlflowClient, folder: Path) -> None:
    events = [str(e) for e in EVENTS if not str(e).startswith(("prompt", "budget"))]
    with told(client, events, secret="s3cret") as (receiver, _):
        client.create_registered_model("told", tags={"a": "1"}, description="d")
        run_id = client.create_run("0").info.run_id
        client.log_text(run_id, "flavors: {}", "model/MLmodel")
        version = client.create_model_version(
            "told", f"runs:/{run_id}/model", run_id, tags={"v": "2"}
        )
        client.set_model_version_tag("told", "1", "checked", "yes")
        client.delete_model_version_tag("told", "1", "checked")
        client.set_registered_model_alias("told", "champion", "1")
        client.delete_registered_model_alias("told", "champion")
        messages = receiver.wait_for(6)
    assert [(message.event, message.json["data"]) for message in messages] == [
        (
            "registered_model.created",
            {"name": "told", "tags": {"a": "1"}, "description": "d"},
        ),
        (
            "model_version.created",
            {
                "name": "told",
                "version": "1",
                "source": version.source,
                "run_id": run_id,
                "tags": {"v": "2"},
                "description": None,
            },
        ),
        (
            "model_version_tag.set",
            {"name": "told", "version": "1", "key": "checked", "value": "yes"},
        ),
        ("model_version_tag.deleted", {"name": "told", "version": "1", "key": "checked"}),
        (
            "model_version_alias.created",
            {"name": "told", "alias": "champion", "version": "1"},
        ),
        ("model_version_alias.deleted", {"name": "told", "alias": "champion"}),
    ]
    for message in messages:
        verify(message, secret="s3cret")


def check_prompts_are_told(client: MlflowClient, folder: Path) -> None:
    events = [str(e) for e in EVENTS if not str(e).startswith("budget")]
    with told(client, events, secret="s3cret") as (receiver, _):
        client.create_prompt("greeting", tags={"team": "a"})
        client.create_prompt_version("greeting", "Hi {{name}}")
        client.set_prompt_tag("greeting", "k", "v")
        client.delete_prompt_tag("greeting", "k")
        client.set_prompt_version_tag("greeting", "1", "k", "v")
        client.delete_prompt_version_tag("greeting", "1", "k")
        client.set_prompt_alias("greeting", "live", "1")
        client.delete_prompt_alias("greeting", "live")
        messages = receiver.wait_for(8)
    assert [message.event for message in messages] == [
        "prompt.created",
        "prompt_version.created",
        "prompt_tag.set",
        "prompt_tag.deleted",
        "prompt_version_tag.set",
        "prompt_version_tag.deleted",
        "prompt_alias.created",
        "prompt_alias.deleted",
    ]
    for message in messages:
        verify(message, secret="s3cret")
    assert messages[0].json["data"]["tags"] == {"team": "a"}
    assert messages[1].json["data"]["template"] == "Hi {{name}}"


def check_a_disabled_webhook_is_left_alone(client: MlflowClient, folder: Path) -> None:
    with told(client, ["registered_model.created"]) as (receiver, webhook):
        client.update_webhook(webhook.webhook_id, status="DISABLED")
        client.create_registered_model("untold")
        client.update_webhook(webhook.webhook_id, status="ACTIVE")
        client.create_registered_model("told again")
        assert receiver.wait_for(1)[0].json["data"]["name"] == "told again"
        assert "x-mlflow-signature" not in receiver.messages[0].headers
