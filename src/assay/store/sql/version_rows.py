"""Versions as the database has them: reading whole ones, their figures, deleting their rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from assay.entities.ids import ModelId, RunId
from assay.entities.model_versions import ModelVersion, ModelVersionStatus
from assay.store.sql.metric_summaries import latest_metrics, model_metrics
from assay.store.sql.model_refs import ModelRef, VersionRow, require_version
from assay.store.sql.registry_tags import tags_of_versions
from assay.store.sql.statements import Sql

if TYPE_CHECKING:
    from sqlalchemy import Connection

_BY_IDS = Sql(
    "SELECT v.version_id, m.name, v.version, v.creation_timestamp, v.last_updated_timestamp,"
    " v.description, v.user_id, v.current_stage, v.source, v.run_id, v.run_link, v.status,"
    " v.status_message, v.model_id FROM model_versions v"
    " JOIN registered_models m ON m.registered_id = v.registered_id WHERE v.version_id IN (??)"
)
_ALIASES = Sql(
    "SELECT v.version_id, a.alias FROM model_versions v JOIN registered_model_aliases a"
    " ON a.registered_id = v.registered_id AND a.version = v.version WHERE v.version_id IN (??)"
    " ORDER BY a.alias"
)
_DELETE = (
    Sql("DELETE FROM model_version_tags WHERE version_id = ?"),
    Sql("DELETE FROM version_signatures WHERE version_id = ?"),
    Sql("DELETE FROM model_versions WHERE version_id = ?"),
)


def hydrate_versions(
    conn: Connection,
    version_ids: Sequence[int],
    *,
    aliases: Mapping[int, list[str]] | None = None,
) -> list[ModelVersion]:
    """The versions with these ids, in their order; those that don't exist are left out.

    ``aliases``: those of each version that has some, where they are known.
    """
    ids = list(version_ids)
    rows = {row[0]: row for row in _BY_IDS.all(conn, ids)}
    tags = tags_of_versions(conn, ids)
    if aliases is None:
        aliases = _aliases(conn, ids)
    return [
        ModelVersion(
            name=row[1],
            version=row[2],
            creation_timestamp=row[3],
            last_updated_timestamp=row[4],
            description=row[5],
            user_id=row[6],
            current_stage=row[7],
            source=row[8],
            run_id=row[9],
            run_link=row[10],
            status=ModelVersionStatus(row[11]),
            status_message=row[12],
            model_id=row[13],
            tags=tags.get(row[0], {}),
            aliases=aliases.get(row[0], []),
        )
        for row in (rows[ident] for ident in ids if ident in rows)
    ]


def _aliases(conn: Connection, version_ids: list[int]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for version_id, alias in _ALIASES.all(conn, version_ids):
        found.setdefault(version_id, []).append(alias)
    return found


def read_version(conn: Connection, ref: ModelRef, version: int) -> ModelVersion:
    """The version. Raises ``ModelVersionNotFound``."""
    return hydrate_versions(conn, [require_version(conn, ref, version).version_id])[0]


def version_figures(conn: Connection, row: VersionRow) -> dict[str, float]:
    """Metrics of a version: those of its logged model if it has any, else its run's latest.

    Of a metric that was logged for the model more than once, by several runs or on several data
    sets, the value logged last counts.
    """
    if row.model_id is not None:
        model_id = ModelId(row.model_id)
        linked = model_metrics(conn, [model_id])[model_id]
        if linked:
            linked.sort(key=lambda one: (one.timestamp, one.step))
            return {metric.key: metric.value for metric in linked}
    if row.run_id is None:
        return {}
    run_id = RunId(row.run_id)
    return {metric.key: metric.value for metric in latest_metrics(conn, [run_id])[run_id]}


def delete_version_rows(conn: Connection, version_id: int) -> None:
    """Delete a version with its tags and signatures."""
    for statement in _DELETE:
        statement.run(conn, version_id)
