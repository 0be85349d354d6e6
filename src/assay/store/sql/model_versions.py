"""Model versions in SQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from assay.entities.audit import AuditAction, Cause
from assay.entities.model_versions import ModelVersion, NewModelVersion
from assay.entities.page import Page
from assay.entities.registry_names import check_alias, parse_version
from assay.errors import AliasNotFound, ModelVersionNotFound
from assay.store.base import Query
from assay.store.registry import ModelVersionStore
from assay.store.sql.audit import append_audit
from assay.store.sql.checks import now_ms
from assay.store.sql.database import Database
from assay.store.sql.model_refs import (
    ModelRef,
    VersionRow,
    find_ref,
    lock_model,
    require_version,
    touch_model,
)
from assay.store.sql.moves import (
    canonical_stage,
    leave_places,
    move_to_stage,
    require_deletable,
    require_direct,
)
from assay.store.sql.new_versions import check_description, create_version, parse_new_version
from assay.store.sql.registry_tags import (
    delete_version_tag,
    is_prompt,
    parse_registry_tags,
    set_version_tags,
    version_tag,
)
from assay.store.sql.request_steps import close_of_version
from assay.store.sql.search.model_versions import search_versions
from assay.store.sql.statements import Sql
from assay.store.sql.version_rows import delete_version_rows, hydrate_versions, read_version
from assay.store.sql.webhook_outbox import tell

if TYPE_CHECKING:
    from sqlalchemy import Connection

# One statement each: serving asks these two whenever it starts.
_OF_ALIAS = Sql(
    "SELECT v.version_id FROM registered_models m"
    " JOIN registered_model_aliases a ON a.registered_id = m.registered_id"
    " JOIN model_versions v ON v.registered_id = m.registered_id AND v.version = a.version"
    " WHERE m.name = ? AND a.alias = ?"
)
_LOCATION = Sql(
    "SELECT v.storage_location FROM registered_models m"
    " JOIN model_versions v ON v.registered_id = m.registered_id"
    " WHERE m.name = ? AND v.version = ?"
)
# Whoever copies a version holds its row until the copy is there; waiting for that is done before
# the audit log is locked, which the copy needs as well.
_LOCK = Sql("SELECT 1 FROM model_versions WHERE version_id = ? {FOR UPDATE}")
_DESCRIPTION = Sql("SELECT description FROM model_versions WHERE version_id = ?")
_SET_DESCRIPTION = Sql(
    "UPDATE model_versions SET description = ?, last_updated_timestamp = ? WHERE version_id = ?"
)


class SqlModelVersions(ModelVersionStore):
    """Model versions of a SQL store."""

    def __init__(self, database: Database, *, roots: Sequence[str] = ()) -> None:
        self._database = database
        self._roots = tuple(roots)

    def create(self, new: NewModelVersion, *, cause: Cause) -> ModelVersion:
        """Register a version, with the next number that was never used."""
        parsed = parse_new_version(new)
        return self._database.write(
            lambda conn: create_version(conn, parsed, cause=cause, roots=self._roots)
        )

    def get(self, name: str, version: int) -> ModelVersion:
        """The version."""
        with self._database.read() as conn:
            return read_version(conn, find_ref(conn, name), parse_version(version))

    def by_alias(self, name: str, alias: str) -> ModelVersion:
        """The version that an alias stands for."""
        with self._database.read() as conn:
            row = _OF_ALIAS.one(conn, name, alias)
            if row is None:
                find_ref(conn, name)
                check_alias(alias)
                raise AliasNotFound(name, alias)
            return hydrate_versions(conn, [row[0]])[0]

    def update(self, name: str, version: int, description: str, *, cause: Cause) -> ModelVersion:
        """Change its description."""
        check_description(description)

        def change(conn: Connection) -> ModelVersion:
            ref = lock_model(conn, name)
            row = require_version(conn, ref, parse_version(version))
            before = _DESCRIPTION.one(conn, row.version_id)
            assert before is not None
            if before[0] != description:
                _SET_DESCRIPTION.run(conn, description, now_ms(), row.version_id)
                _note(
                    conn,
                    ref,
                    row,
                    cause=cause,
                    action=AuditAction.VERSION_UPDATED,
                    details={"from": before[0], "to": description},
                )
            return hydrate_versions(conn, [row.version_id])[0]

        return self._database.write(change)

    def delete(self, name: str, version: int, *, cause: Cause) -> None:
        """Delete it, with its aliases."""

        def change(conn: Connection) -> None:
            ref = lock_model(conn, name)
            row = require_version(conn, ref, parse_version(version))
            _LOCK.one(conn, row.version_id)
            require_deletable(conn, ref, row.version)
            close_of_version(conn, ref, row.version, cause=cause)
            moves = leave_places(conn, ref, row.version)
            gone = hydrate_versions(conn, [row.version_id])[0]
            delete_version_rows(conn, row.version_id)
            touch_model(conn, ref, now_ms())
            facts = {"source": gone.source, "run_id": gone.run_id, "model_id": gone.model_id}
            details = {**facts, "stage": gone.current_stage, "tags": gone.tags, "moves": moves}
            _note(conn, ref, row, cause=cause, action=AuditAction.VERSION_DELETED, details=details)

        self._database.write(change)

    def search(self, query: Query) -> Page[ModelVersion]:
        """Versions that match."""
        with self._database.read() as conn:
            ids, token = search_versions(conn, query)
            return Page(hydrate_versions(conn, ids), token)

    def set_tag(self, name: str, version: int, key: str, value: str, *, cause: Cause) -> None:
        """Set a tag."""
        parsed = parse_registry_tags({key: value})

        def change(conn: Connection) -> None:
            ref = lock_model(conn, name)
            row = require_version(conn, ref, parse_version(version))
            before = version_tag(conn, row.version_id, key)
            if before == value:
                return
            set_version_tags(conn, row.version_id, parsed)
            details = {"key": key, "from": before, "to": value}
            _note(conn, ref, row, cause=cause, action=AuditAction.VERSION_TAG_SET, details=details)
            data = {"name": ref.name, "version": str(row.version), "key": key, "value": value}
            tell(conn, self._tag_entity(conn, ref), "set", data)

        self._database.write(change)

    def delete_tag(self, name: str, version: int, key: str, *, cause: Cause) -> None:
        """Delete a tag; one that is missing is no error."""

        def change(conn: Connection) -> None:
            ref = lock_model(conn, name)
            row = require_version(conn, ref, parse_version(version))
            before = version_tag(conn, row.version_id, key)
            if before is None:
                return
            delete_version_tag(conn, row.version_id, key)
            details = {"key": key, "from": before}
            _note(
                conn, ref, row, cause=cause, action=AuditAction.VERSION_TAG_DELETED, details=details
            )
            data = {"name": ref.name, "version": str(row.version), "key": key}
            tell(conn, self._tag_entity(conn, ref), "deleted", data)

        self._database.write(change)

    def download_uri(self, name: str, version: int) -> str:
        """Where its files are."""
        with self._database.read() as conn:
            row = _LOCATION.one(conn, name, parse_version(version))
            if row is None:
                raise ModelVersionNotFound(find_ref(conn, name).name, version)
            location: str = row[0]
            return location

    def transition(
        self,
        name: str,
        version: int,
        stage: str,
        *,
        archive_existing: bool = False,
        cause: Cause,
    ) -> ModelVersion:
        """Move it to a stage."""

        def change(conn: Connection) -> ModelVersion:
            ref = lock_model(conn, name)
            row = require_version(conn, ref, parse_version(version))
            target = canonical_stage(conn, ref, stage)
            what = f"Moving version {row.version} of {ref.name!r} to {target}"
            require_direct(conn, ref, row.version, target, what=what)
            move_to_stage(
                conn, ref, row.version, target, archive_existing=archive_existing, cause=cause
            )
            return hydrate_versions(conn, [row.version_id])[0]

        return self._database.write(change)

    @staticmethod
    def _tag_entity(conn: Connection, ref: ModelRef) -> str:
        return "prompt_version_tag" if is_prompt(conn, ref.registered_id) else "model_version_tag"


def _note(
    conn: Connection,
    ref: ModelRef,
    row: VersionRow,
    *,
    cause: Cause,
    action: AuditAction,
    details: Mapping[str, Any],
) -> None:
    append_audit(
        conn,
        cause,
        action,
        registered_id=ref.registered_id,
        name=ref.name,
        version=row.version,
        details=details,
    )
