"""The tables of the registry. As ``tables``, whose ``metadata`` has them too.

A model has a number of its own that never changes and is never used again, so that renaming it
touches one row and its history stays with it.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    DDL,
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    event,
    text,
)

from assay.store.sql.tables import metadata as metadata


def _number(name: str, **options: Any) -> Column[int]:
    """A counting primary key; on SQLite the row's own number."""
    return Column(name, BigInteger().with_variant(Integer, "sqlite"), primary_key=True, **options)


_NAME = Text().with_variant(Text(collation="C"), "postgresql")
"""Text that is sorted by code point, so that the index gives the order of searches."""

registered_models = Table(
    "registered_models",
    metadata,
    _number("registered_id"),
    Column("name", _NAME, nullable=False, unique=True),
    Column("description", Text, nullable=False),
    Column("creation_timestamp", BigInteger, nullable=False),
    Column("last_updated_timestamp", BigInteger, nullable=False),
    Column("last_version", Integer, nullable=False, comment="the highest number ever given out"),
    Index(None, "last_updated_timestamp", "registered_id"),
    sqlite_autoincrement=True,
)

registered_model_tags = Table(
    "registered_model_tags",
    metadata,
    Column(
        "registered_id",
        BigInteger,
        ForeignKey("registered_models.registered_id"),
        nullable=False,
    ),
    Column("key", Text, nullable=False),
    Column("value", Text, nullable=False),
    Column("value_digest", BigInteger, nullable=False, comment="of the value: an index takes it"),
    PrimaryKeyConstraint("registered_id", "key"),
    Index(None, "key", "value_digest", "registered_id"),
    sqlite_with_rowid=False,
)

model_versions = Table(
    "model_versions",
    metadata,
    _number("version_id"),
    Column(
        "registered_id",
        BigInteger,
        ForeignKey("registered_models.registered_id"),
        nullable=False,
    ),
    Column("version", Integer, nullable=False),
    Column("creation_timestamp", BigInteger, nullable=False),
    Column("last_updated_timestamp", BigInteger, nullable=False),
    Column("description", Text, nullable=False),
    Column("user_id", Text, nullable=False),
    Column("current_stage", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("storage_location", Text, nullable=False, comment="where its files are"),
    Column("run_id", Text),
    Column("run_link", Text, nullable=False),
    Column("model_id", Text),
    Column("status", Text, nullable=False),
    Column("status_message", Text, nullable=False),
    Column("files_run_id", Text, comment="the run among whose artifacts its files are"),
    Column("files_model_id", Text, comment="the logged model whose files they are"),
    Column("copied_from", BigInteger, comment="version_id of the version that it is a copy of"),
    UniqueConstraint("registered_id", "version"),
    Index(None, "registered_id", "current_stage", "version"),
    Index(None, "creation_timestamp", "version_id"),
    Index(None, "last_updated_timestamp", "version_id"),
    Index(None, "version", "version_id"),
    Index(None, "run_id"),
    Index(None, "model_id"),
    Index(None, "files_run_id"),
    Index(None, "files_model_id"),
    Index(None, "copied_from"),
    sqlite_autoincrement=True,
)

model_version_tags = Table(
    "model_version_tags",
    metadata,
    Column("version_id", BigInteger, ForeignKey("model_versions.version_id"), nullable=False),
    Column("key", Text, nullable=False),
    Column("value", Text, nullable=False),
    Column("value_digest", BigInteger, nullable=False, comment="of the value: an index takes it"),
    PrimaryKeyConstraint("version_id", "key"),
    Index(None, "key", "value_digest", "version_id"),
    sqlite_with_rowid=False,
)

registered_model_aliases = Table(
    "registered_model_aliases",
    metadata,
    Column(
        "registered_id",
        BigInteger,
        ForeignKey("registered_models.registered_id"),
        nullable=False,
    ),
    Column("alias", Text, nullable=False),
    Column("version", Integer, nullable=False),
    PrimaryKeyConstraint("registered_id", "alias"),
    sqlite_with_rowid=False,
)

version_signatures = Table(
    "version_signatures",
    metadata,
    Column("version_id", BigInteger, ForeignKey("model_versions.version_id"), nullable=False),
    Column("key_id", Text, nullable=False),
    Column("signer", Text, nullable=False),
    Column("time", BigInteger, nullable=False),
    Column("bundle", Text, nullable=False),
    PrimaryKeyConstraint("version_id", "key_id"),
)

audit_log = Table(
    "audit_log",
    metadata,
    _number("seq", autoincrement=False),
    Column("time", BigInteger, nullable=False),
    Column("actor", Text, nullable=False),
    Column("verified", Boolean, nullable=False),
    Column("origin", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("registered_id", BigInteger, comment="no reference: history outlives the model"),
    Column("name", Text, nullable=False),
    Column("version", Integer),
    Column("details", Text, nullable=False, comment="JSON object, as it is digested"),
    Column("reason", Text, nullable=False),
    Column("previous", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Index(None, "registered_id", "seq"),
    Index(None, "name", "seq"),
)

audit_head = Table(
    "audit_head",
    metadata,
    Column("place", Integer, primary_key=True, autoincrement=False, comment="always 1"),
    Column("seq", BigInteger, nullable=False),
    Column("time", BigInteger, nullable=False),
    Column("digest", Text, nullable=False),
)

_NEVER = "audit records are never changed"
SQLITE_GUARDS = tuple(
    f"CREATE TRIGGER audit_log_no_{verb} BEFORE {verb.upper()} ON audit_log"
    f" BEGIN SELECT RAISE(ABORT, '{_NEVER}'); END"
    for verb in ("update", "delete")
)
POSTGRES_GUARDS = (
    "CREATE FUNCTION audit_log_is_final() RETURNS trigger LANGUAGE plpgsql AS"
    f" $$ BEGIN RAISE EXCEPTION '{_NEVER}'; END $$",
    "CREATE TRIGGER audit_log_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log"
    " FOR EACH STATEMENT EXECUTE FUNCTION audit_log_is_final()",
)
"""Against mistakes: whoever may drop a trigger is found out by the digests."""
for _guard in SQLITE_GUARDS:
    event.listen(audit_log, "after_create", DDL(_guard).execute_if(dialect="sqlite"))  # type: ignore[no-untyped-call]
for _guard in POSTGRES_GUARDS:
    event.listen(audit_log, "after_create", DDL(_guard).execute_if(dialect="postgresql"))  # type: ignore[no-untyped-call]

model_policies = Table(
    "model_policies",
    metadata,
    Column(
        "registered_id", BigInteger, nullable=False, comment="0: of all models without an own one"
    ),
    Column("revision", Integer, nullable=False),
    Column("text", Text, nullable=False, comment="YAML; empty: removed"),
    Column("author", Text, nullable=False),
    Column("time", BigInteger, nullable=False),
    PrimaryKeyConstraint("registered_id", "revision"),
)

transition_requests = Table(
    "transition_requests",
    metadata,
    Column("request_id", Text, primary_key=True),
    Column(
        "registered_id",
        BigInteger,
        ForeignKey("registered_models.registered_id"),
        nullable=False,
    ),
    Column("version", Integer, nullable=False),
    Column("target", Text, nullable=False),
    Column("expected", Text, nullable=False, comment="JSON list of version numbers"),
    Column("status", Text, nullable=False),
    Column("status_reason", Text, nullable=False),
    Column("requested_by", Text, nullable=False),
    Column("comment", Text, nullable=False),
    Column("time", BigInteger, nullable=False),
    Column("closed_time", BigInteger),
    Column("expires_time", BigInteger),
    Column(
        "policy_registered_id", BigInteger, nullable=False, comment="whose policy: 0 the default"
    ),
    Column("policy_revision", Integer, nullable=False, comment="0: no policy"),
    Column("worker", Text, nullable=False, comment="who has claimed its checks"),
    Column("lease_until", BigInteger, nullable=False),
    Index(None, "registered_id", "time"),
    Index(None, "status", "time"),
)

request_checks = Table(
    "request_checks",
    metadata,
    Column("request_id", Text, ForeignKey("transition_requests.request_id"), nullable=False),
    Column("place", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    Column("condition", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("value", Double),
    Column("limit", Double),
    Column("message", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("time", BigInteger, nullable=False),
    PrimaryKeyConstraint("request_id", "place"),
)

request_votes = Table(
    "request_votes",
    metadata,
    Column("request_id", Text, ForeignKey("transition_requests.request_id"), nullable=False),
    Column("actor", Text, nullable=False),
    Column("approve", Boolean, nullable=False),
    Column("roles", Text, nullable=False, comment="JSON list"),
    Column("verified", Boolean, nullable=False),
    Column("comment", Text, nullable=False),
    Column("time", BigInteger, nullable=False),
    PrimaryKeyConstraint("request_id", "actor"),
)

registry_rules = Table(
    "registry_rules",
    metadata,
    Column("rule_id", Text, primary_key=True),
    Column("rule_name", Text, nullable=False, unique=True),
    Column("experiment_id", Text, nullable=False),
    Column("model_name", Text, nullable=False),
    Column("filter", Text, nullable=False),
    Column("logged_model", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("author", Text, nullable=False),
    Column("time", BigInteger, nullable=False),
    Index(None, "experiment_id"),
)

rule_runs = Table(
    "rule_runs",
    metadata,
    Column("rule_id", Text, ForeignKey("registry_rules.rule_id"), nullable=False),
    Column("run_id", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("time", BigInteger, nullable=False),
    Column("next_time", BigInteger, nullable=False, comment="when it is looked at (again)"),
    Column("attempts", Integer, nullable=False),
    Column("message", Text, nullable=False),
    Column("version", Integer),
    Column("request_id", Text),
    PrimaryKeyConstraint("rule_id", "run_id"),
    Index(None, "status", "next_time"),
    Index(None, "rule_id", "time"),
)

deployments = Table(
    "deployments",
    metadata,
    Column("deployment_id", Text, primary_key=True),
    Column("registered_id", BigInteger, nullable=False, comment="no reference: it outlives it"),
    Column("name", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("target", Text, nullable=False),
    Column("endpoint", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("time", BigInteger, nullable=False),
    Column("ended_time", BigInteger),
    Column("details", Text, nullable=False, comment="JSON object of texts"),
    Index(None, "registered_id", "version"),
    Index(None, "time"),
)

served_figures = Table(
    "served_figures",
    metadata,
    Column("server_id", Text, primary_key=True),
    Column(
        "registered_id",
        BigInteger,
        primary_key=True,
        comment="no reference: a row is gone within an hour",
    ),
    Column("version", Integer, primary_key=True),
    Column("time", BigInteger, nullable=False, comment="when it was told"),
    Column("figures", Text, nullable=False, comment="JSON object"),
    Index(None, "registered_id"),
    Index(None, "time"),
)

webhooks = Table(
    "webhooks",
    metadata,
    Column("webhook_id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("secret", Text, nullable=False, comment="signs messages; never shown"),
    Column("creation_timestamp", BigInteger, nullable=False),
    Column("last_updated_timestamp", BigInteger, nullable=False),
    Index(None, "creation_timestamp", "webhook_id"),
)

webhook_events = Table(
    "webhook_events",
    metadata,
    Column("webhook_id", Text, ForeignKey("webhooks.webhook_id"), nullable=False),
    Column("entity", Text, nullable=False),
    Column("action", Text, nullable=False),
    PrimaryKeyConstraint("webhook_id", "entity", "action"),
    Index(None, "entity", "action"),
)

webhook_deliveries = Table(
    "webhook_deliveries",
    metadata,
    Column("delivery_id", Text, primary_key=True),
    Column("webhook_id", Text, ForeignKey("webhooks.webhook_id"), nullable=False),
    Column("entity", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("payload", Text, nullable=False, comment="JSON object"),
    Column("created", BigInteger, nullable=False),
    Column("status", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_time", BigInteger, nullable=False),
    Column("response_status", Integer),
    Column("error", Text, nullable=False),
    Column("finished", BigInteger),
    Index(None, "webhook_id", "created"),
    Index(
        "ix_webhook_deliveries_waiting",
        "webhook_id",
        "delivery_id",
        sqlite_where=text("status = 'waiting'"),
        postgresql_where=text("status = 'waiting'"),
    ),
)

users = Table(
    "users",
    metadata,
    Column("user_name", Text, primary_key=True),
    Column("roles", Text, nullable=False, comment="JSON list"),
    Column("created", BigInteger, nullable=False),
    Column("disabled", Boolean, nullable=False),
)

api_tokens = Table(
    "api_tokens",
    metadata,
    Column("token_id", Text, primary_key=True),
    Column("digest", Text, nullable=False, unique=True, comment="SHA-256 of the secret"),
    Column("user_name", Text, ForeignKey("users.user_name"), nullable=False),
    Column("label", Text, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("expires", BigInteger),
    Index(None, "user_name"),
)
