"""Changes of all kinds at once: none waits for another for ever, and all leave one story."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from assay.errors import InvalidInput
from assay.store.sql.store import SqlStore, open_sql_store
from tests.unit.store.registry_state import (
    assert_whole,
    in_threads,
    make_versions,
    somebody,
)

ANN = somebody("ann")


def opened(uri: str) -> Iterator[SqlStore]:
    store = open_sql_store(uri)
    yield store
    store.close()


class ConcurrencyTests:
    """What holds on both databases."""

    def test_changes_of_all_kinds_at_once_leave_a_whole_registry(self, store: SqlStore) -> None:
        names = ["m", "n"]
        for name in names:
            make_versions(store, name, 6)
            for version in (1, 2):
                store.requests.create(name, version, "Production", cause=ANN)

        def move(name: str, stage: str) -> None:
            for version in range(1, 7):
                store.model_versions.transition(name, version, stage, cause=ANN)

        def point(name: str) -> None:
            for version in range(1, 7):
                store.registered_models.set_alias(name, "best", version, cause=ANN)
            store.registered_models.delete_alias(name, "best", cause=ANN)

        def govern(name: str) -> None:
            for _ in range(3):
                store.policies.set(name, "policy: 1\n", cause=ANN)
                store.policies.remove(name, cause=ANN)

        def back(name: str) -> None:
            for _ in range(3):
                # Whoever is first: there may be nothing to go back to, or nothing to do.
                with contextlib.suppress(InvalidInput):
                    store.requests.rollback(name, "Production", cause=ANN)
                with contextlib.suppress(InvalidInput):
                    store.requests.create(name, 5, "@best", cause=ANN)

        in_threads(
            *(partial(move, name, stage) for name in names for stage in ("Staging", "Archived")),
            *(partial(work, name) for name in names for work in (point, govern, back)),
            partial(govern, ""),
        )
        for name in names:
            assert_whole(store, name)


class TestSqlite(ConcurrencyTests):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[SqlStore]:
        yield from opened(f"sqlite:///{tmp_path}/assay.db")


@pytest.mark.postgres
class TestPostgres(ConcurrencyTests):
    @pytest.fixture
    def store(self, postgres_uri: str) -> Iterator[SqlStore]:
        yield from opened(postgres_uri)
