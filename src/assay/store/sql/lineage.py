"""Lineage in SQL: what something came of, and what came of it.

Followed level by level, with a fixed number of statements a level. Both directions together mean
the ancestors and the descendants, not what else came of an ancestor: a data set of a thousand runs
would hide the one that matters.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from assay import errors
from assay.entities.governance import Direction, Lineage, LineageEdge, LineageNode, NodeKind
from assay.store.registry import LineageStore
from assay.store.sql.database import Database
from assay.store.sql.lineage_edges import Edge, Key, Reader
from assay.store.sql.lineage_facts import describe, find_start

if TYPE_CHECKING:
    from sqlalchemy import Connection

MAX_DEPTH: Final = 100
MAX_NODES: Final = 5_000


class _Walk:
    """One graph: nodes in the order in which they were met, nearest first."""

    def __init__(self, conn: Connection, start: Key, *, limit: int) -> None:
        self._reader = Reader(conn)
        self._limit = limit
        self.nodes: dict[Key, None] = {start: None}
        self._edges: dict[Edge, None] = {}
        self._left_out = False

    def follow(self, ways: list[Direction], depth: int) -> None:
        """Follow these ways from the start, all of them a level at a time.

        One level more is read for the edges between nodes that are there already.
        """
        frontiers = {way: list(self.nodes) for way in ways}
        seen = {way: set(self.nodes) for way in ways}
        for level in range(depth + 1):
            for way in ways:
                frontiers[way] = self._step(way, frontiers[way], seen[way], last=level == depth)

    def _step(self, way: Direction, nodes: list[Key], seen: set[Key], *, last: bool) -> list[Key]:
        if not nodes:
            return []
        up = way is Direction.UPSTREAM
        found = self._reader.upstream(nodes) if up else self._reader.downstream(nodes)
        reached = []
        for edge in found:
            self._edges[edge] = None
            node = edge.source if up else edge.target
            if node not in seen and not last and self._keep(node):
                seen.add(node)
                reached.append(node)
        return reached

    def _keep(self, node: Key) -> bool:
        if node not in self.nodes and len(self.nodes) >= self._limit:
            self._left_out = True
            return False
        self.nodes[node] = None
        return True

    @property
    def truncated(self) -> bool:
        """Whether something within the depth is missing."""
        return self._left_out or self._reader.full

    @property
    def edges(self) -> list[Edge]:
        """Edges between nodes of the graph."""
        return [e for e in self._edges if e.source in self.nodes and e.target in self.nodes]


def _check(what: str, number: int, *, least: int, most: int) -> None:
    if not least <= number <= most:
        raise errors.InvalidInput(
            f"Invalid value {number} for {what}: it must be from {least} to {most}."
        )


def _name(node: LineageNode) -> str:
    return f"{node.kind.value}:{node.id}"


class SqlLineage(LineageStore):
    """Lineage over the tables of a SQL store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def graph(
        self,
        kind: NodeKind,
        ident: str,
        *,
        direction: Direction = Direction.BOTH,
        depth: int = 10,
        limit: int = 500,
    ) -> Lineage:
        """What one thing came of and what came of it, the nearest first."""
        _check("depth", depth, least=0, most=MAX_DEPTH)
        _check("limit", limit, least=1, most=MAX_NODES)
        both = [Direction.UPSTREAM, Direction.DOWNSTREAM]
        with self._database.read() as conn:
            start = find_start(conn, kind, ident)
            walk = _Walk(conn, start, limit=limit)
            walk.follow(both if direction is Direction.BOTH else [direction], depth)
            nodes = describe(conn, list(walk.nodes))
        edges = [
            LineageEdge(_name(nodes[edge.source]), _name(nodes[edge.target]), edge.relation)
            for edge in walk.edges
        ]
        told = [nodes[key] for key in walk.nodes]
        return Lineage(_name(nodes[start]), told, edges, walk.truncated)
