"""The store contract over PostgreSQL: all of it over 15, the oldest that is supported.

Over 18 runs what a version may do otherwise: plans and orders of searches, JSON, arrays and bulk
writes. What only puts rows in and gets them by their key is left to the first; what takes locks is
tested over both in ``tests/unit/store``.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from assay.store.sql.store import SqlStore, open_sql_store
from assay.testing.store_contract import StoreContract
from assay.testing.store_contract_audit import AuditContract
from assay.testing.store_contract_base import ContractPart
from assay.testing.store_contract_deliveries import DeliveryContract
from assay.testing.store_contract_experiments import ExperimentIdContract
from assay.testing.store_contract_lineage import LineageContract
from assay.testing.store_contract_logged_models import ModelIdContract
from assay.testing.store_contract_metrics import MetricContract
from assay.testing.store_contract_model_versions import ModelVersionContract
from assay.testing.store_contract_point_figures import PointFigureContract
from assay.testing.store_contract_registered_models import RegisteredModelContract
from assay.testing.store_contract_registry import RegistryContract
from assay.testing.store_contract_run_views import RunViewContract
from assay.testing.store_contract_runs import BatchContract, RunIdContract
from assay.testing.store_contract_search import SearchContract
from tests.services.postgres import only_postgres


class PostgresStoreTests(ContractPart):
    @pytest.fixture
    def store(self, postgres_uri: str) -> Iterator[SqlStore]:
        """A database of its own per test."""
        store = open_sql_store(postgres_uri)
        yield store
        store.close()


@pytest.mark.postgres
@only_postgres(15)
class TestPostgres15Store(
    PostgresStoreTests,
    StoreContract,
    ExperimentIdContract,
    RunIdContract,
    ModelIdContract,
    RegistryContract,
):
    """All of it."""


@pytest.mark.postgres
@only_postgres(18)
class TestPostgres18Store(
    PostgresStoreTests,
    SearchContract,
    RunViewContract,
    PointFigureContract,
    BatchContract,
    MetricContract,
    DeliveryContract,
    RegisteredModelContract,
    ModelVersionContract,
    LineageContract,
    AuditContract,
):
    """What may differ by version."""
