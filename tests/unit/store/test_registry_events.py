"""What webhooks are told of changes in the registry: MLflow's events with MLflow's keys."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from assay.entities.model_versions import NewModelVersion
from assay.entities.runs import Run
from assay.entities.webhooks import MLFLOW_EVENTS
from assay.errors import AlreadyExists
from assay.store.registry import NewWebhook
from assay.store.sql.store import SqlStore, open_sql_store
from assay.store.user import local_cause
from assay.testing.store_contract_base import start

BECAUSE = local_cause()
PROMPT = {"mlflow.prompt.is_prompt": "true", "_mlflow_prompt_type": "text"}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    store = open_sql_store(f"sqlite:///{tmp_path}/assay.db")
    yield store
    store.close()


@pytest.fixture
def webhook_id(store: SqlStore) -> str:
    """A webhook that is told everything that MLflow knows."""
    new = NewWebhook(name="w", url="https://1.1.1.1/", events=sorted(MLFLOW_EVENTS, key=str))
    return store.webhooks.create(new, cause=BECAUSE).webhook_id


@pytest.fixture
def run(store: SqlStore) -> Run:
    return start(store)


def told(store: SqlStore, webhook_id: str) -> list[tuple[str, dict[str, Any]]]:
    found = store.webhooks.deliveries(webhook_id)
    return [(str(one.event), one.payload) for one in reversed(found)]


def test_changes_of_a_model_are_told_once_each(store: SqlStore, webhook_id: str, run: Run) -> None:
    source, run_id = f"runs:/{run.info.run_id}/net", run.info.run_id
    store.registered_models.create("m", tags={"a": "1"}, description="d", cause=BECAUSE)
    new = NewModelVersion(name="m", source=source, tags={"b": "2"})
    store.model_versions.create(new, cause=BECAUSE)
    for _ in range(2):
        store.model_versions.set_tag("m", 1, "c", "3", cause=BECAUSE)
    for _ in range(2):
        store.model_versions.delete_tag("m", 1, "c", cause=BECAUSE)
    store.registered_models.set_tag("m", "quiet", "as in MLflow", cause=BECAUSE)
    for _ in range(2):
        store.registered_models.set_alias("m", "champion", 1, cause=BECAUSE)
    for _ in range(2):
        store.registered_models.delete_alias("m", "champion", cause=BECAUSE)
    one = {"name": "m", "version": "1"}
    assert told(store, webhook_id) == [
        ("registered_model.created", {"name": "m", "tags": {"a": "1"}, "description": "d"}),
        (
            "model_version.created",
            {**one, "source": source, "run_id": run_id, "tags": {"b": "2"}, "description": None},
        ),
        ("model_version_tag.set", {**one, "key": "c", "value": "3"}),
        ("model_version_tag.deleted", {**one, "key": "c"}),
        ("model_version_alias.created", {**one, "alias": "champion"}),
        ("model_version_alias.deleted", {"name": "m", "alias": "champion"}),
    ]


def test_changes_of_a_prompt_are_told_as_such(store: SqlStore, webhook_id: str) -> None:
    store.registered_models.create("p", tags={**PROMPT, "team": "a"}, cause=BECAUSE)
    tags = {**PROMPT, "mlflow.prompt.text": "Hello {{name}}", "tone": "kind"}
    new = NewModelVersion(name="p", source="prompt-template", tags=tags)
    store.model_versions.create(new, cause=BECAUSE)
    store.registered_models.set_tag("p", "a", "1", cause=BECAUSE)
    store.registered_models.delete_tag("p", "a", cause=BECAUSE)
    store.model_versions.set_tag("p", 1, "b", "2", cause=BECAUSE)
    store.model_versions.delete_tag("p", 1, "b", cause=BECAUSE)
    store.registered_models.set_alias("p", "live", 1, cause=BECAUSE)
    store.registered_models.delete_alias("p", "live", cause=BECAUSE)
    one = {"name": "p", "version": "1"}
    assert told(store, webhook_id) == [
        ("prompt.created", {"name": "p", "tags": {"team": "a"}, "description": None}),
        (
            "prompt_version.created",
            {**one, "template": "Hello {{name}}", "tags": {"tone": "kind"}, "description": None},
        ),
        ("prompt_tag.set", {"name": "p", "key": "a", "value": "1"}),
        ("prompt_tag.deleted", {"name": "p", "key": "a"}),
        ("prompt_version_tag.set", {**one, "key": "b", "value": "2"}),
        ("prompt_version_tag.deleted", {**one, "key": "b"}),
        ("prompt_alias.created", {**one, "alias": "live"}),
        ("prompt_alias.deleted", {"name": "p", "alias": "live"}),
    ]


def test_refused_change_is_told_to_nobody(store: SqlStore, webhook_id: str) -> None:
    store.registered_models.create("m", cause=BECAUSE)
    with pytest.raises(AlreadyExists):
        store.registered_models.create("m", tags={"a": "1"}, cause=BECAUSE)
    assert len(told(store, webhook_id)) == 1
