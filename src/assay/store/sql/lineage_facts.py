"""Nodes of a lineage in SQL: where one begins, and what is told of each. A fixed number of
statements, however many nodes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any, Final

from sqlalchemy import Connection

from assay import errors
from assay.entities import tags
from assay.entities.governance import LineageNode, NodeKind
from assay.entities.names import check_value
from assay.entities.registry_names import parse_version
from assay.store.sql.lineage_edges import Key
from assay.store.sql.statements import Sql

_PATCH: Final = "assay/source.patch"
"""The artifact in which a run keeps uncommitted changes, unless they are too long."""
_SHOWN_NAMES: Final = 10
_RUN_TAGS: Final = (tags.GIT_COMMIT, tags.GIT_BRANCH, tags.GIT_DIRTY)

_NAMES_OF_DIGEST = Sql("SELECT DISTINCT name FROM datasets WHERE digest = ? ORDER BY name LIMIT ?")
_DATASET = Sql("SELECT 1 FROM datasets WHERE digest = ? AND name = ? LIMIT 1")
_RUN = Sql("SELECT 1 FROM runs WHERE run_id = ?")
_MODEL = Sql("SELECT 1 FROM logged_models WHERE model_id = ?")
_REGISTERED = Sql("SELECT registered_id FROM registered_models WHERE name = ?")
_VERSION = Sql("SELECT version_id FROM model_versions WHERE registered_id = ? AND version = ?")
_DEPLOYMENT = Sql("SELECT 1 FROM deployments WHERE deployment_id = ?")

_DATASETS = Sql(
    "SELECT digest, name, min(source_type), count(*) FROM datasets WHERE digest IN (??)"
    " GROUP BY digest, name"
)
_RUNS = Sql(
    "SELECT r.run_id, r.run_name, r.status, r.experiment_id, e.name, r.user_id, r.start_time,"
    " r.lifecycle_stage FROM runs r JOIN experiments e ON e.experiment_id = r.experiment_id"
    " WHERE r.run_id IN (??)"
)
_TAGS = Sql("SELECT run_id, key, value FROM tags WHERE run_id IN (??) AND key IN (??)")
_MODELS = Sql(
    "SELECT model_id, name, status, model_type, experiment_id, lifecycle_stage FROM logged_models"
    " WHERE model_id IN (??)"
)
_VERSIONS = Sql(
    "SELECT v.version_id, m.name, v.version, v.current_stage, v.status, v.user_id,"
    " v.creation_timestamp FROM model_versions v"
    " JOIN registered_models m ON m.registered_id = v.registered_id WHERE v.version_id IN (??)"
)
_ALIASES = Sql(
    "SELECT v.version_id, a.alias FROM model_versions v JOIN registered_model_aliases a"
    " ON a.registered_id = v.registered_id AND a.version = v.version"
    " WHERE v.version_id IN (??) ORDER BY a.alias"
)
_DEPLOYMENTS = Sql(
    "SELECT deployment_id, target, endpoint, actor, time, ended_time FROM deployments"
    " WHERE deployment_id IN (??)"
)


def find_start(conn: Connection, kind: NodeKind, ident: str) -> Key:
    """The node that ``ident`` names.

    Raises:
        NotFound: there is none.
        InvalidInput: it is malformed, or a digest that data sets of several names have.
    """
    check_value("id", ident)
    if kind is NodeKind.DATASET:
        return _find_dataset(conn, ident)
    if kind is NodeKind.VERSION:
        return _find_version(conn, ident)
    if kind is NodeKind.RUN and _RUN.one(conn, ident) is None:
        raise errors.RunNotFound(ident)
    if kind is NodeKind.LOGGED_MODEL and _MODEL.one(conn, ident) is None:
        raise errors.LoggedModelNotFound(ident)
    if kind is NodeKind.DEPLOYMENT and _DEPLOYMENT.one(conn, ident) is None:
        raise errors.RegistryItemNotFound("deployment", ident)
    return Key(kind, ident)


def _find_dataset(conn: Connection, ident: str) -> Key:
    names = [row[0] for row in _NAMES_OF_DIGEST.all(conn, ident, _SHOWN_NAMES)]
    if len(names) == 1:
        return Key(NodeKind.DATASET, (ident, names[0]))
    if names:
        known = ", ".join(f"{name}@{ident}" for name in names)
        raise errors.InvalidInput(
            f"Several data sets have the digest {ident!r}. Name one of them: {known}."
        )
    # Both parts may hold an @ of their own; digests have 36 characters at most.
    for at in range(max(0, len(ident) - 37), len(ident)):
        if ident[at] == "@" and _DATASET.one(conn, ident[at + 1 :], ident[:at]) is not None:
            return Key(NodeKind.DATASET, (ident[at + 1 :], ident[:at]))
    raise errors.RegistryItemNotFound("data set", ident)


def _find_version(conn: Connection, ident: str) -> Key:
    name, slash, number = ident.rpartition("/")
    if not slash:
        raise errors.InvalidInput(f"{ident!r} names no version: <name>/<version>.")
    version = parse_version(number)
    model = _REGISTERED.one(conn, name)
    if model is None:
        raise errors.RegisteredModelNotFound(name)
    row = _VERSION.one(conn, model[0], version)
    if row is None:
        raise errors.ModelVersionNotFound(name, version)
    return Key(NodeKind.VERSION, row[0])


def describe(conn: Connection, keys: Sequence[Key]) -> dict[Key, LineageNode]:
    """What is told of each node; of what is gone, only that it is."""
    by_kind: dict[NodeKind, list[Any]] = defaultdict(list)
    for kind, ident in keys:
        by_kind[kind].append(ident)
    found: dict[Key, LineageNode] = {}
    for node_kind, look in _LOOK.items():
        if by_kind[node_kind]:
            found |= look(conn, by_kind[node_kind])
    for key in keys:
        if key not in found:
            found[key] = LineageNode(kind=key.kind, id=str(key.ident), facts={"deleted": True})
    return found


def _told(**facts: Any) -> dict[str, Any]:
    """Facts without those that are empty."""
    return {key: value for key, value in facts.items() if value not in (None, "", [], False)}


def _datasets(conn: Connection, idents: list[tuple[str, str]]) -> dict[Key, LineageNode]:
    wanted = set(idents)
    return {
        Key(NodeKind.DATASET, (digest, name)): LineageNode(
            kind=NodeKind.DATASET,
            id=f"{name}@{digest}",
            label=name,
            facts=_told(name=name, digest=digest, source_type=source_type, experiments=count),
        )
        for digest, name, source_type, count in _DATASETS.all(conn, sorted({i[0] for i in idents}))
        if (digest, name) in wanted
    }


def _runs(conn: Connection, idents: list[str]) -> dict[Key, LineageNode]:
    source: dict[str, dict[str, str]] = defaultdict(dict)
    for run_id, key, value in _TAGS.all(conn, idents, list(_RUN_TAGS)):
        source[run_id][key] = value
    found = {}
    for ident, name, status, experiment_id, experiment, user, start_time, stage in _RUNS.all(
        conn, idents
    ):
        own = source[ident]
        facts = _told(
            status=status,
            experiment_id=experiment_id,
            experiment=experiment,
            user=user,
            start_time=start_time,
            commit=own.get(tags.GIT_COMMIT),
            branch=own.get(tags.GIT_BRANCH),
            patch=_PATCH if own.get(tags.GIT_DIRTY) == "true" else None,
            deleted=stage == "deleted",
        )
        node = LineageNode(kind=NodeKind.RUN, id=ident, label=name, facts=facts)
        found[Key(NodeKind.RUN, ident)] = node
    return found


def _models(conn: Connection, idents: list[str]) -> dict[Key, LineageNode]:
    return {
        Key(NodeKind.LOGGED_MODEL, ident): LineageNode(
            kind=NodeKind.LOGGED_MODEL,
            id=ident,
            label=name,
            facts=_told(
                status=status,
                model_type=model_type,
                experiment_id=experiment_id,
                deleted=stage == "deleted",
            ),
        )
        for ident, name, status, model_type, experiment_id, stage in _MODELS.all(conn, idents)
    }


def _versions(conn: Connection, idents: list[Any]) -> dict[Key, LineageNode]:
    existing = [ident for ident in idents if isinstance(ident, int)]
    aliases: dict[int, list[str]] = defaultdict(list)
    for ident, alias in _ALIASES.all(conn, existing):
        aliases[ident].append(alias)
    return {
        Key(NodeKind.VERSION, ident): LineageNode(
            kind=NodeKind.VERSION,
            id=f"{name}/{version}",
            label=f"{name} version {version}",
            facts=_told(
                name=name,
                version=version,
                stage=stage,
                aliases=aliases[ident],
                status=status,
                user=user,
                time=time,
            ),
        )
        for ident, name, version, stage, status, user, time in _VERSIONS.all(conn, existing)
    }


def _deployments(conn: Connection, idents: list[str]) -> dict[Key, LineageNode]:
    return {
        Key(NodeKind.DEPLOYMENT, ident): LineageNode(
            kind=NodeKind.DEPLOYMENT,
            id=ident,
            label=f"{target} {endpoint}".strip(),
            facts=_told(target=target, endpoint=endpoint, user=actor, time=time, ended_time=ended),
        )
        for ident, target, endpoint, actor, time, ended in _DEPLOYMENTS.all(conn, idents)
    }


_Look = Callable[[Connection, list[Any]], dict[Key, LineageNode]]
_LOOK: Final[dict[NodeKind, _Look]] = {
    NodeKind.DATASET: _datasets,
    NodeKind.RUN: _runs,
    NodeKind.LOGGED_MODEL: _models,
    NodeKind.VERSION: _versions,
    NodeKind.DEPLOYMENT: _deployments,
}
