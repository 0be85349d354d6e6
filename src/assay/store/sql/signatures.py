"""Signatures of versions in SQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assay.entities.audit import AuditAction, Cause
from assay.entities.model_versions import VersionSignature
from assay.entities.names import check_value
from assay.errors import InvalidInput, LimitExceeded
from assay.store.registry import SignatureStore
from assay.store.sql.audit import append_audit
from assay.store.sql.checks import check_int
from assay.store.sql.database import Database
from assay.store.sql.model_refs import find_ref, lock_model, require_version
from assay.store.sql.statements import Sql

if TYPE_CHECKING:
    from sqlalchemy import Connection

MAX_BUNDLE_BYTES = 16 << 20
_SET = Sql(
    "INSERT INTO version_signatures (version_id, key_id, signer, time, bundle)"
    " VALUES (?, ?, ?, ?, ?) ON CONFLICT (version_id, key_id) DO UPDATE"
    " SET signer = excluded.signer, time = excluded.time, bundle = excluded.bundle"
)
_OF = Sql(
    "SELECT key_id, signer, time, bundle FROM version_signatures WHERE version_id = ?"
    " ORDER BY time DESC, key_id"
)


class SqlSignatures(SignatureStore):
    """Signatures of a SQL store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, name: str, version: int, signature: VersionSignature, *, cause: Cause) -> None:
        """Keep a signature; a second one of the same key replaces the first."""
        for what, text in (("key id", signature.key_id), ("signer", signature.signer)):
            check_value(what, text)
        if not signature.key_id:
            raise InvalidInput("A signature needs the id of its key.")
        if len(check_value("bundle", signature.bundle)) > MAX_BUNDLE_BYTES:
            raise LimitExceeded(
                "The size of a signature", limit=MAX_BUNDLE_BYTES, got=len(signature.bundle)
            )
        check_int("time", signature.time)

        def change(conn: Connection) -> None:
            ref = lock_model(conn, name)
            row = require_version(conn, ref, version)
            _SET.run(
                conn,
                row.version_id,
                signature.key_id,
                signature.signer,
                signature.time,
                signature.bundle,
            )
            append_audit(
                conn,
                cause,
                AuditAction.VERSION_SIGNED,
                registered_id=ref.registered_id,
                name=ref.name,
                version=version,
                details={"key_id": signature.key_id, "signer": signature.signer},
            )

        self._database.write(change)

    def of(self, name: str, version: int) -> list[VersionSignature]:
        """All of a version, the newest first."""
        with self._database.read() as conn:
            row = require_version(conn, find_ref(conn, name), version)
            return [
                VersionSignature(key_id=key, signer=signer, time=time, bundle=bundle)
                for key, signer, time, bundle in _OF.all(conn, row.version_id)
            ]
