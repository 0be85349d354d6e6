"""The contract of a store with a registry, put together from one file per resource."""

from __future__ import annotations

from assay.testing.store_contract_audit import AuditContract
from assay.testing.store_contract_deployments import DeploymentContract
from assay.testing.store_contract_lineage import LineageContract
from assay.testing.store_contract_model_versions import ModelVersionContract
from assay.testing.store_contract_policies import PolicyContract
from assay.testing.store_contract_registered_models import RegisteredModelContract
from assay.testing.store_contract_rollbacks import RollbackContract
from assay.testing.store_contract_rules import RuleContract

__all__ = ["RegistryContract"]


class RegistryContract(
    RegisteredModelContract,
    ModelVersionContract,
    PolicyContract,
    RollbackContract,
    AuditContract,
    RuleContract,
    DeploymentContract,
    LineageContract,
):
    """All that ``assay.store.registry`` promises."""
