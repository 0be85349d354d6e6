"""Requests to move versions, and rollbacks, on an Assay server."""

from __future__ import annotations

from collections.abc import Sequence

from assay.entities.audit import Cause
from assay.entities.model_versions import ModelVersion
from assay.entities.page import Page
from assay.entities.transitions import GateResult, RequestStatus, TransitionRequest
from assay.store.registry import RequestStore
from assay.store.rest import registry_governance_wire as gw
from assay.store.rest.registry_routes import RegistryRoutes
from assay.store.rest.server import Server


class RestRequests(RequestStore):
    """Requests over HTTP."""

    def __init__(self, server: Server) -> None:
        self._routes = RegistryRoutes(server, "keep requests to move versions")

    def create(self, name: str, version: int, target: str, *, cause: Cause) -> TransitionRequest:  # noqa: D102 - the contract is in the base class
        request = gw.CreateRequest(name, version, target, cause.reason)
        return self._routes.post("requests/create", TransitionRequest, request)

    def get(self, request_id: str) -> TransitionRequest:  # noqa: D102
        return self._routes.get("requests/get", TransitionRequest, request_id=request_id)

    def search(  # noqa: D102
        self,
        *,
        name: str | None = None,
        version: int | None = None,
        statuses: Sequence[RequestStatus] = (),
        max_results: int = 100,
        page_token: str | None = None,
    ) -> Page[TransitionRequest]:
        return self._routes.get(
            "requests/search",
            Page[TransitionRequest],
            name=name,
            version=version,
            statuses=[status.value for status in statuses],
            max_results=max_results,
            page_token=page_token,
        )

    def approve(self, request_id: str, *, cause: Cause) -> TransitionRequest:  # noqa: D102
        return self._act("approve", request_id, cause)

    def reject(self, request_id: str, *, cause: Cause) -> TransitionRequest:  # noqa: D102
        return self._act("reject", request_id, cause)

    def cancel(self, request_id: str, *, cause: Cause) -> TransitionRequest:  # noqa: D102
        return self._act("cancel", request_id, cause)

    def _act(self, verb: str, request_id: str, cause: Cause) -> TransitionRequest:
        request = gw.RequestAct(request_id, cause.reason)
        return self._routes.post(f"requests/{verb}", TransitionRequest, request)

    def claim(  # noqa: D102
        self, worker: str, *, lease_s: float = 600.0, request_id: str | None = None, cause: Cause
    ) -> TransitionRequest | None:
        request = gw.ClaimRequest(worker, lease_s, request_id, cause.reason)
        # Without an id, a second claim could take a second request.
        again = request_id is not None
        return self._routes.post(
            "requests/claim", gw.RequestFound, request, repeatable=again
        ).request

    def record_checks(  # noqa: D102
        self, request_id: str, results: Sequence[GateResult], *, worker: str, cause: Cause
    ) -> TransitionRequest:
        request = gw.RecordChecks(request_id, list(results), worker, cause.reason)
        return self._routes.post("requests/record-checks", TransitionRequest, request)

    def rollback(self, name: str, target: str, *, cause: Cause) -> list[ModelVersion]:  # noqa: D102
        request = gw.Rollback(name, target, cause.reason)
        return self._routes.post("rollback", gw.Versions, request).versions
