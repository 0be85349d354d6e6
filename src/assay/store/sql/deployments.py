"""Deployments in SQL: where versions were put to work. They outlive the model that they name."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import msgspec
from msgspec.structs import replace

from assay import errors
from assay.entities.audit import AuditAction, Cause
from assay.entities.governance import Deployment, ServingAlert
from assay.entities.names import check_key, check_value
from assay.entities.registry_names import check_registered_name, parse_version
from assay.entities.served_figures import ServedFigures
from assay.store.registry import DeploymentStore
from assay.store.sql.audit import append_audit, model_of_name
from assay.store.sql.checks import now_ms
from assay.store.sql.database import Database
from assay.store.sql.model_refs import lock_model, require_version
from assay.store.sql.served_figures import check_figures, keep_figures, read_figures
from assay.store.sql.statements import Sql
from assay.store.sql.webhook_outbox import tell

if TYPE_CHECKING:
    from sqlalchemy import Connection

MAX_LISTED: Final = 1_000
_MAX_ENDPOINT: Final = 2_000
_MAX_DETAILS: Final = 50
_MAX_DETAIL: Final = 2_000
_MAX_MESSAGE: Final = 5_000

# A model that was renamed since is shown by its name of now, one that was deleted by its last.
_SELECT = (
    "SELECT d.deployment_id, coalesce(m.name, d.name), d.version, d.target, d.endpoint, d.actor,"
    " d.time, d.ended_time, d.details, d.registered_id FROM deployments d"
    " LEFT JOIN registered_models m ON m.registered_id = d.registered_id"
)
_BY_ID = Sql(f"{_SELECT} WHERE d.deployment_id = ? {{FOR UPDATE OF d}}")
_LATEST = f"ORDER BY d.time DESC, d.deployment_id LIMIT {MAX_LISTED}"
_ALL = Sql(f"{_SELECT} {_LATEST}")
_OF_MODEL = Sql(f"{_SELECT} WHERE d.registered_id = ? {_LATEST}")
_OF_VERSION = Sql(f"{_SELECT} WHERE d.registered_id = ? AND d.version = ? {_LATEST}")
_PUT = Sql(
    "INSERT INTO deployments (deployment_id, registered_id, name, version, target, endpoint, actor,"
    " time, ended_time, details) VALUES (?, ?, ?, ?, ?, ?, ?, ?, NULL, ?)"
    " ON CONFLICT (deployment_id) DO UPDATE SET registered_id = excluded.registered_id,"
    " name = excluded.name, version = excluded.version, target = excluded.target,"
    " endpoint = excluded.endpoint, actor = excluded.actor, time = excluded.time,"
    " ended_time = NULL, details = excluded.details"
)
_END = Sql("UPDATE deployments SET ended_time = ? WHERE deployment_id = ?")
_encode = msgspec.json.Encoder(order="deterministic").encode
_decode = msgspec.json.Decoder(dict[str, str]).decode


def check_deployment(deployment: Deployment) -> None:
    """Check what is to be noted.

    Raises:
        InvalidInput: a text is malformed or too long, or the endpoint has credentials in it.
    """
    if deployment.deployment_id:
        check_key("deployment id", deployment.deployment_id)
    check_registered_name(deployment.name)
    parse_version(deployment.version)
    check_key("deployment target", deployment.target)
    _check_endpoint(deployment.endpoint)
    _check_details(deployment.details)


def _check_endpoint(endpoint: str) -> None:
    _check_size("endpoint", endpoint, _MAX_ENDPOINT)
    if endpoint and not endpoint.isprintable():
        raise errors.InvalidName("endpoint", endpoint, "it holds control characters")
    try:
        secret = urlsplit(endpoint).username
    except ValueError as error:
        raise errors.InvalidName("endpoint", endpoint, str(error)) from None
    if secret is not None:
        # The message must not repeat it either.
        raise errors.InvalidInput(
            "The endpoint has credentials in it. Leave them out: everybody who may read sees it."
        )


def _check_details(details: Mapping[str, str]) -> None:
    if len(details) > _MAX_DETAILS:
        raise errors.LimitExceeded(
            "The number of details of a deployment", limit=_MAX_DETAILS, got=len(details)
        )
    for key, text in details.items():
        check_key("detail", key)
        _check_size(f"detail {key!r}", text, _MAX_DETAIL)


def _check_size(what: str, text: str, most: int) -> None:
    check_value(what, text)
    if len(text) > most:
        raise errors.LimitExceeded(f"The length of the {what}", limit=most, got=len(text))


def _deployment(row: tuple[Any, ...]) -> Deployment:
    return Deployment(
        deployment_id=row[0],
        name=row[1],
        version=row[2],
        target=row[3],
        endpoint=row[4],
        actor=row[5],
        time=row[6],
        ended_time=row[7],
        details=_decode(row[8]),
    )


def _told(deployment: Deployment) -> dict[str, Any]:
    """What the audit log keeps of a deployment."""
    return {
        "deployment_id": deployment.deployment_id,
        "target": deployment.target,
        "endpoint": deployment.endpoint,
        "details": deployment.details,
    }


def _record(conn: Connection, asked: Deployment, cause: Cause) -> Deployment:
    ref = lock_model(conn, asked.name)
    require_version(conn, ref, asked.version)
    row = _BY_ID.one(conn, asked.deployment_id)
    new = replace(asked, actor=cause.actor.name, time=now_ms(), ended_time=None)
    told = _told(new)
    if row is not None:
        old = _deployment(row)
        if (row[9], replace(new, actor=old.actor, time=old.time)) == (ref.registered_id, old):
            return old
        told["before"] = _told(old) | {"name": old.name, "version": old.version}
    _PUT.run(
        conn,
        new.deployment_id,
        ref.registered_id,
        ref.name,
        new.version,
        new.target,
        new.endpoint,
        new.actor,
        new.time,
        _encode(new.details).decode(),
    )
    append_audit(
        conn,
        cause,
        AuditAction.DEPLOYED,
        registered_id=ref.registered_id,
        name=ref.name,
        version=new.version,
        details=told,
    )
    return new


def _end(conn: Connection, deployment_id: str, cause: Cause) -> Deployment:
    row = _BY_ID.one(conn, deployment_id)
    if row is None:
        raise errors.RegistryItemNotFound("deployment", deployment_id)
    old = _deployment(row)
    if old.ended_time is not None:
        return old
    ended = replace(old, ended_time=now_ms())
    _END.run(conn, ended.ended_time, deployment_id)
    append_audit(
        conn,
        cause,
        AuditAction.DEPLOYMENT_ENDED,
        registered_id=row[9],
        name=old.name,
        version=old.version,
        details=_told(old),
    )
    return ended


def _alert(conn: Connection, alert: ServingAlert, cause: Cause) -> None:
    ref = lock_model(conn, alert.name)
    require_version(conn, ref, alert.version)
    told = {"kind": alert.kind.value, "message": alert.message, "details": alert.details}
    append_audit(
        conn,
        cause,
        AuditAction.VERSION_ALERTED,
        registered_id=ref.registered_id,
        name=ref.name,
        version=alert.version,
        details=told,
    )
    named = {"name": ref.name, "version": str(alert.version)}
    tell(conn, "model_version", "alerted", {**named, **told})


class SqlDeployments(DeploymentStore):
    """Deployments of a SQL store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def record(self, deployment: Deployment, *, cause: Cause) -> Deployment:
        """Note a deployment; the same id again replaces what is noted of it.

        Without an id it gets one. The very same again, while it runs, changes nothing.
        """
        check_deployment(deployment)
        ident = deployment.deployment_id or os.urandom(16).hex()
        asked = replace(deployment, deployment_id=ident)
        return self._database.write(lambda conn: _record(conn, asked, cause))

    def end(self, deployment_id: str, *, cause: Cause) -> Deployment:
        """Note that it is over; one that is over stays as it is."""
        check_value("deployment id", deployment_id)
        return self._database.write(lambda conn: _end(conn, deployment_id, cause))

    def alert(self, alert: ServingAlert, *, cause: Cause) -> None:
        """Write into the audit log what is wrong with a version, and let webhooks tell it."""
        check_registered_name(alert.name)
        parse_version(alert.version)
        _check_size("alert", alert.message, _MAX_MESSAGE)
        _check_details(alert.details)
        self._database.write(lambda conn: _alert(conn, alert, cause))

    def of(self, *, name: str | None = None, version: int | None = None) -> list[Deployment]:
        """Deployments, the latest first, at most 1,000.

        Raises:
            InvalidInput: a version without a name.
            RegisteredModelNotFound: no model ever had this name.
        """
        if name is None and version is not None:
            raise errors.InvalidInput("A version is a number of a registered model: name it too.")
        if name is not None:
            check_value("model name", name)
        if version is not None:
            parse_version(version)
        with self._database.read() as conn:
            if name is None:
                rows = _ALL.all(conn)
            elif version is None:
                rows = _OF_MODEL.all(conn, model_of_name(conn, name))
            else:
                rows = _OF_VERSION.all(conn, model_of_name(conn, name), version)
        return [_deployment(row) for row in rows]

    def tell(self, figures: Sequence[ServedFigures]) -> None:
        """Keep what a scoring server counted over the last hour, in place of what it told before.

        Versions that aren't in the registry any more are left out.
        """
        check_figures(figures)
        self._database.write(lambda conn: keep_figures(conn, figures))

    def figures(self, *, name: str | None = None) -> list[ServedFigures]:
        """What scoring servers told within the last hour, of all models or of one."""
        if name is not None:
            check_value("model name", name)
        with self._database.read() as conn:
            return read_figures(conn, name)
