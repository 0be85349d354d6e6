"""Registered models in SQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from assay.entities.audit import AuditAction, Cause
from assay.entities.model_versions import ModelVersion
from assay.entities.page import Page
from assay.entities.registered_models import RegisteredModel
from assay.entities.registry_names import check_alias, check_registered_name, parse_version
from assay.errors import AlreadyExists
from assay.store.base import Query
from assay.store.registry import RegisteredModelStore
from assay.store.sql.audit import append_audit
from assay.store.sql.checks import now_ms
from assay.store.sql.database import Database
from assay.store.sql.model_refs import ModelRef, find_ref, lock_model, require_version
from assay.store.sql.moves import (
    canonical_stage,
    leave_places,
    point_alias,
    require_deletable,
    require_direct,
)
from assay.store.sql.new_versions import check_description
from assay.store.sql.registry_tags import (
    PROMPT_OWN_TAGS,
    delete_registered_tag,
    is_prompt,
    parse_registry_tags,
    registered_tag,
    says_prompt,
    set_registered_tags,
    tags_of_registered,
)
from assay.store.sql.search.registered_models import search_registered
from assay.store.sql.statements import Sql
from assay.store.sql.version_rows import hydrate_versions
from assay.store.sql.webhook_outbox import tell

if TYPE_CHECKING:
    from sqlalchemy import Connection

_BY_IDS = Sql(
    "SELECT registered_id, name, description, creation_timestamp, last_updated_timestamp"
    " FROM registered_models WHERE registered_id IN (??)"
)
_ALIASES = Sql(
    "SELECT registered_id, alias, version FROM registered_model_aliases"
    " WHERE registered_id IN (??) ORDER BY alias"
)
# A join instead of the inner SELECT makes PostgreSQL read all versions of all models.
_LATEST = Sql(
    "SELECT t.registered_id, t.version, (SELECT v.version_id FROM model_versions v"
    " WHERE v.registered_id = t.registered_id AND v.version = t.version)"
    " FROM (SELECT registered_id, max(version) AS version FROM model_versions"
    " WHERE registered_id IN (??) GROUP BY registered_id, current_stage) t"
    " ORDER BY t.registered_id, t.version"
)
_INSERT = Sql(
    "INSERT INTO registered_models"
    " (name, description, creation_timestamp, last_updated_timestamp, last_version)"
    " VALUES (?, ?, ?, ?, 0) ON CONFLICT (name) DO NOTHING RETURNING registered_id"
)
_NAMED = Sql("SELECT 1 FROM registered_models WHERE name = ?")
_RENAME = Sql(
    "UPDATE registered_models SET name = ?, last_updated_timestamp = ? WHERE registered_id = ?"
)
_DESCRIPTION = Sql("SELECT description FROM registered_models WHERE registered_id = ?")
_DESCRIBE = Sql(
    "UPDATE registered_models SET description = ?, last_updated_timestamp = ?"
    " WHERE registered_id = ?"
)
# As in ``model_versions``: whoever copies one of them is waited for before the audit log is locked.
_LOCK_VERSIONS = Sql("SELECT 1 FROM model_versions WHERE registered_id = ? {FOR UPDATE}")
_VERSIONS = "(SELECT version_id FROM model_versions WHERE registered_id = ?)"
_DELETE_VERSIONS = (
    Sql(f"DELETE FROM model_version_tags WHERE version_id IN {_VERSIONS}"),  # noqa: S608
    Sql(f"DELETE FROM version_signatures WHERE version_id IN {_VERSIONS}"),  # noqa: S608
    Sql("DELETE FROM model_versions WHERE registered_id = ?"),
)
_REQUESTS = "(SELECT request_id FROM transition_requests WHERE registered_id = ?)"
_DELETE = (
    Sql(f"DELETE FROM request_checks WHERE request_id IN {_REQUESTS}"),  # noqa: S608
    Sql(f"DELETE FROM request_votes WHERE request_id IN {_REQUESTS}"),  # noqa: S608
    Sql("DELETE FROM transition_requests WHERE registered_id = ?"),
    Sql("DELETE FROM model_policies WHERE registered_id = ?"),
    Sql("DELETE FROM registered_model_tags WHERE registered_id = ?"),
    Sql("DELETE FROM registered_models WHERE registered_id = ?"),
)


def hydrate_registered(conn: Connection, registered_ids: Sequence[int]) -> list[RegisteredModel]:
    """The models with these numbers, in their order; those that don't exist are left out."""
    ids = list(registered_ids)
    rows = {row[0]: row for row in _BY_IDS.all(conn, ids)}
    tags = tags_of_registered(conn, ids)
    aliases = _aliases(conn, ids)
    latest = _latest(conn, ids, aliases)
    return [
        RegisteredModel(
            name=rows[ident][1],
            description=rows[ident][2],
            creation_timestamp=rows[ident][3],
            last_updated_timestamp=rows[ident][4],
            tags=tags.get(ident, {}),
            aliases=aliases.get(ident, {}),
            latest_versions=latest.get(ident, []),
        )
        for ident in ids
        if ident in rows
    ]


def _aliases(conn: Connection, registered_ids: list[int]) -> dict[int, dict[str, int]]:
    """The version of each alias, by model."""
    found: dict[int, dict[str, int]] = {}
    for owner, alias, version in _ALIASES.all(conn, registered_ids):
        found.setdefault(owner, {})[alias] = version
    return found


def _latest(
    conn: Connection, registered_ids: list[int], aliases: Mapping[int, Mapping[str, int]]
) -> dict[int, list[ModelVersion]]:
    """The version with the highest number of each stage, by model."""
    rows = _LATEST.all(conn, registered_ids)
    of_versions = {
        version_id: [alias for alias, of in aliases.get(owner, {}).items() if of == version]
        for owner, version, version_id in rows
    }
    versions = hydrate_versions(conn, list(of_versions), aliases=of_versions)
    found: dict[int, list[ModelVersion]] = {}
    for (owner, _, _), version in zip(rows, versions, strict=True):
        found.setdefault(owner, []).append(version)
    return found


def read_registered(conn: Connection, ref: ModelRef) -> RegisteredModel:
    """The model."""
    return hydrate_registered(conn, [ref.registered_id])[0]


def register_name(
    conn: Connection, name: str, *, description: str, tags: Mapping[str, str], cause: Cause
) -> ModelRef:
    """Make a registered model of checked parts, and lock it. Raises ``AlreadyExists``."""
    now = now_ms()
    row = _INSERT.one(conn, name, description, now, now)
    if row is None:
        raise AlreadyExists(
            "registered model", name, hint="Register a version under it, or choose another name."
        )
    ref = ModelRef(row[0], name)
    set_registered_tags(conn, ref.registered_id, tags)
    _note(
        conn,
        cause,
        AuditAction.MODEL_CREATED,
        ref,
        {"description": description, "tags": dict(tags)},
    )
    entity, told = "registered_model", dict(tags)
    if says_prompt(tags):
        entity, told = "prompt", {k: v for k, v in tags.items() if k not in PROMPT_OWN_TAGS}
    data = {"name": name, "tags": told, "description": description or None}
    tell(conn, entity, "created", data)
    return ref


def _note(
    conn: Connection,
    cause: Cause,
    action: AuditAction,
    ref: ModelRef,
    details: Mapping[str, Any],
) -> None:
    append_audit(
        conn, cause, action, registered_id=ref.registered_id, name=ref.name, details=details
    )


class SqlRegisteredModels(RegisteredModelStore):
    """Registered models of a SQL store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(
        self,
        name: str,
        *,
        description: str = "",
        tags: Mapping[str, str] | None = None,
        cause: Cause,
    ) -> RegisteredModel:
        """Make a registered model."""
        check_registered_name(name)
        check_description(description)
        parsed = parse_registry_tags(tags or {})

        def change(conn: Connection) -> RegisteredModel:
            ref = register_name(conn, name, description=description, tags=parsed, cause=cause)
            return read_registered(conn, ref)

        return self._database.write(change)

    def get(self, name: str) -> RegisteredModel:
        """The model."""
        with self._database.read() as conn:
            return read_registered(conn, find_ref(conn, name))

    def rename(self, name: str, new_name: str, *, cause: Cause) -> RegisteredModel:
        """Give it another name."""
        check_registered_name(new_name)

        def change(conn: Connection) -> RegisteredModel:
            ref = lock_model(conn, name)
            if new_name != name:
                if _NAMED.one(conn, new_name) is not None:
                    raise AlreadyExists("registered model", new_name)
                _RENAME.run(conn, new_name, now_ms(), ref.registered_id)
                ref = ref._replace(name=new_name)
                details = {"from": name, "to": new_name}
                _note(conn, cause, AuditAction.MODEL_RENAMED, ref, details)
            return read_registered(conn, ref)

        return self._database.write(change)

    def update(self, name: str, description: str, *, cause: Cause) -> RegisteredModel:
        """Change its description."""
        check_description(description)

        def change(conn: Connection) -> RegisteredModel:
            ref = lock_model(conn, name)
            before = _DESCRIPTION.one(conn, ref.registered_id)
            assert before is not None
            if before[0] != description:
                _DESCRIBE.run(conn, description, now_ms(), ref.registered_id)
                details = {"from": before[0], "to": description}
                _note(conn, cause, AuditAction.MODEL_UPDATED, ref, details)
            return read_registered(conn, ref)

        return self._database.write(change)

    def delete(self, name: str, *, cause: Cause) -> None:
        """Delete it with all its versions; its history stays."""

        def change(conn: Connection) -> None:
            ref = lock_model(conn, name)
            require_deletable(conn, ref, None)
            moves = leave_places(conn, ref, None)
            versions = len(_LOCK_VERSIONS.all(conn, ref.registered_id))
            for statement in _DELETE_VERSIONS:
                statement.run(conn, ref.registered_id)
            details = {"versions": versions, "moves": moves}
            _note(conn, cause, AuditAction.MODEL_DELETED, ref, details)
            for statement in _DELETE:
                statement.run(conn, ref.registered_id)

        self._database.write(change)

    def search(self, query: Query) -> Page[RegisteredModel]:
        """Models that match."""
        with self._database.read() as conn:
            ids, token = search_registered(conn, query)
            return Page(hydrate_registered(conn, ids), token)

    def set_tag(self, name: str, key: str, value: str, *, cause: Cause) -> None:
        """Set a tag."""
        parsed = parse_registry_tags({key: value})

        def change(conn: Connection) -> None:
            ref = lock_model(conn, name)
            before = registered_tag(conn, ref.registered_id, key)
            if before == value:
                return
            set_registered_tags(conn, ref.registered_id, parsed)
            details = {"key": key, "from": before, "to": value}
            _note(conn, cause, AuditAction.MODEL_TAG_SET, ref, details)
            if is_prompt(conn, ref.registered_id):
                tell(conn, "prompt_tag", "set", {"name": ref.name, "key": key, "value": value})

        self._database.write(change)

    def delete_tag(self, name: str, key: str, *, cause: Cause) -> None:
        """Delete a tag; one that is missing is no error."""

        def change(conn: Connection) -> None:
            ref = lock_model(conn, name)
            before = registered_tag(conn, ref.registered_id, key)
            if before is None:
                return
            prompt = is_prompt(conn, ref.registered_id)
            delete_registered_tag(conn, ref.registered_id, key)
            _note(conn, cause, AuditAction.MODEL_TAG_DELETED, ref, {"key": key, "from": before})
            if prompt:
                tell(conn, "prompt_tag", "deleted", {"name": ref.name, "key": key})

        self._database.write(change)

    def set_alias(self, name: str, alias: str, version: int, *, cause: Cause) -> None:
        """Let an alias stand for a version."""
        check_alias(alias)

        def change(conn: Connection) -> None:
            ref = lock_model(conn, name)
            row = require_version(conn, ref, parse_version(version))
            what = f"Pointing @{alias} of {ref.name!r} to version {row.version}"
            require_direct(conn, ref, row.version, f"@{alias}", what=what)
            point_alias(conn, ref, alias, row.version, cause=cause)

        self._database.write(change)

    def delete_alias(self, name: str, alias: str, *, cause: Cause) -> None:
        """Delete an alias; one that is missing is no error."""
        check_alias(alias)

        def change(conn: Connection) -> None:
            ref = lock_model(conn, name)
            what = f"Deleting @{alias} of {ref.name!r}"
            require_direct(conn, ref, None, f"@{alias}", what=what)
            point_alias(conn, ref, alias, None, cause=cause)

        self._database.write(change)

    def latest(self, name: str, stages: Sequence[str] | None = None) -> list[ModelVersion]:
        """The version with the highest number of each stage, or of those named."""
        with self._database.read() as conn:
            ref = find_ref(conn, name)
            wanted = None
            if stages:
                wanted = {canonical_stage(conn, ref, stage) for stage in stages}
            ids = [ref.registered_id]
            found = _latest(conn, ids, _aliases(conn, ids)).get(ref.registered_id, [])
            return [one for one in found if wanted is None or one.current_stage in wanted]
