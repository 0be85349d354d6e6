"""Which model a change is about: its row, locked first by whatever changes the model.

The lock puts all changes of one model in one order, on both databases: what a change reads behind
it is what it will change.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from assay.errors import ModelVersionNotFound, RegisteredModelNotFound
from assay.store.sql.statements import Sql

if TYPE_CHECKING:
    from sqlalchemy import Connection

_LOCK = Sql("SELECT registered_id, name FROM registered_models WHERE name = ? {FOR UPDATE}")
_LOCK_ID = Sql(
    "SELECT registered_id, name FROM registered_models WHERE registered_id = ? {FOR UPDATE}"
)
_LOCK_ALL = Sql("SELECT registered_id, name FROM registered_models ORDER BY 1 {FOR UPDATE}")
_FIND = Sql("SELECT registered_id, name FROM registered_models WHERE name = ?")
_TOUCH = Sql("UPDATE registered_models SET last_updated_timestamp = ? WHERE registered_id = ?")
_VERSION = Sql(
    "SELECT version_id, version, current_stage, run_id, model_id, user_id"
    " FROM model_versions WHERE registered_id = ? AND version = ?"
)


class ModelRef(NamedTuple):
    """A registered model: its number, which never changes, and its name now."""

    registered_id: int
    name: str


class VersionRow(NamedTuple):
    """What most changes need to know of a version."""

    version_id: int
    version: int
    current_stage: str
    run_id: str | None
    model_id: str | None
    user_id: str


def lock_model(conn: Connection, name: str) -> ModelRef:
    """Lock a model's row until the transaction ends. Raises ``RegisteredModelNotFound``."""
    row = _LOCK.one(conn, name)
    if row is None:
        raise RegisteredModelNotFound(name)
    return ModelRef(*row)


def lock_model_of_id(conn: Connection, registered_id: int) -> ModelRef | None:
    """As ``lock_model``, by number; ``None`` if it was deleted."""
    row = _LOCK_ID.one(conn, registered_id)
    return None if row is None else ModelRef(*row)


def lock_all_models(conn: Connection) -> list[ModelRef]:
    """Lock all models there are, for a change that concerns each of them."""
    return [ModelRef(*row) for row in _LOCK_ALL.all(conn)]


def find_ref(conn: Connection, name: str) -> ModelRef:
    """The model with this name, unlocked. Raises ``RegisteredModelNotFound``."""
    row = _FIND.one(conn, name)
    if row is None:
        raise RegisteredModelNotFound(name)
    return ModelRef(*row)


def touch_model(conn: Connection, ref: ModelRef, time: int) -> None:
    """Note that the model was changed at ``time``."""
    _TOUCH.run(conn, time, ref.registered_id)


def require_version(conn: Connection, ref: ModelRef, version: int) -> VersionRow:
    """The version. Raises ``ModelVersionNotFound``."""
    row = _VERSION.one(conn, ref.registered_id, version)
    if row is None:
        raise ModelVersionNotFound(ref.name, version)
    return VersionRow(*row)
