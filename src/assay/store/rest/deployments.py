"""Deployments of versions, as an Assay server knows them."""

from __future__ import annotations

from collections.abc import Sequence

from assay.entities.audit import Cause
from assay.entities.governance import Deployment, ServingAlert
from assay.entities.served_figures import ServedFigures
from assay.store.registry import DeploymentStore
from assay.store.rest import mlflow_wire as mw
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

    def alert(self, alert: ServingAlert, *, cause: Cause) -> None:  # noqa: D102
        self._routes.post("deployments/alert", mw.Nothing, gw.RaiseAlert(alert, cause.reason))

    def of(self, *, name: str | None = None, version: int | None = None) -> list[Deployment]:  # noqa: D102
        return self._routes.get(
            "deployments/list", gw.Deployments, name=name, version=version
        ).deployments

    def tell(self, figures: Sequence[ServedFigures]) -> None:  # noqa: D102
        request = gw.TellFigures(list(figures))
        self._routes.post("deployments/tell", mw.Nothing, request, repeatable=True)

    def figures(self, *, name: str | None = None) -> list[ServedFigures]:  # noqa: D102
        return self._routes.get("deployments/figures", gw.Figures, name=name).figures
