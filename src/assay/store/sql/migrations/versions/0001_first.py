"""The first schema: experiments, runs, metrics, datasets, logged models, deliveries."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "deliveries",
        sa.Column("writer_id", sa.Text(), nullable=False),
        sa.Column(
            "position", sa.BigInteger(), nullable=False, comment="end of the last one applied"
        ),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("writer_id", name=op.f("pk_deliveries")),
    )
    op.create_table(
        "experiments",
        sa.Column("experiment_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("artifact_location", sa.Text(), nullable=False),
        sa.Column("lifecycle_stage", sa.Text(), nullable=False),
        sa.Column("creation_time", sa.BigInteger(), nullable=False),
        sa.Column("last_update_time", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("experiment_id", name=op.f("pk_experiments")),
        sa.UniqueConstraint("name", name=op.f("uq_experiments_name")),
    )
    op.create_table(
        "datasets",
        sa.Column("dataset_id", sa.Text(), nullable=False),
        sa.Column("experiment_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("source_type", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("schema", sa.Text(), nullable=True),
        sa.Column("profile", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["experiment_id"],
            ["experiments.experiment_id"],
            name=op.f("fk_datasets_experiment_id_experiments"),
        ),
        sa.PrimaryKeyConstraint("dataset_id", name=op.f("pk_datasets")),
        sa.UniqueConstraint(
            "experiment_id", "name", "digest", name=op.f("uq_datasets_experiment_id_name_digest")
        ),
    )
    op.create_table(
        "experiment_tags",
        sa.Column("experiment_id", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["experiment_id"],
            ["experiments.experiment_id"],
            name=op.f("fk_experiment_tags_experiment_id_experiments"),
        ),
        sa.PrimaryKeyConstraint("experiment_id", "key", name=op.f("pk_experiment_tags")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "logged_models",
        sa.Column("model_id", sa.Text(), nullable=False),
        sa.Column("experiment_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("artifact_location", sa.Text(), nullable=False),
        sa.Column("creation_timestamp", sa.BigInteger(), nullable=False),
        sa.Column("last_updated_timestamp", sa.BigInteger(), nullable=False),
        sa.Column("model_type", sa.Text(), nullable=True),
        sa.Column("source_run_id", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("status_message", sa.Text(), nullable=True),
        sa.Column("lifecycle_stage", sa.Text(), nullable=False),
        sa.Column("deleted_time", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["experiment_id"],
            ["experiments.experiment_id"],
            name=op.f("fk_logged_models_experiment_id_experiments"),
        ),
        sa.PrimaryKeyConstraint("model_id", name=op.f("pk_logged_models")),
    )
    op.create_index(
        op.f("ix_logged_models_experiment_id_creation_timestamp_model_id"),
        "logged_models",
        ["experiment_id", "creation_timestamp", "model_id"],
        unique=False,
    )
    op.create_table(
        "runs",
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("experiment_id", sa.Text(), nullable=False),
        sa.Column("run_name", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("start_time", sa.BigInteger(), nullable=True),
        sa.Column("end_time", sa.BigInteger(), nullable=True),
        sa.Column("lifecycle_stage", sa.Text(), nullable=False),
        sa.Column("deleted_time", sa.BigInteger(), nullable=True),
        sa.Column("deleted_with_experiment", sa.Boolean(), nullable=False),
        sa.Column("artifact_uri", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["experiment_id"],
            ["experiments.experiment_id"],
            name=op.f("fk_runs_experiment_id_experiments"),
        ),
        sa.PrimaryKeyConstraint("run_id", name=op.f("pk_runs")),
    )
    op.create_index(
        op.f("ix_runs_experiment_id_lifecycle_stage_start_time_run_id"),
        "runs",
        ["experiment_id", "lifecycle_stage", "start_time", "run_id"],
        unique=False,
    )
    op.create_table(
        "dataset_inputs",
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("dataset_id", sa.Text(), nullable=False),
        sa.Column("tags", sa.Text(), nullable=False, comment="JSON object"),
        sa.ForeignKeyConstraint(
            ["dataset_id"],
            ["datasets.dataset_id"],
            name=op.f("fk_dataset_inputs_dataset_id_datasets"),
        ),
        sa.ForeignKeyConstraint(
            ["run_id"], ["runs.run_id"], name=op.f("fk_dataset_inputs_run_id_runs")
        ),
        sa.PrimaryKeyConstraint("run_id", "dataset_id", name=op.f("pk_dataset_inputs")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        op.f("ix_dataset_inputs_dataset_id"), "dataset_inputs", ["dataset_id"], unique=False
    )
    op.create_table(
        "logged_model_params",
        sa.Column("model_id", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["model_id"],
            ["logged_models.model_id"],
            name=op.f("fk_logged_model_params_model_id_logged_models"),
        ),
        sa.PrimaryKeyConstraint("model_id", "key", name=op.f("pk_logged_model_params")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "logged_model_tags",
        sa.Column("model_id", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["model_id"],
            ["logged_models.model_id"],
            name=op.f("fk_logged_model_tags_model_id_logged_models"),
        ),
        sa.PrimaryKeyConstraint("model_id", "key", name=op.f("pk_logged_model_tags")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "metric_blocks",
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column(
            "series", sa.Integer(), nullable=False, comment="metric_summaries.series of the run"
        ),
        sa.Column("first_step", sa.BigInteger(), nullable=False),
        sa.Column("first_timestamp", sa.BigInteger(), nullable=False, comment="of the first point"),
        sa.Column("last_step", sa.BigInteger(), nullable=False),
        sa.Column("last_timestamp", sa.BigInteger(), nullable=False, comment="of the last point"),
        sa.Column("min_timestamp", sa.BigInteger(), nullable=False),
        sa.Column("max_timestamp", sa.BigInteger(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column(
            "cell_bits",
            sa.Integer(),
            nullable=True,
            comment="a cell covers 2 ** cell_bits steps; NULL without cells",
        ),
        sa.Column(
            "cells",
            sa.LargeBinary(),
            nullable=True,
            comment="assay.metrics.downsample: the points, pre-aggregated",
        ),
        sa.Column("points", sa.LargeBinary(), nullable=False, comment="assay.metrics.block"),
        sa.ForeignKeyConstraint(
            ["run_id"], ["runs.run_id"], name=op.f("fk_metric_blocks_run_id_runs")
        ),
        sa.PrimaryKeyConstraint(
            "run_id", "series", "first_step", "first_timestamp", name=op.f("pk_metric_blocks")
        ),
    )
    op.create_table(
        "metric_segments",
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column(
            "segment", sa.Integer(), nullable=False, comment="counts from 0 since the last fold"
        ),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column(
            "total",
            sa.BigInteger(),
            nullable=False,
            comment="points in this and the ones before it",
        ),
        sa.Column("min_step", sa.BigInteger(), nullable=False),
        sa.Column("max_step", sa.BigInteger(), nullable=False),
        sa.Column("min_timestamp", sa.BigInteger(), nullable=False),
        sa.Column("max_timestamp", sa.BigInteger(), nullable=False),
        sa.Column("points", sa.LargeBinary(), nullable=False, comment="assay.metrics.segment"),
        sa.ForeignKeyConstraint(
            ["run_id"], ["runs.run_id"], name=op.f("fk_metric_segments_run_id_runs")
        ),
        sa.PrimaryKeyConstraint("run_id", "segment", name=op.f("pk_metric_segments")),
    )
    op.create_table(
        "metric_summaries",
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("model_id", sa.Text(), nullable=False),
        sa.Column("dataset_name", sa.Text(), nullable=False),
        sa.Column("dataset_digest", sa.Text(), nullable=False),
        sa.Column("series", sa.Integer(), nullable=False, comment="counts from 0 in the run"),
        sa.Column(
            "is_latest", sa.Boolean(), nullable=False, comment="has the latest point of its key"
        ),
        sa.Column(
            "is_ranked",
            sa.Boolean(),
            nullable=False,
            comment="is_latest, and not growing: the index of latest values has it",
        ),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("nan_count", sa.BigInteger(), nullable=False),
        sa.Column("first_step", sa.BigInteger(), nullable=False),
        sa.Column("first_timestamp", sa.BigInteger(), nullable=False),
        sa.Column(
            "first",
            sa.Double(),
            nullable=True,
            comment="NULL stands for NaN, here and below: SQLite has no NaN",
        ),
        sa.Column("last_step", sa.BigInteger(), nullable=False),
        sa.Column("last_timestamp", sa.BigInteger(), nullable=False),
        sa.Column("last", sa.Double(), nullable=True),
        sa.Column("min", sa.Double(), nullable=True),
        sa.Column("max", sa.Double(), nullable=True),
        sa.Column("mean", sa.Double(), nullable=True),
        sa.Column("sum_squares", sa.Double(), nullable=True),
        sa.Column(
            "negative_zeros",
            sa.Integer(),
            nullable=False,
            comment="which of first, last, min, max (bits 0 to 3) are -0.0: SQLite keeps 0.0",
        ),
        sa.ForeignKeyConstraint(
            ["run_id"], ["runs.run_id"], name=op.f("fk_metric_summaries_run_id_runs")
        ),
        sa.PrimaryKeyConstraint(
            "run_id",
            "key",
            "model_id",
            "dataset_name",
            "dataset_digest",
            name=op.f("pk_metric_summaries"),
        ),
        sa.UniqueConstraint("run_id", "series", name=op.f("uq_metric_summaries_run_id_series")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        op.f("ix_metric_summaries_key_last_run_id"),
        "metric_summaries",
        ["key", "last", "run_id"],
        unique=False,
        sqlite_where=sa.text("is_ranked = 1"),
        postgresql_where="is_ranked",
    )
    op.create_index(
        op.f("ix_metric_summaries_key_run_id"),
        "metric_summaries",
        ["key", "run_id"],
        unique=False,
        sqlite_where=sa.text("is_latest = 1 AND is_ranked = 0"),
        postgresql_where=sa.text("is_latest AND NOT is_ranked"),
    )
    op.create_index(
        "ix_metric_summaries_model_id",
        "metric_summaries",
        ["model_id"],
        unique=False,
        sqlite_where=sa.text("model_id <> ''"),
        postgresql_where=sa.text("model_id <> ''"),
    )
    op.create_table(
        "model_inputs",
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("model_id", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id"], ["runs.run_id"], name=op.f("fk_model_inputs_run_id_runs")
        ),
        sa.PrimaryKeyConstraint("run_id", "model_id", name=op.f("pk_model_inputs")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "model_outputs",
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("model_id", sa.Text(), nullable=False),
        sa.Column("step", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id"], ["runs.run_id"], name=op.f("fk_model_outputs_run_id_runs")
        ),
        sa.PrimaryKeyConstraint("run_id", "model_id", "step", name=op.f("pk_model_outputs")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "params",
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column(
            "number", sa.Double(), nullable=True, comment="value read as a number, where it is one"
        ),
        sa.ForeignKeyConstraint(["run_id"], ["runs.run_id"], name=op.f("fk_params_run_id_runs")),
        sa.PrimaryKeyConstraint("run_id", "key", name=op.f("pk_params")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "tags",
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.run_id"], name=op.f("fk_tags_run_id_runs")),
        sa.PrimaryKeyConstraint("run_id", "key", name=op.f("pk_tags")),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    op.drop_table("tags")
    op.drop_table("params")
    op.drop_table("model_outputs")
    op.drop_table("model_inputs")
    op.drop_index(
        "ix_metric_summaries_model_id",
        table_name="metric_summaries",
        sqlite_where=sa.text("model_id <> ''"),
        postgresql_where=sa.text("model_id <> ''"),
    )
    op.drop_index(
        op.f("ix_metric_summaries_key_last_run_id"),
        table_name="metric_summaries",
        sqlite_where=sa.text("is_ranked = 1"),
        postgresql_where="is_ranked",
    )
    op.drop_index(
        op.f("ix_metric_summaries_key_run_id"),
        table_name="metric_summaries",
        sqlite_where=sa.text("is_latest = 1 AND is_ranked = 0"),
        postgresql_where=sa.text("is_latest AND NOT is_ranked"),
    )
    op.drop_table("metric_summaries")
    op.drop_table("metric_segments")
    op.drop_table("metric_blocks")
    op.drop_table("logged_model_tags")
    op.drop_table("logged_model_params")
    op.drop_index(op.f("ix_dataset_inputs_dataset_id"), table_name="dataset_inputs")
    op.drop_table("dataset_inputs")
    op.drop_index(
        op.f("ix_runs_experiment_id_lifecycle_stage_start_time_run_id"), table_name="runs"
    )
    op.drop_table("runs")
    op.drop_index(
        op.f("ix_logged_models_experiment_id_creation_timestamp_model_id"),
        table_name="logged_models",
    )
    op.drop_table("logged_models")
    op.drop_table("experiment_tags")
    op.drop_table("datasets")
    op.drop_table("experiments")
    op.drop_table("deliveries")
