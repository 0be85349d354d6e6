"""Tags of registered models and versions.

Each value has a short digest beside it, which an index takes whatever the value's length: a search
for a tag's value reads the rows that have it and no others.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from assay.entities.names import check_key, check_value
from assay.errors import LimitExceeded
from assay.store.sql.statements import Sql

if TYPE_CHECKING:
    from sqlalchemy import Connection

MAX_VALUE_LENGTH: Final = 100_000
"""Characters of a value, as MLflow's registry takes them."""
PROMPT_TAG: Final = "mlflow.prompt.is_prompt"
"""MLflow keeps prompts as registered models, and tells them by this tag."""
PROMPT_TEXT_TAG: Final = "mlflow.prompt.text"
PROMPT_OWN_TAGS: Final = frozenset({PROMPT_TAG, PROMPT_TEXT_TAG, "_mlflow_prompt_type"})
"""Tags that only carry a prompt, so that webhooks aren't told of them."""

_SET: Final = (
    "INSERT INTO {table} ({owner}, key, value, value_digest) VALUES (?, ?, ?, ?)"
    " ON CONFLICT ({owner}, key) DO UPDATE"
    " SET value = excluded.value, value_digest = excluded.value_digest"
)
_SET_MODEL = Sql(_SET.format(table="registered_model_tags", owner="registered_id"))
_SET_VERSION = Sql(_SET.format(table="model_version_tags", owner="version_id"))
_MODEL_VALUE = Sql("SELECT value FROM registered_model_tags WHERE registered_id = ? AND key = ?")
_VERSION_VALUE = Sql("SELECT value FROM model_version_tags WHERE version_id = ? AND key = ?")
_DELETE_MODEL = Sql("DELETE FROM registered_model_tags WHERE registered_id = ? AND key = ?")
_DELETE_VERSION = Sql("DELETE FROM model_version_tags WHERE version_id = ? AND key = ?")
_OF_MODELS = Sql(
    "SELECT registered_id, key, value FROM registered_model_tags WHERE registered_id IN (??)"
    " ORDER BY registered_id, key"
)
_OF_VERSIONS = Sql(
    "SELECT version_id, key, value FROM model_version_tags WHERE version_id IN (??)"
    " ORDER BY version_id, key"
)


def value_digest(value: str) -> int:
    """The first 8 bytes of BLAKE2b of a value, as a signed number."""
    digest = hashlib.blake2b(value.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


def parse_registry_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """Tags as a registered model or version may have them.

    Raises:
        InvalidName: a key or value can't be kept.
        LimitExceeded: a value is longer than 100,000 characters.
    """
    for key, value in tags.items():
        check_key("tag key", key)
        if len(check_value("tag value", value)) > MAX_VALUE_LENGTH:
            raise LimitExceeded(
                f"The length of the value of tag {key!r}", limit=MAX_VALUE_LENGTH, got=len(value)
            )
    return dict(tags)


def says_prompt(tags: Mapping[str, str]) -> bool:
    """Whether tags are those of one of MLflow's prompts, or of a version of one."""
    return tags.get(PROMPT_TAG, "").lower() == "true"


def is_prompt(conn: Connection, registered_id: int) -> bool:
    """Whether a registered model is one of MLflow's prompts."""
    return says_prompt({PROMPT_TAG: registered_tag(conn, registered_id, PROMPT_TAG) or ""})


def set_registered_tags(conn: Connection, registered_id: int, tags: Mapping[str, str]) -> None:
    """Set parsed tags of a registered model."""
    if tags:
        _SET_MODEL.many(conn, [(registered_id, k, v, value_digest(v)) for k, v in tags.items()])


def set_version_tags(conn: Connection, version_id: int, tags: Mapping[str, str]) -> None:
    """Set parsed tags of a version."""
    if tags:
        _SET_VERSION.many(conn, [(version_id, k, v, value_digest(v)) for k, v in tags.items()])


def registered_tag(conn: Connection, registered_id: int, key: str) -> str | None:
    """The value of a model's tag; ``None`` if it has none."""
    row = _MODEL_VALUE.one(conn, registered_id, key)
    return None if row is None else row[0]


def version_tag(conn: Connection, version_id: int, key: str) -> str | None:
    """The value of a version's tag; ``None`` if it has none."""
    row = _VERSION_VALUE.one(conn, version_id, key)
    return None if row is None else row[0]


def delete_registered_tag(conn: Connection, registered_id: int, key: str) -> bool:
    """Delete a model's tag; returns whether it was there."""
    return _DELETE_MODEL.run(conn, registered_id, key) > 0


def delete_version_tag(conn: Connection, version_id: int, key: str) -> bool:
    """Delete a version's tag; returns whether it was there."""
    return _DELETE_VERSION.run(conn, version_id, key) > 0


def tags_of_registered(
    conn: Connection, registered_ids: Sequence[int]
) -> dict[int, dict[str, str]]:
    """The tags of each model that has some."""
    return _collected(_OF_MODELS.all(conn, list(registered_ids)))


def tags_of_versions(conn: Connection, version_ids: Sequence[int]) -> dict[int, dict[str, str]]:
    """The tags of each version that has some."""
    return _collected(_OF_VERSIONS.all(conn, list(version_ids)))


def _collected(rows: list[tuple[int, str, str]]) -> dict[int, dict[str, str]]:
    found: dict[int, dict[str, str]] = {}
    for owner, key, value in rows:
        found.setdefault(owner, {})[key] = value
    return found
