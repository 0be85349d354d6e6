"""Edges of a lineage in SQL: what a set of nodes came of, and what came of them.

Each call runs a fixed number of statements, however many nodes it is given. A version hangs on the
version that it is a copy of, else on its logged model, and on its run only where the model isn't
that run's: so nothing is shown twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from assay.entities.governance import NodeKind
from assay.store.sql.statements import Sql

if TYPE_CHECKING:
    from sqlalchemy import Connection

MAX_ROWS: Final = 20_000
"""Edges that one statement reads; more than the largest graph has nodes."""


class Key(NamedTuple):
    """A node: the id of a run, logged model or deployment, digest and name of a data set,
    ``version_id`` of a version, or ``name/version`` of one that was deleted.
    """

    kind: NodeKind
    ident: Any


class Edge(NamedTuple):
    """From what was there first to what came of it."""

    source: Key
    target: Key
    relation: str


_USED, _MADE, _COPIED = "used", "made", "copied to"
_REGISTERED, _DEPLOYED = "registered as", "deployed as"
_USES = (
    "SELECT d.digest, d.name, i.run_id FROM dataset_inputs i"
    " JOIN datasets d ON d.dataset_id = i.dataset_id"
)
_ORDER = "ORDER BY 1, 2, 3 LIMIT ?"
_DATASETS_OF_RUNS = Sql(f"{_USES} WHERE i.run_id IN (??) {_ORDER}")
_RUNS_OF_DATASETS = Sql(f"{_USES} WHERE d.digest IN (??) {_ORDER}")
_MODELS_INTO_RUNS = Sql(
    "SELECT model_id, run_id FROM model_inputs WHERE run_id IN (??) ORDER BY 1, 2 LIMIT ?"
)
_RUNS_WITH_MODELS = Sql(
    "SELECT model_id, run_id FROM model_inputs WHERE model_id IN (??) ORDER BY 1, 2 LIMIT ?"
)
_SOURCES = "SELECT source_run_id, model_id FROM logged_models WHERE source_run_id <> ''"
_MAKERS = Sql(
    f"{_SOURCES} AND model_id IN (??)"  # noqa: S608
    " UNION SELECT run_id, model_id FROM model_outputs WHERE model_id IN (??) ORDER BY 1, 2 LIMIT ?"
)
_MODELS_FROM_RUNS = Sql(
    f"{_SOURCES} AND source_run_id IN (??)"  # noqa: S608
    " UNION SELECT run_id, model_id FROM model_outputs WHERE run_id IN (??) ORDER BY 1, 2 LIMIT ?"
)
_VERSIONS = (
    "SELECT v.version_id, coalesce(v.model_id, v.files_model_id),"
    " coalesce(v.run_id, v.files_run_id), m.source_run_id, o.version_id FROM model_versions v"
    " LEFT JOIN logged_models m ON m.model_id = coalesce(v.model_id, v.files_model_id)"
    " LEFT JOIN model_versions o ON o.version_id = v.copied_from"
)
_BY_VERSION = "ORDER BY 1 LIMIT ?"
_VERSIONS_BY_ID = Sql(f"{_VERSIONS} WHERE v.version_id IN (??) {_BY_VERSION}")
_COPIES = Sql(f"{_VERSIONS} WHERE v.copied_from IN (??) {_BY_VERSION}")
_VERSIONS_OF_RUNS = Sql(
    f"{_VERSIONS} WHERE v.run_id IN (??) OR v.files_run_id IN (??) {_BY_VERSION}"
)
_VERSIONS_OF_MODELS = Sql(
    f"{_VERSIONS} WHERE v.model_id IN (??) OR v.files_model_id IN (??) {_BY_VERSION}"
)
_DEPLOYED_VERSIONS = Sql(
    "SELECT v.version_id, coalesce(m.name, d.name), d.version, d.deployment_id FROM deployments d"
    " LEFT JOIN registered_models m ON m.registered_id = d.registered_id"
    " LEFT JOIN model_versions v ON v.registered_id = d.registered_id AND v.version = d.version"
    " WHERE d.deployment_id IN (??) ORDER BY d.deployment_id LIMIT ?"
)
_DEPLOYMENTS_OF = Sql(
    "SELECT v.version_id, d.deployment_id FROM model_versions v"
    " JOIN deployments d ON d.registered_id = v.registered_id AND d.version = v.version"
    " WHERE v.version_id IN (??) ORDER BY 1, 2 LIMIT ?"
)


class Reader:
    """Reads edges; ``full`` tells whether a statement met its limit, so that some are missing."""

    def __init__(self, conn: Connection) -> None:
        self._conn = conn
        self.full = False

    def upstream(self, nodes: Iterable[Key]) -> list[Edge]:
        """The edges that lead to these nodes."""
        return self._read(nodes, _UPSTREAM)

    def downstream(self, nodes: Iterable[Key]) -> list[Edge]:
        """The edges that lead away from these nodes."""
        return self._read(nodes, _DOWNSTREAM)

    def rows(self, statement: Sql, *params: Any) -> list[tuple[Any, ...]]:
        """The rows of a statement that ends with ``LIMIT ?``."""
        rows = statement.all(self._conn, *params, MAX_ROWS)
        self.full = self.full or len(rows) == MAX_ROWS
        return rows

    def _read(self, nodes: Iterable[Key], roads: _Roads) -> list[Edge]:
        by_kind: dict[NodeKind, list[Any]] = {}
        for kind, ident in nodes:
            by_kind.setdefault(kind, []).append(ident)
        return [
            edge
            for kind, idents in by_kind.items()
            for road in roads.get(kind, ())
            for edge in road(self, idents)
        ]


_Roads = dict[NodeKind, tuple[Callable[[Reader, list[Any]], list[Edge]], ...]]


def _dataset(row: tuple[Any, ...]) -> Key:
    return Key(NodeKind.DATASET, (row[0], row[1]))


def _run(ident: str) -> Key:
    return Key(NodeKind.RUN, ident)


def _model(ident: str) -> Key:
    return Key(NodeKind.LOGGED_MODEL, ident)


def _version(ident: int | str) -> Key:
    return Key(NodeKind.VERSION, ident)


def _existing(idents: list[Any]) -> list[int]:
    """Versions that aren't deleted; nothing else is known of the others."""
    return [ident for ident in idents if isinstance(ident, int)]


def _to_version(row: tuple[Any, ...]) -> list[Edge]:
    version_id, model_id, run_id, model_run_id, original = row
    to = _version(version_id)
    if original is not None:
        return [Edge(_version(original), to, _COPIED)]
    edges = [] if model_id is None else [Edge(_model(model_id), to, _REGISTERED)]
    if run_id and run_id != model_run_id:
        edges.append(Edge(_run(run_id), to, _REGISTERED))
    return edges


def _to_versions(rows: list[tuple[Any, ...]], kind: NodeKind, idents: list[Any]) -> list[Edge]:
    """Those edges that come from these nodes."""
    wanted = {Key(kind, ident) for ident in idents}
    return [edge for row in rows for edge in _to_version(row) if edge.source in wanted]


def _used_by_runs(reader: Reader, runs: list[str]) -> list[Edge]:
    datasets = reader.rows(_DATASETS_OF_RUNS, runs)
    models = reader.rows(_MODELS_INTO_RUNS, runs)
    return [Edge(_dataset(row), _run(row[2]), _USED) for row in datasets] + [
        Edge(_model(model), _run(run), _USED) for model, run in models
    ]


def _made_models(reader: Reader, models: list[str]) -> list[Edge]:
    rows = reader.rows(_MAKERS, models, models)
    return [Edge(_run(run), _model(model), _MADE) for run, model in rows]


def _behind_versions(reader: Reader, versions: list[Any]) -> list[Edge]:
    rows = reader.rows(_VERSIONS_BY_ID, _existing(versions))
    return [edge for row in rows for edge in _to_version(row)]


def _behind_deployments(reader: Reader, deployments: list[str]) -> list[Edge]:
    return [
        Edge(
            _version(f"{name}/{version}" if version_id is None else version_id),
            Key(NodeKind.DEPLOYMENT, deployment_id),
            _DEPLOYED,
        )
        for version_id, name, version, deployment_id in reader.rows(_DEPLOYED_VERSIONS, deployments)
    ]


def _with_datasets(reader: Reader, datasets: list[tuple[str, str]]) -> list[Edge]:
    rows = reader.rows(_RUNS_OF_DATASETS, sorted({digest for digest, _ in datasets}))
    wanted = set(datasets)
    return [Edge(_dataset(row), _run(row[2]), _USED) for row in rows if row[:2] in wanted]


def _from_runs(reader: Reader, runs: list[str]) -> list[Edge]:
    made = reader.rows(_MODELS_FROM_RUNS, runs, runs)
    versions = reader.rows(_VERSIONS_OF_RUNS, runs, runs)
    return [Edge(_run(run), _model(model), _MADE) for run, model in made] + _to_versions(
        versions, NodeKind.RUN, runs
    )


def _from_models(reader: Reader, models: list[str]) -> list[Edge]:
    used = reader.rows(_RUNS_WITH_MODELS, models)
    versions = reader.rows(_VERSIONS_OF_MODELS, models, models)
    return [Edge(_model(model), _run(run), _USED) for model, run in used] + _to_versions(
        versions, NodeKind.LOGGED_MODEL, models
    )


def _from_versions(reader: Reader, versions: list[Any]) -> list[Edge]:
    existing = _existing(versions)
    copies = _to_versions(reader.rows(_COPIES, existing), NodeKind.VERSION, existing)
    return copies + [
        Edge(_version(version), Key(NodeKind.DEPLOYMENT, deployment), _DEPLOYED)
        for version, deployment in reader.rows(_DEPLOYMENTS_OF, existing)
    ]


_UPSTREAM: Final[_Roads] = {
    NodeKind.RUN: (_used_by_runs,),
    NodeKind.LOGGED_MODEL: (_made_models,),
    NodeKind.VERSION: (_behind_versions,),
    NodeKind.DEPLOYMENT: (_behind_deployments,),
}
_DOWNSTREAM: Final[_Roads] = {
    NodeKind.DATASET: (_with_datasets,),
    NodeKind.RUN: (_from_runs,),
    NodeKind.LOGGED_MODEL: (_from_models,),
    NodeKind.VERSION: (_from_versions,),
}
