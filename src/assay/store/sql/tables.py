"""The tables, for SQLite and PostgreSQL alike. Rows of a run are keyed by ``run_id`` first.

A change here comes with a migration in ``migrations/versions``; a test compares the two.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    and_,
    not_,
    text,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

experiments = Table(
    "experiments",
    metadata,
    Column("experiment_id", Text, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("artifact_location", Text, nullable=False),
    Column("lifecycle_stage", Text, nullable=False),
    Column("creation_time", BigInteger, nullable=False),
    Column("last_update_time", BigInteger, nullable=False),
)

experiment_tags = Table(
    "experiment_tags",
    metadata,
    Column("experiment_id", Text, ForeignKey("experiments.experiment_id"), nullable=False),
    Column("key", Text, nullable=False),
    Column("value", Text, nullable=False),
    PrimaryKeyConstraint("experiment_id", "key"),
    sqlite_with_rowid=False,
)

runs = Table(
    "runs",
    metadata,
    Column("run_id", Text, primary_key=True),
    Column("experiment_id", Text, ForeignKey("experiments.experiment_id"), nullable=False),
    Column("run_name", Text, nullable=False),
    Column("user_id", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("start_time", BigInteger),
    Column("end_time", BigInteger),
    Column("lifecycle_stage", Text, nullable=False),
    Column("deleted_time", BigInteger),
    Column("deleted_with_experiment", Boolean, nullable=False, default=False),
    Column("artifact_uri", Text, nullable=False),
    Index(None, "experiment_id", "lifecycle_stage", "start_time", "run_id"),
)

params = Table(
    "params",
    metadata,
    Column("run_id", Text, ForeignKey("runs.run_id"), nullable=False),
    Column("key", Text, nullable=False),
    Column("value", Text, nullable=False),
    Column("number", Double, comment="value read as a number, where it is one"),
    PrimaryKeyConstraint("run_id", "key"),
    sqlite_with_rowid=False,
)

tags = Table(
    "tags",
    metadata,
    Column("run_id", Text, ForeignKey("runs.run_id"), nullable=False),
    Column("key", Text, nullable=False),
    Column("value", Text, nullable=False),
    PrimaryKeyConstraint("run_id", "key"),
    sqlite_with_rowid=False,
)

metric_segments = Table(
    "metric_segments",
    metadata,
    Column("run_id", Text, ForeignKey("runs.run_id"), nullable=False),
    Column("segment", Integer, nullable=False, comment="counts from 0 since the last fold"),
    Column("count", Integer, nullable=False),
    Column("total", BigInteger, nullable=False, comment="points in this and the ones before it"),
    Column("min_step", BigInteger, nullable=False),
    Column("max_step", BigInteger, nullable=False),
    Column("min_timestamp", BigInteger, nullable=False),
    Column("max_timestamp", BigInteger, nullable=False),
    Column("points", LargeBinary, nullable=False, comment="assay.metrics.segment"),
    PrimaryKeyConstraint("run_id", "segment"),
)

metric_blocks = Table(
    "metric_blocks",
    metadata,
    Column("run_id", Text, ForeignKey("runs.run_id"), nullable=False),
    Column("series", Integer, nullable=False, comment="metric_summaries.series of the run"),
    Column("first_step", BigInteger, nullable=False),
    Column("first_timestamp", BigInteger, nullable=False, comment="of the first point"),
    Column("last_step", BigInteger, nullable=False),
    Column("last_timestamp", BigInteger, nullable=False, comment="of the last point"),
    Column("min_timestamp", BigInteger, nullable=False),
    Column("max_timestamp", BigInteger, nullable=False),
    Column("count", Integer, nullable=False),
    Column("cell_bits", Integer, comment="a cell covers 2 ** cell_bits steps; NULL without cells"),
    Column("cells", LargeBinary, comment="assay.metrics.downsample: the points, pre-aggregated"),
    Column("points", LargeBinary, nullable=False, comment="assay.metrics.block"),
    PrimaryKeyConstraint("run_id", "series", "first_step", "first_timestamp"),
)

metric_summaries = Table(
    "metric_summaries",
    metadata,
    Column("run_id", Text, ForeignKey("runs.run_id"), nullable=False),
    Column("key", Text, nullable=False),
    Column("model_id", Text, nullable=False),
    Column("dataset_name", Text, nullable=False),
    Column("dataset_digest", Text, nullable=False),
    Column("series", Integer, nullable=False, comment="counts from 0 in the run"),
    Column("is_latest", Boolean, nullable=False, comment="has the latest point of its key"),
    Column(
        "is_ranked",
        Boolean,
        nullable=False,
        comment="is_latest, and not growing: the index of latest values has it",
    ),
    Column("count", BigInteger, nullable=False),
    Column("nan_count", BigInteger, nullable=False),
    Column("first_step", BigInteger, nullable=False),
    Column("first_timestamp", BigInteger, nullable=False),
    Column("first", Double, comment="NULL stands for NaN, here and below: SQLite has no NaN"),
    Column("last_step", BigInteger, nullable=False),
    Column("last_timestamp", BigInteger, nullable=False),
    Column("last", Double),
    Column("min", Double),
    Column("max", Double),
    Column("mean", Double),
    Column("sum_squares", Double),
    Column(
        "negative_zeros",
        Integer,
        nullable=False,
        comment="which of first, last, min, max (bits 0 to 3) are -0.0: SQLite keeps 0.0",
    ),
    PrimaryKeyConstraint("run_id", "key", "model_id", "dataset_name", "dataset_digest"),
    UniqueConstraint("run_id", "series"),
    Index(
        "ix_metric_summaries_model_id",
        "model_id",
        sqlite_where=text("model_id <> ''"),
        postgresql_where=text("model_id <> ''"),
    ),
    sqlite_with_rowid=False,
)
# Searches that order by a metric walk the first index and stop where the page ends: their cost does
# not grow with the number of runs that rest. Growing series are not in it: with 5,000 runs in the
# store, moving its entries made a batch of 100 metrics five times as dear. The second finds them.
Index(
    None,
    metric_summaries.c.key,
    metric_summaries.c.last,
    metric_summaries.c.run_id,
    sqlite_where=text("is_ranked = 1"),  # as queries render it: SQLite compares the two terms
    postgresql_where=metric_summaries.c.is_ranked,
)
Index(
    None,
    metric_summaries.c.key,
    metric_summaries.c.run_id,
    sqlite_where=text("is_latest = 1 AND is_ranked = 0"),
    postgresql_where=and_(metric_summaries.c.is_latest, not_(metric_summaries.c.is_ranked)),
)

datasets = Table(
    "datasets",
    metadata,
    Column("dataset_id", Text, primary_key=True),
    Column("experiment_id", Text, ForeignKey("experiments.experiment_id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("source_type", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("schema", Text),
    Column("profile", Text),
    UniqueConstraint("experiment_id", "name", "digest"),
    Index(None, "digest", "name"),
)

dataset_inputs = Table(
    "dataset_inputs",
    metadata,
    Column("run_id", Text, ForeignKey("runs.run_id"), nullable=False),
    Column("dataset_id", Text, ForeignKey("datasets.dataset_id"), nullable=False),
    Column("tags", Text, nullable=False, comment="JSON object"),
    PrimaryKeyConstraint("run_id", "dataset_id"),
    Index(None, "dataset_id"),
    sqlite_with_rowid=False,
)

model_inputs = Table(
    "model_inputs",
    metadata,
    Column("run_id", Text, ForeignKey("runs.run_id"), nullable=False),
    Column("model_id", Text, nullable=False),
    PrimaryKeyConstraint("run_id", "model_id"),
    Index(None, "model_id"),
    sqlite_with_rowid=False,
)

model_outputs = Table(
    "model_outputs",
    metadata,
    Column("run_id", Text, ForeignKey("runs.run_id"), nullable=False),
    Column("model_id", Text, nullable=False),
    Column("step", BigInteger, nullable=False),
    PrimaryKeyConstraint("run_id", "model_id", "step"),
    Index(None, "model_id"),
    sqlite_with_rowid=False,
)

logged_models = Table(
    "logged_models",
    metadata,
    Column("model_id", Text, primary_key=True),
    Column("experiment_id", Text, ForeignKey("experiments.experiment_id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("artifact_location", Text, nullable=False),
    Column("creation_timestamp", BigInteger, nullable=False),
    Column("last_updated_timestamp", BigInteger, nullable=False),
    Column("model_type", Text),
    Column("source_run_id", Text),
    Column("status", Text, nullable=False),
    Column("status_message", Text),
    Column("lifecycle_stage", Text, nullable=False),
    Column("deleted_time", BigInteger),
    Index(None, "experiment_id", "creation_timestamp", "model_id"),
    Index(None, "source_run_id"),
)

logged_model_params = Table(
    "logged_model_params",
    metadata,
    Column("model_id", Text, ForeignKey("logged_models.model_id"), nullable=False),
    Column("key", Text, nullable=False),
    Column("value", Text, nullable=False),
    PrimaryKeyConstraint("model_id", "key"),
    sqlite_with_rowid=False,
)

logged_model_tags = Table(
    "logged_model_tags",
    metadata,
    Column("model_id", Text, ForeignKey("logged_models.model_id"), nullable=False),
    Column("key", Text, nullable=False),
    Column("value", Text, nullable=False),
    PrimaryKeyConstraint("model_id", "key"),
    sqlite_with_rowid=False,
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("writer_id", Text, primary_key=True),
    Column("position", BigInteger, nullable=False, comment="end of the last one applied"),
    Column("time", BigInteger, nullable=False),
)

jobs = Table(
    "jobs",
    metadata,
    Column("job_id", Text, primary_key=True),
    Column("queue", Text, nullable=False),
    Column("run_id", Text, ForeignKey("runs.run_id"), nullable=False),
    Column("experiment_id", Text, nullable=False),
    Column("launch", Text, nullable=False, comment="JSON object"),
    Column("state", Text, nullable=False),
    Column("rank", Integer, nullable=False, comment="the priority, negated: lower ones first"),
    Column("attempt", Integer, nullable=False),
    Column("max_attempts", Integer, nullable=False),
    Column("cpu", Double, nullable=False),
    Column("memory_mb", BigInteger, nullable=False),
    Column("gpu", Integer, nullable=False),
    Column("author", Text, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("updated", BigInteger, nullable=False),
    Column("agent", Text, nullable=False, comment="who has it, or had it last"),
    Column("lease_id", Text, nullable=False, comment="made by the agent; empty: nobody has it"),
    Column("lease_until", BigInteger),
    Column("cancel_asked", Boolean, nullable=False),
    Column("reason", Text, nullable=False),
    Index(None, "run_id"),
    Index(None, "created", "job_id"),
    Index(
        "ix_jobs_waiting",
        "queue",
        "rank",
        "created",
        "job_id",
        sqlite_where=text("state = 'queued'"),
        postgresql_where=text("state = 'queued'"),
    ),
    Index(
        "ix_jobs_held",
        "lease_until",
        sqlite_where=text("state IN ('leased', 'running')"),
        postgresql_where=text("state IN ('leased', 'running')"),
    ),
)
