"""Policies of an Assay server."""

from __future__ import annotations

from assay.entities.audit import Cause
from assay.entities.transitions import PolicyRevision
from assay.store.registry import PolicyStore
from assay.store.rest import mlflow_wire as mw
from assay.store.rest import registry_governance_wire as gw
from assay.store.rest.registry_routes import RegistryRoutes
from assay.store.rest.server import Server


class RestPolicies(PolicyStore):
    """Policies over HTTP."""

    def __init__(self, server: Server) -> None:
        self._routes = RegistryRoutes(server, "keep policies")

    def set(self, name: str, text: str, *, cause: Cause) -> PolicyRevision:  # noqa: D102 - the contract is in the base class
        request = gw.SetPolicy(name, text, cause.reason)
        # The same text again makes no new revision.
        return self._routes.post("policies/set", PolicyRevision, request, repeatable=True)

    def remove(self, name: str, *, cause: Cause) -> None:  # noqa: D102
        self._routes.post("policies/remove", mw.Nothing, gw.RemovePolicy(name, cause.reason))

    def find(self, name: str) -> PolicyRevision | None:  # noqa: D102
        return self._routes.get("policies/get", gw.PolicyFound, name=name).policy

    def revisions(self, name: str) -> list[PolicyRevision]:  # noqa: D102
        return self._routes.get("policies/revisions", gw.PolicyRevisions, name=name).revisions
