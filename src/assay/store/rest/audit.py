"""The audit log of an Assay server."""

from __future__ import annotations

from assay.entities.audit import AuditHead, AuditRecord, AuditReport
from assay.store.registry import AuditStore
from assay.store.rest import registry_governance_wire as gw
from assay.store.rest.registry_routes import RegistryRoutes
from assay.store.rest.server import Server


class RestAudit(AuditStore):
    """The audit log over HTTP.

    ``verify`` lets the server compute the digests. Whoever doesn't believe it computes them here:
    ``assay.policies.chain.verify_records`` over ``iterate()``.
    """

    def __init__(self, server: Server) -> None:
        self._routes = RegistryRoutes(server, "show an audit log")

    def page(  # noqa: D102 - the contract is in the base class
        self, *, name: str | None = None, after: int = 0, max_results: int = 1_000
    ) -> list[AuditRecord]:
        return self._routes.get(
            "audit/page", gw.AuditPage, name=name, after=after, max_results=max_results
        ).records

    def head(self) -> AuditHead:  # noqa: D102
        return self._routes.get("audit/head", AuditHead)

    def verify(self, anchor: AuditHead | None = None) -> AuditReport:  # noqa: D102
        return self._routes.post(
            "audit/verify", AuditReport, gw.VerifyAudit(anchor), repeatable=True
        )

    def holders(self, name: str, target: str, time_ms: int) -> list[int]:  # noqa: D102
        return self._routes.get(
            "audit/holders", gw.Holders, name=name, target=target, time_ms=time_ms
        ).versions
