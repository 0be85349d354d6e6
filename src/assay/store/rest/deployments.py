"""Deployments of versions, as an Assay server knows them."""

from __future__ import annotations

from assay.entities.audit import Cause
from assay.entities.governance import Deployment
from assay.store.registry import DeploymentStore
from assay.store.rest import registry_governance_wire as gw
from assay.store.rest.registry_routes import RegistryRoutes
from assay.store.rest.server import Server


class RestDeployments(DeploymentStore):
    """Deployments over HTTP."""

    def __init__(self, server: Server) -> None:
        self._routes = RegistryRoutes(server, "keep deployments")

    def record(self, deployment: Deployment, *, cause: Cause) -> Deployment:  # noqa: D102 - the contract is in the base class
        request = gw.RecordDeployment(deployment, cause.reason)
        return self._routes.post("deployments/record", Deployment, request)

    def end(self, deployment_id: str, *, cause: Cause) -> Deployment:  # noqa: D102
        request = gw.EndDeployment(deployment_id, cause.reason)
        return self._routes.post("deployments/end", Deployment, request)

    def of(self, *, name: str | None = None, version: int | None = None) -> list[Deployment]:  # noqa: D102
        return self._routes.get(
            "deployments/list", gw.Deployments, name=name, version=version
        ).deployments
