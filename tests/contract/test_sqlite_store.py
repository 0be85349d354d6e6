"""The store contract over SQLite."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from assay.store.sql.store import SqlStore, open_sql_store
from assay.testing.store_contract import StoreContract
from assay.testing.store_contract_experiments import ExperimentIdContract
from assay.testing.store_contract_logged_models import ModelIdContract
from assay.testing.store_contract_registry import RegistryContract
from assay.testing.store_contract_runs import RunIdContract


class TestSqliteStore(
    StoreContract, ExperimentIdContract, RunIdContract, ModelIdContract, RegistryContract
):
    """A file in a fresh folder."""

    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[SqlStore]:
        store = open_sql_store(f"sqlite:///{tmp_path}/assay.db")
        yield store
        store.close()
