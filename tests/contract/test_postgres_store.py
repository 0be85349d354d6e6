"""The store contract over PostgreSQL 15 and 18."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from assay.store.sql.store import SqlStore, open_sql_store
from assay.testing.store_contract import StoreContract
from assay.testing.store_contract_experiments import ExperimentIdContract
from assay.testing.store_contract_logged_models import ModelIdContract
from assay.testing.store_contract_registry import RegistryContract
from assay.testing.store_contract_runs import RunIdContract


@pytest.mark.postgres
class TestPostgresStore(
    StoreContract, ExperimentIdContract, RunIdContract, ModelIdContract, RegistryContract
):
    """A database of its own per test."""

    @pytest.fixture
    def store(self, postgres_uri: str) -> Iterator[SqlStore]:
        store = open_sql_store(postgres_uri)
        yield store
        store.close()
