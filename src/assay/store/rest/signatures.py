"""Signatures of versions on an Assay server."""

from __future__ import annotations

from assay.entities.audit import Cause
from assay.entities.model_versions import VersionSignature
from assay.store.registry import SignatureStore
from assay.store.rest import mlflow_wire as mw
from assay.store.rest import registry_governance_wire as gw
from assay.store.rest.registry_routes import RegistryRoutes
from assay.store.rest.server import Server


class RestSignatures(SignatureStore):
    """Signatures over HTTP."""

    def __init__(self, server: Server) -> None:
        self._routes = RegistryRoutes(server, "keep signatures of versions")

    def add(self, name: str, version: int, signature: VersionSignature, *, cause: Cause) -> None:  # noqa: D102 - the contract is in the base class
        request = gw.AddSignature(name, version, signature, cause.reason)
        self._routes.post("signatures/add", mw.Nothing, request)

    def of(self, name: str, version: int) -> list[VersionSignature]:  # noqa: D102
        return self._routes.get(
            "signatures/list", gw.Signatures, name=name, version=version
        ).signatures
