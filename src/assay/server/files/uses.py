"""Who made a file and who uses it, as far as it is recorded; nothing is claimed of the rest.

A file of a model is used by what the model is: its versions, their copies and deployments, and the
runs that name the model as an input. A file of a run is used by the versions whose folder it lies
in. Any file is used by the runs that name a data set of its very content as an input.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from assay.data.digests import DIGEST_LENGTH
from assay.entities.governance import Direction, Lineage, LineageNode, NodeKind
from assay.errors import InvalidInput, NotFound
from assay.store.base import Store

_DEPTH = 3
_MOST = 200
_MOST_VERSIONS = 50
"""Versions of one run whose folders are compared with the file's."""


class Use(msgspec.Struct, frozen=True):
    """Something that the file went into."""

    node: LineageNode
    relation: str
    """How it came of what is before it: ``used``, ``registered as``, ``copied to``, ``deployed
    as``."""
    by: str
    """What tells: ``model``, the file is one of its files, or ``dataset``, it has its content."""


class Uses(msgspec.Struct, frozen=True):
    """What is recorded about one file."""

    made_by: LineageNode | None
    uses: list[Use]
    truncated: bool = False
    """There are more."""


class Whose(msgspec.Struct, frozen=True):
    """What the file is among the files of."""

    kind: NodeKind
    id: str
    uri: str
    """Where its files are."""
    made_by: str | None
    """The run behind it."""
    seen_from: str = ""
    """The version, as ``name/number``, whose files are looked at: it isn't told to be a use."""


def uses_of(store: Store, whose: Whose, path: str, *, sha256: str | None) -> Uses:
    """What the file at ``path`` below ``whose.uri`` came of and went into."""
    truncated = False
    found: dict[tuple[NodeKind, str], Use] = {}
    # A run's own input is no use of what it made.
    known = ((NodeKind.RUN, whose.made_by), (NodeKind.VERSION, whose.seen_from))
    for graph, by in _graphs(store, whose, path, sha256):
        truncated = truncated or graph.truncated
        for use in _told(graph, by):
            what = (use.node.kind, use.node.id)
            if what not in known:
                found.setdefault(what, use)
    maker = _node_of(store, whose.made_by) if whose.made_by else None
    return Uses(maker, list(found.values())[:_MOST], truncated or len(found) > _MOST)


def _node_of(store: Store, run_id: str) -> LineageNode:
    try:
        return store.lineage.graph(NodeKind.RUN, run_id, depth=0, limit=1).nodes[0]
    except NotFound:  # purged since
        return LineageNode(kind=NodeKind.RUN, id=run_id, facts={"deleted": True})


def _graphs(
    store: Store, whose: Whose, path: str, sha256: str | None
) -> Iterator[tuple[Lineage, str]]:
    if whose.kind is NodeKind.RUN:
        for version in _versions_around(store, whose, path):
            yield _downstream(store, NodeKind.VERSION, version.id, depth=2), "model"
    else:
        yield _downstream(store, whose.kind, whose.id, depth=_DEPTH), "model"
    if sha256 is not None:
        try:
            digest = sha256[:DIGEST_LENGTH]
            yield _downstream(store, NodeKind.DATASET, digest, depth=1), "dataset"
        except (NotFound, InvalidInput):
            # None has this content, or several names do, and none of them is the one.
            return


def _downstream(store: Store, kind: NodeKind, ident: str, *, depth: int) -> Lineage:
    return store.lineage.graph(
        kind, ident, direction=Direction.DOWNSTREAM, depth=depth, limit=_MOST
    )


def _versions_around(store: Store, whose: Whose, path: str) -> list[LineageNode]:
    """The versions that a run's folder around the file was registered as."""
    graph = _downstream(store, NodeKind.RUN, whose.id, depth=1)
    versions = [node for node in graph.nodes if node.kind is NodeKind.VERSION][:_MOST_VERSIONS]
    file = f"{whose.uri.rstrip('/')}/{path}"
    found = []
    for node in versions:
        name, _, number = node.id.rpartition("/")
        folder = store.model_versions.download_uri(name, int(number)).rstrip("/")
        if file.startswith(f"{folder}/"):
            found.append(node)
    return found


def _told(graph: Lineage, by: str) -> Iterator[Use]:
    relations = {edge.target: edge.relation for edge in graph.edges}
    for node in graph.nodes:
        name = f"{node.kind.value}:{node.id}"
        if name != graph.start:
            yield Use(node, relations.get(name, "used"), by)
        elif node.kind is NodeKind.VERSION and by == "model":
            yield Use(node, "registered as", by)
