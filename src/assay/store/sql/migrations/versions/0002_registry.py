"""The registry: models, versions, policies, requests, the audit log, rules, webhooks, users."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_NEVER = "audit records are never changed"
_LINEAGE = (
    ("datasets", ["digest", "name"]),
    ("logged_models", ["source_run_id"]),
    ("model_inputs", ["model_id"]),
    ("model_outputs", ["model_id"]),
)
"""Indexes of older tables that following a lineage against its direction needs."""


def _guard() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("update", "delete"):
            op.execute(
                f"CREATE TRIGGER audit_log_no_{verb} BEFORE {verb.upper()} ON audit_log"
                f" BEGIN SELECT RAISE(ABORT, '{_NEVER}'); END"
            )
        return
    op.execute(
        "CREATE FUNCTION audit_log_is_final() RETURNS trigger LANGUAGE plpgsql AS"
        f" $$ BEGIN RAISE EXCEPTION '{_NEVER}'; END $$"
    )
    op.execute(
        "CREATE TRIGGER audit_log_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log"
        " FOR EACH STATEMENT EXECUTE FUNCTION audit_log_is_final()"
    )


def upgrade() -> None:
    op.create_table(
        "audit_head",
        sa.Column("place", sa.Integer(), autoincrement=False, nullable=False, comment="always 1"),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("place", name=op.f("pk_audit_head")),
    )
    op.create_table(
        "audit_log",
        sa.Column(
            "seq",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("verified", sa.Boolean(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column(
            "registered_id",
            sa.BigInteger(),
            nullable=True,
            comment="no reference: history outlives the model",
        ),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=True),
        sa.Column("details", sa.Text(), nullable=False, comment="JSON object, as it is digested"),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("previous", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_audit_log")),
    )
    op.create_index(op.f("ix_audit_log_name_seq"), "audit_log", ["name", "seq"], unique=False)
    op.create_index(
        op.f("ix_audit_log_registered_id_seq"), "audit_log", ["registered_id", "seq"], unique=False
    )
    op.create_table(
        "deployments",
        sa.Column("deployment_id", sa.Text(), nullable=False),
        sa.Column(
            "registered_id", sa.BigInteger(), nullable=False, comment="no reference: it outlives it"
        ),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("endpoint", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("ended_time", sa.BigInteger(), nullable=True),
        sa.Column("details", sa.Text(), nullable=False, comment="JSON object of texts"),
        sa.PrimaryKeyConstraint("deployment_id", name=op.f("pk_deployments")),
    )
    op.create_index(
        op.f("ix_deployments_registered_id_version"),
        "deployments",
        ["registered_id", "version"],
        unique=False,
    )
    op.create_index(op.f("ix_deployments_time"), "deployments", ["time"], unique=False)
    op.create_table(
        "model_policies",
        sa.Column(
            "registered_id",
            sa.BigInteger(),
            nullable=False,
            comment="0: of all models without an own one",
        ),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False, comment="YAML; empty: removed"),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("registered_id", "revision", name=op.f("pk_model_policies")),
    )
    op.create_table(
        "registered_models",
        sa.Column(
            "registered_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "name",
            sa.Text().with_variant(sa.Text(collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("creation_timestamp", sa.BigInteger(), nullable=False),
        sa.Column("last_updated_timestamp", sa.BigInteger(), nullable=False),
        sa.Column(
            "last_version",
            sa.Integer(),
            nullable=False,
            comment="the highest number ever given out",
        ),
        sa.PrimaryKeyConstraint("registered_id", name=op.f("pk_registered_models")),
        sa.UniqueConstraint("name", name=op.f("uq_registered_models_name")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        op.f("ix_registered_models_last_updated_timestamp_registered_id"),
        "registered_models",
        ["last_updated_timestamp", "registered_id"],
        unique=False,
    )
    op.create_table(
        "registry_rules",
        sa.Column("rule_id", sa.Text(), nullable=False),
        sa.Column("rule_name", sa.Text(), nullable=False),
        sa.Column("experiment_id", sa.Text(), nullable=False),
        sa.Column("model_name", sa.Text(), nullable=False),
        sa.Column("filter", sa.Text(), nullable=False),
        sa.Column("logged_model", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("rule_id", name=op.f("pk_registry_rules")),
        sa.UniqueConstraint("rule_name", name=op.f("uq_registry_rules_rule_name")),
    )
    op.create_index(
        op.f("ix_registry_rules_experiment_id"), "registry_rules", ["experiment_id"], unique=False
    )
    op.create_table(
        "users",
        sa.Column("user_name", sa.Text(), nullable=False),
        sa.Column("roles", sa.Text(), nullable=False, comment="JSON list"),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("disabled", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("user_name", name=op.f("pk_users")),
    )
    op.create_table(
        "webhooks",
        sa.Column("webhook_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("secret", sa.Text(), nullable=False, comment="signs messages; never shown"),
        sa.Column("creation_timestamp", sa.BigInteger(), nullable=False),
        sa.Column("last_updated_timestamp", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("webhook_id", name=op.f("pk_webhooks")),
    )
    op.create_index(
        op.f("ix_webhooks_creation_timestamp_webhook_id"),
        "webhooks",
        ["creation_timestamp", "webhook_id"],
        unique=False,
    )
    op.create_table(
        "api_tokens",
        sa.Column("token_id", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False, comment="SHA-256 of the secret"),
        sa.Column("user_name", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("expires", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["user_name"], ["users.user_name"], name=op.f("fk_api_tokens_user_name_users")
        ),
        sa.PrimaryKeyConstraint("token_id", name=op.f("pk_api_tokens")),
        sa.UniqueConstraint("digest", name=op.f("uq_api_tokens_digest")),
    )
    op.create_index(op.f("ix_api_tokens_user_name"), "api_tokens", ["user_name"], unique=False)
    op.create_table(
        "model_versions",
        sa.Column(
            "version_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("registered_id", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("creation_timestamp", sa.BigInteger(), nullable=False),
        sa.Column("last_updated_timestamp", sa.BigInteger(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("current_stage", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("storage_location", sa.Text(), nullable=False, comment="where its files are"),
        sa.Column("run_id", sa.Text(), nullable=True),
        sa.Column("run_link", sa.Text(), nullable=False),
        sa.Column("model_id", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("status_message", sa.Text(), nullable=False),
        sa.Column(
            "files_run_id",
            sa.Text(),
            nullable=True,
            comment="the run among whose artifacts its files are",
        ),
        sa.Column(
            "files_model_id",
            sa.Text(),
            nullable=True,
            comment="the logged model whose files they are",
        ),
        sa.Column(
            "copied_from",
            sa.BigInteger(),
            nullable=True,
            comment="version_id of the version that it is a copy of",
        ),
        sa.ForeignKeyConstraint(
            ["registered_id"],
            ["registered_models.registered_id"],
            name=op.f("fk_model_versions_registered_id_registered_models"),
        ),
        sa.PrimaryKeyConstraint("version_id", name=op.f("pk_model_versions")),
        sa.UniqueConstraint(
            "registered_id", "version", name=op.f("uq_model_versions_registered_id_version")
        ),
        sqlite_autoincrement=True,
    )
    op.create_index(
        op.f("ix_model_versions_copied_from"), "model_versions", ["copied_from"], unique=False
    )
    op.create_index(
        op.f("ix_model_versions_creation_timestamp_version_id"),
        "model_versions",
        ["creation_timestamp", "version_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_model_versions_version_version_id"),
        "model_versions",
        ["version", "version_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_model_versions_files_model_id"), "model_versions", ["files_model_id"], unique=False
    )
    op.create_index(
        op.f("ix_model_versions_files_run_id"), "model_versions", ["files_run_id"], unique=False
    )
    op.create_index(
        op.f("ix_model_versions_last_updated_timestamp_version_id"),
        "model_versions",
        ["last_updated_timestamp", "version_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_model_versions_model_id"), "model_versions", ["model_id"], unique=False
    )
    op.create_index(
        op.f("ix_model_versions_registered_id_current_stage_version"),
        "model_versions",
        ["registered_id", "current_stage", "version"],
        unique=False,
    )
    op.create_index(op.f("ix_model_versions_run_id"), "model_versions", ["run_id"], unique=False)
    op.create_table(
        "registered_model_aliases",
        sa.Column("registered_id", sa.BigInteger(), nullable=False),
        sa.Column("alias", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["registered_id"],
            ["registered_models.registered_id"],
            name=op.f("fk_registered_model_aliases_registered_id_registered_models"),
        ),
        sa.PrimaryKeyConstraint("registered_id", "alias", name=op.f("pk_registered_model_aliases")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "registered_model_tags",
        sa.Column("registered_id", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column(
            "value_digest",
            sa.BigInteger(),
            nullable=False,
            comment="of the value: an index takes it",
        ),
        sa.ForeignKeyConstraint(
            ["registered_id"],
            ["registered_models.registered_id"],
            name=op.f("fk_registered_model_tags_registered_id_registered_models"),
        ),
        sa.PrimaryKeyConstraint("registered_id", "key", name=op.f("pk_registered_model_tags")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        op.f("ix_registered_model_tags_key_value_digest_registered_id"),
        "registered_model_tags",
        ["key", "value_digest", "registered_id"],
        unique=False,
    )
    op.create_table(
        "rule_runs",
        sa.Column("rule_id", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column(
            "next_time", sa.BigInteger(), nullable=False, comment="when it is looked at (again)"
        ),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=True),
        sa.Column("request_id", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["rule_id"],
            ["registry_rules.rule_id"],
            name=op.f("fk_rule_runs_rule_id_registry_rules"),
        ),
        sa.PrimaryKeyConstraint("rule_id", "run_id", name=op.f("pk_rule_runs")),
    )
    op.create_index(
        op.f("ix_rule_runs_rule_id_time"), "rule_runs", ["rule_id", "time"], unique=False
    )
    op.create_index(
        op.f("ix_rule_runs_status_next_time"), "rule_runs", ["status", "next_time"], unique=False
    )
    op.create_table(
        "transition_requests",
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("registered_id", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("expected", sa.Text(), nullable=False, comment="JSON list of version numbers"),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("status_reason", sa.Text(), nullable=False),
        sa.Column("requested_by", sa.Text(), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("closed_time", sa.BigInteger(), nullable=True),
        sa.Column("expires_time", sa.BigInteger(), nullable=True),
        sa.Column(
            "policy_registered_id",
            sa.BigInteger(),
            nullable=False,
            comment="whose policy: 0 the default",
        ),
        sa.Column("policy_revision", sa.Integer(), nullable=False, comment="0: no policy"),
        sa.Column("worker", sa.Text(), nullable=False, comment="who has claimed its checks"),
        sa.Column("lease_until", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["registered_id"],
            ["registered_models.registered_id"],
            name=op.f("fk_transition_requests_registered_id_registered_models"),
        ),
        sa.PrimaryKeyConstraint("request_id", name=op.f("pk_transition_requests")),
    )
    op.create_index(
        op.f("ix_transition_requests_registered_id_time"),
        "transition_requests",
        ["registered_id", "time"],
        unique=False,
    )
    op.create_index(
        op.f("ix_transition_requests_status_time"),
        "transition_requests",
        ["status", "time"],
        unique=False,
    )
    op.create_table(
        "webhook_deliveries",
        sa.Column("delivery_id", sa.Text(), nullable=False),
        sa.Column("webhook_id", sa.Text(), nullable=False),
        sa.Column("entity", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False, comment="JSON object"),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_time", sa.BigInteger(), nullable=False),
        sa.Column("response_status", sa.Integer(), nullable=True),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("finished", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["webhook_id"],
            ["webhooks.webhook_id"],
            name=op.f("fk_webhook_deliveries_webhook_id_webhooks"),
        ),
        sa.PrimaryKeyConstraint("delivery_id", name=op.f("pk_webhook_deliveries")),
    )
    op.create_index(
        "ix_webhook_deliveries_waiting",
        "webhook_deliveries",
        ["webhook_id", "delivery_id"],
        unique=False,
        sqlite_where=sa.text("status = 'waiting'"),
        postgresql_where=sa.text("status = 'waiting'"),
    )
    op.create_index(
        op.f("ix_webhook_deliveries_webhook_id_created"),
        "webhook_deliveries",
        ["webhook_id", "created"],
        unique=False,
    )
    op.create_table(
        "webhook_events",
        sa.Column("webhook_id", sa.Text(), nullable=False),
        sa.Column("entity", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["webhook_id"],
            ["webhooks.webhook_id"],
            name=op.f("fk_webhook_events_webhook_id_webhooks"),
        ),
        sa.PrimaryKeyConstraint("webhook_id", "entity", "action", name=op.f("pk_webhook_events")),
    )
    op.create_index(
        op.f("ix_webhook_events_entity_action"),
        "webhook_events",
        ["entity", "action"],
        unique=False,
    )
    op.create_table(
        "model_version_tags",
        sa.Column("version_id", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column(
            "value_digest",
            sa.BigInteger(),
            nullable=False,
            comment="of the value: an index takes it",
        ),
        sa.ForeignKeyConstraint(
            ["version_id"],
            ["model_versions.version_id"],
            name=op.f("fk_model_version_tags_version_id_model_versions"),
        ),
        sa.PrimaryKeyConstraint("version_id", "key", name=op.f("pk_model_version_tags")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        op.f("ix_model_version_tags_key_value_digest_version_id"),
        "model_version_tags",
        ["key", "value_digest", "version_id"],
        unique=False,
    )
    op.create_table(
        "request_checks",
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("condition", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("value", sa.Double(), nullable=True),
        sa.Column("limit", sa.Double(), nullable=True),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["request_id"],
            ["transition_requests.request_id"],
            name=op.f("fk_request_checks_request_id_transition_requests"),
        ),
        sa.PrimaryKeyConstraint("request_id", "place", name=op.f("pk_request_checks")),
    )
    op.create_table(
        "request_votes",
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("approve", sa.Boolean(), nullable=False),
        sa.Column("roles", sa.Text(), nullable=False, comment="JSON list"),
        sa.Column("verified", sa.Boolean(), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["request_id"],
            ["transition_requests.request_id"],
            name=op.f("fk_request_votes_request_id_transition_requests"),
        ),
        sa.PrimaryKeyConstraint("request_id", "actor", name=op.f("pk_request_votes")),
    )
    op.create_table(
        "version_signatures",
        sa.Column("version_id", sa.BigInteger(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("signer", sa.Text(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("bundle", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["version_id"],
            ["model_versions.version_id"],
            name=op.f("fk_version_signatures_version_id_model_versions"),
        ),
        sa.PrimaryKeyConstraint("version_id", "key_id", name=op.f("pk_version_signatures")),
    )
    for table, columns in _LINEAGE:
        op.create_index(op.f(f"ix_{table}_{'_'.join(columns)}"), table, columns, unique=False)
    _guard()


def downgrade() -> None:
    for table, columns in _LINEAGE:
        op.drop_index(op.f(f"ix_{table}_{'_'.join(columns)}"), table_name=table)
    op.drop_table("version_signatures")
    op.drop_table("request_votes")
    op.drop_table("request_checks")
    op.drop_index(
        op.f("ix_model_version_tags_key_value_digest_version_id"), table_name="model_version_tags"
    )
    op.drop_table("model_version_tags")
    op.drop_index(op.f("ix_webhook_events_entity_action"), table_name="webhook_events")
    op.drop_table("webhook_events")
    op.drop_index(op.f("ix_webhook_deliveries_webhook_id_created"), table_name="webhook_deliveries")
    op.drop_index(
        "ix_webhook_deliveries_waiting",
        table_name="webhook_deliveries",
        sqlite_where=sa.text("status = 'waiting'"),
        postgresql_where=sa.text("status = 'waiting'"),
    )
    op.drop_table("webhook_deliveries")
    op.drop_index(op.f("ix_transition_requests_status_time"), table_name="transition_requests")
    op.drop_index(
        op.f("ix_transition_requests_registered_id_time"), table_name="transition_requests"
    )
    op.drop_table("transition_requests")
    op.drop_index(op.f("ix_rule_runs_status_next_time"), table_name="rule_runs")
    op.drop_index(op.f("ix_rule_runs_rule_id_time"), table_name="rule_runs")
    op.drop_table("rule_runs")
    op.drop_index(
        op.f("ix_registered_model_tags_key_value_digest_registered_id"),
        table_name="registered_model_tags",
    )
    op.drop_table("registered_model_tags")
    op.drop_table("registered_model_aliases")
    op.drop_index(op.f("ix_model_versions_run_id"), table_name="model_versions")
    op.drop_index(
        op.f("ix_model_versions_registered_id_current_stage_version"), table_name="model_versions"
    )
    op.drop_index(op.f("ix_model_versions_model_id"), table_name="model_versions")
    op.drop_index(
        op.f("ix_model_versions_last_updated_timestamp_version_id"), table_name="model_versions"
    )
    op.drop_index(op.f("ix_model_versions_files_run_id"), table_name="model_versions")
    op.drop_index(op.f("ix_model_versions_files_model_id"), table_name="model_versions")
    op.drop_index(op.f("ix_model_versions_copied_from"), table_name="model_versions")
    op.drop_index(
        op.f("ix_model_versions_creation_timestamp_version_id"), table_name="model_versions"
    )
    op.drop_index(op.f("ix_model_versions_version_version_id"), table_name="model_versions")
    op.drop_table("model_versions")
    op.drop_index(op.f("ix_api_tokens_user_name"), table_name="api_tokens")
    op.drop_table("api_tokens")
    op.drop_index(op.f("ix_webhooks_creation_timestamp_webhook_id"), table_name="webhooks")
    op.drop_table("webhooks")
    op.drop_table("users")
    op.drop_index(op.f("ix_registry_rules_experiment_id"), table_name="registry_rules")
    op.drop_table("registry_rules")
    op.drop_index(
        op.f("ix_registered_models_last_updated_timestamp_registered_id"),
        table_name="registered_models",
    )
    op.drop_table("registered_models")
    op.drop_table("model_policies")
    op.drop_index(op.f("ix_deployments_time"), table_name="deployments")
    op.drop_index(op.f("ix_deployments_registered_id_version"), table_name="deployments")
    op.drop_table("deployments")
    op.drop_index(op.f("ix_audit_log_registered_id_seq"), table_name="audit_log")
    op.drop_index(op.f("ix_audit_log_name_seq"), table_name="audit_log")
    op.drop_table("audit_log")
    op.drop_table("audit_head")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION audit_log_is_final()")
