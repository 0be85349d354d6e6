"""Our client's webhooks on a plain MLflow server. Nothing is sent: all are disabled."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from assay.entities.webhooks import WebhookEvent, WebhookStatus
from assay.errors import InvalidInput, NotFound
from assay.store.registry import NewWebhook, WebhookChange
from assay.store.rest import RestStore, open_rest_store
from assay.store.user import local_cause

CREATED = WebhookEvent("model_version", "created")
pytestmark = [pytest.mark.mlflow, pytest.mark.slow]


@pytest.fixture
def store(mlflow_url: str) -> Iterator[RestStore]:
    store = open_rest_store(mlflow_url)
    yield store
    store.close()


def test_a_webhook_of_an_mlflow_server_from_creation_to_deletion(store: RestStore) -> None:
    webhooks, cause = store.webhooks, local_cause()
    made = webhooks.create(
        NewWebhook(
            name="w",
            url="https://1.1.1.1/hook",
            events=[CREATED],
            description="d",
            status=WebhookStatus.DISABLED,
        ),
        cause=cause,
    )

    assert (made.name, made.url, made.events) == ("w", "https://1.1.1.1/hook", [CREATED])
    assert webhooks.get(made.webhook_id) == made
    assert made in webhooks.page(max_results=1_000).items
    other = WebhookEvent("prompt", "created")
    changed = webhooks.update(
        made.webhook_id, WebhookChange(description="", events=[other]), cause=cause
    )
    assert (changed.description, changed.events, changed.url) == ("", [other], made.url)
    webhooks.delete(made.webhook_id, cause=cause)
    with pytest.raises(NotFound):
        webhooks.get(made.webhook_id)


def test_what_an_mlflow_server_refuses_is_refused(store: RestStore) -> None:
    new = NewWebhook(name="w", url="https://127.0.0.1/", events=[CREATED])

    with pytest.raises(InvalidInput):
        store.webhooks.create(new, cause=local_cause())
    with pytest.raises(NotFound):
        store.webhooks.test("missing", CREATED)


def test_an_mlflow_server_keeps_no_log(store: RestStore) -> None:
    with pytest.raises(InvalidInput, match="not an Assay server"):
        store.webhooks.deliveries("missing")
