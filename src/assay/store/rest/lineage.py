"""Lineage, as an Assay server knows it."""

from __future__ import annotations

from assay.entities.governance import Direction, Lineage, NodeKind
from assay.store.registry import LineageStore
from assay.store.rest.registry_routes import RegistryRoutes
from assay.store.rest.server import Server


class RestLineage(LineageStore):
    """Lineage over HTTP."""

    def __init__(self, server: Server) -> None:
        self._routes = RegistryRoutes(server, "follow a lineage")

    def graph(  # noqa: D102 - the contract is in the base class
        self,
        kind: NodeKind,
        ident: str,
        *,
        direction: Direction = Direction.BOTH,
        depth: int = 10,
        limit: int = 500,
    ) -> Lineage:
        return self._routes.get(
            "lineage",
            Lineage,
            kind=kind.value,
            id=ident,
            direction=direction.value,
            depth=depth,
            limit=limit,
        )
