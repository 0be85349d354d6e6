"""The contract of a store, as tests: every implementation runs them.

Make a subclass whose name starts with ``Test`` and give it a fixture ``store`` that opens a fresh,
empty store::

    class TestMyStore(StoreContract):
        @pytest.fixture
        def store(self, tmp_path):
            store = open_my_store(tmp_path)
            yield store
            store.close()

The class is put together from one file per resource.
"""

from __future__ import annotations

from assay.testing.store_contract_deliveries import DeliveryContract
from assay.testing.store_contract_experiments import ExperimentContract
from assay.testing.store_contract_inputs import InputContract
from assay.testing.store_contract_jobs import JobContract
from assay.testing.store_contract_logged_models import LoggedModelContract
from assay.testing.store_contract_metrics import MetricContract
from assay.testing.store_contract_point_figures import PointFigureContract
from assay.testing.store_contract_run_bulk import RunBulkContract
from assay.testing.store_contract_run_views import RunViewContract
from assay.testing.store_contract_runs import BatchContract, RunContract
from assay.testing.store_contract_search import SearchContract
from assay.testing.store_contract_webhooks import WebhookContract

__all__ = ["StoreContract"]


class StoreContract(
    ExperimentContract,
    RunContract,
    BatchContract,
    MetricContract,
    InputContract,
    LoggedModelContract,
    SearchContract,
    RunViewContract,
    PointFigureContract,
    RunBulkContract,
    DeliveryContract,
    WebhookContract,
    JobContract,
):
    """All that ``assay.store.base`` promises."""
