"""Registering versions: the next number, the row, and what else knows of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from msgspec.structs import replace

from assay.entities.audit import AuditAction, Cause
from assay.entities.ids import check_model_id, check_run_id
from assay.entities.model_versions import (
    NO_STAGE,
    ModelVersion,
    ModelVersionStatus,
    NewModelVersion,
)
from assay.entities.names import check_value
from assay.entities.registry_names import check_registered_name
from assay.errors import LimitExceeded
from assay.store.sql.audit import append_audit
from assay.store.sql.checks import now_ms
from assay.store.sql.model_refs import ModelRef, lock_model
from assay.store.sql.registry_tags import (
    PROMPT_OWN_TAGS,
    PROMPT_TEXT_TAG,
    is_prompt,
    parse_registry_tags,
    set_version_tags,
)
from assay.store.sql.statements import Sql
from assay.store.sql.tags import set_model_tags, tags_of_models
from assay.store.sql.version_rows import hydrate_versions
from assay.store.sql.version_sources import Files, files_of
from assay.store.sql.webhook_outbox import tell

if TYPE_CHECKING:
    from sqlalchemy import Connection

MAX_DESCRIPTION_LENGTH: Final = 100_000
VERSIONS_TAG: Final = "mlflow.modelVersions"
"""Of a logged model: JSON list of the versions that it was registered as, as MLflow writes it."""

_NEXT = Sql(
    "UPDATE registered_models SET last_version = last_version + 1, last_updated_timestamp = ?"
    " WHERE registered_id = ? RETURNING last_version"
)
_LOCK_MODEL = Sql("SELECT 1 FROM logged_models WHERE model_id = ? {FOR NO KEY UPDATE}")
_INSERT = Sql(
    "INSERT INTO model_versions (registered_id, version, creation_timestamp,"
    " last_updated_timestamp, description, user_id, current_stage, source, storage_location,"
    " run_id, run_link, model_id, status, status_message, files_run_id, files_model_id,"
    " copied_from) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '', ?, ?, ?)"
    " RETURNING version_id"
)


def check_description(description: str) -> str:
    """``description`` as it may be kept.

    Raises:
        LimitExceeded: it is longer than 100,000 characters.
    """
    if len(check_value("description", description)) > MAX_DESCRIPTION_LENGTH:
        raise LimitExceeded(
            "The length of a description", limit=MAX_DESCRIPTION_LENGTH, got=len(description)
        )
    return description


def parse_new_version(new: NewModelVersion) -> NewModelVersion:
    """Check the parts of a new version that need no database.

    Raises:
        InvalidInput: one breaks the rules of its kind.
    """
    check_registered_name(new.name)
    check_value("source", new.source)
    check_value("run link", new.run_link)
    check_description(new.description)
    parse_registry_tags(new.tags)
    if new.run_id is not None:
        check_run_id(new.run_id)
    if new.model_id is not None:
        check_model_id(new.model_id)
    return new


def create_version(
    conn: Connection, new: NewModelVersion, *, cause: Cause, roots: Sequence[str] = ()
) -> ModelVersion:
    """Register a version of checked parts; see ``ModelVersionStore.create``."""
    ref = lock_model(conn, new.name)
    files = files_of(conn, new, roots)
    if files.source:
        new = replace(new, source=files.source)
    now = now_ms()
    number = _returned(_NEXT.one(conn, now, ref.registered_id))
    version_id = _insert(conn, ref, number, new, files, cause=cause, now=now)
    set_version_tags(conn, version_id, new.tags)
    if files.model_id is not None:
        _note_on_logged_model(conn, files, ref.name, number)
    append_audit(
        conn,
        cause,
        AuditAction.VERSION_CREATED,
        registered_id=ref.registered_id,
        name=ref.name,
        version=number,
        details={
            "source": new.source,
            "files": files.location,
            "run_id": files.run_id,
            "model_id": files.model_id,
            "description": new.description,
            "tags": new.tags,
        },
    )
    _tell_created(conn, ref, number, new, files)
    return hydrate_versions(conn, [version_id])[0]


def _tell_created(
    conn: Connection, ref: ModelRef, number: int, new: NewModelVersion, files: Files
) -> None:
    data: dict[str, Any] = {"name": ref.name, "version": str(number)}
    data["description"] = new.description or None
    if is_prompt(conn, ref.registered_id):
        tags = {key: value for key, value in new.tags.items() if key not in PROMPT_OWN_TAGS}
        data |= {"template": new.tags.get(PROMPT_TEXT_TAG, ""), "tags": tags}
        tell(conn, "prompt_version", "created", data)
    else:
        data |= {"source": new.source, "run_id": files.run_id, "tags": new.tags}
        tell(conn, "model_version", "created", data)


def _insert(
    conn: Connection,
    ref: ModelRef,
    number: int,
    new: NewModelVersion,
    files: Files,
    *,
    cause: Cause,
    now: int,
) -> int:
    row = _INSERT.one(
        conn,
        ref.registered_id,
        number,
        now,
        now,
        new.description,
        cause.actor.name,
        NO_STAGE,
        new.source,
        files.location,
        files.run_id,
        new.run_link,
        files.model_id,
        ModelVersionStatus.READY.value,
        files.files_run_id,
        files.files_model_id,
        files.copied_from,
    )
    return _returned(row)


def _returned(row: tuple[Any, ...] | None) -> int:
    assert row is not None
    number: int = row[0]
    return number


def _note_on_logged_model(conn: Connection, files: Files, name: str, number: int) -> None:
    assert files.model_id is not None
    if files.files_model_id != files.model_id or _LOCK_MODEL.one(conn, files.model_id) is None:
        return
    known = tags_of_models(conn, [files.model_id]).get(files.model_id, {}).get(VERSIONS_TAG, "[]")
    try:
        listed = json.loads(known)
    except ValueError:
        listed = []
    entries = listed if isinstance(listed, list) else []
    entries.append({"name": name, "version": number})
    set_model_tags(conn, files.model_id, {VERSIONS_TAG: json.dumps(entries)})
