"""Figures of scoring servers in SQL: they are bounded, in time and in number."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from assay.entities.ids import ExperimentId, new_run_id
from assay.entities.model_versions import NewModelVersion
from assay.entities.runs import NewRun
from assay.entities.served_figures import Part, ServedFigures
from assay.errors import LimitExceeded
from assay.store.base import Store
from assay.store.sql import served_figures
from assay.store.sql.store import open_sql_store
from assay.store.user import local_cause

HOUR_MS = 3_600_000


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = open_sql_store(f"sqlite:///{tmp_path}/a.db")
    run_id = made.runs.create(NewRun(new_run_id(), ExperimentId("0"), 1)).info.run_id
    made.registered_models.create("digits", cause=local_cause())
    new = NewModelVersion(name="digits", source=f"runs:/{run_id}/model", run_id=run_id)
    made.model_versions.create(new, cause=local_cause())
    yield made
    made.close()


def told(server_id: str) -> ServedFigures:
    return ServedFigures(server_id=server_id, name="digits", version=1, part=Part.MAIN)


def servers(store: Store) -> list[str]:
    return [one.server_id for one in store.deployments.figures()]


def test_servers_that_tell_nothing_for_an_hour_are_forgotten(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1_800_000_000_000]
    monkeypatch.setattr(served_figures, "now_ms", lambda: now[0])
    store.deployments.tell([told("old")])
    now[0] += HOUR_MS
    store.deployments.tell([told("new")])
    assert servers(store) == ["new", "old"]

    now[0] += 1
    assert servers(store) == ["new"]
    store.deployments.tell([told("new")])
    now[0] -= HOUR_MS
    assert servers(store) == ["new"], "the row itself is gone, not only left out"


def test_so_many_servers_are_kept_and_those_that_are_may_go_on(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(served_figures, "MAX_KEPT", 2)
    store.deployments.tell([told("a")])
    store.deployments.tell([told("b")])
    with pytest.raises(LimitExceeded, match="all servers"):
        store.deployments.tell([told("c")])
    store.deployments.tell([told("b")])
    assert servers(store) == ["a", "b"]
