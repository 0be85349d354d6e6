"""The wire: what Assay's own routes take and give, one definition for the client and the server.

Everything travels as MessagePack, where floats keep all their bits, and as JSON for people and
browsers. Columns of numbers are raw little-endian bytes in MessagePack: no number is parsed on
either side. In JSON they are lists, and NaN and ±inf are the strings ``"NaN"``, ``"Infinity"`` and
``"-Infinity"``. Reference: docs/reference/assay-api.md.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec

from assay.entities.experiments import Experiment
from assay.entities.ids import ExperimentId, ModelId, RunId
from assay.entities.lifecycle import ViewType
from assay.entities.metrics import Metric, MetricSummary, PointBatch, SeriesKey
from assay.entities.params import Param
from assay.entities.runs import RunInfo, RunStatus
from assay.entities.tags import Tag
from assay.store.base import ModelOrder

PREFIX: Final = "/api/assay/v1"
API_VERSION: Final = 1
"""Raised when a field or route changes meaning or goes away; new ones don't raise it. Then the
prefix grows a ``/v2`` beside ``/v1``, which stays until no supported release uses it."""

MAX_RUNS: Final = 1_000
"""Runs that one query of series or summaries may name."""
MAX_SERIES: Final = 10_000
"""Runs times keys of one query of series."""
MAX_BUCKETS: Final = 10_000
"""Buckets per series: more than any screen is wide."""
MAX_HISTORIES: Final = 1_000
"""Histories of one query."""

ManyExperiments = Annotated[list[ExperimentId], msgspec.Meta(max_length=10_000)]
ManyRuns = Annotated[list[RunId], msgspec.Meta(max_length=MAX_RUNS)]
ManyKeys = Annotated[list[str], msgspec.Meta(max_length=MAX_RUNS)]


class Info(msgspec.Struct, frozen=True):
    """What a server is."""

    name: str
    """``assay``."""
    version: str
    api_version: int


class Position(msgspec.Struct, frozen=True):
    """Where the last applied delivery of a writer ended."""

    position: int


class CreateExperiment(msgspec.Struct, frozen=True):
    """Make an experiment, with an id of the caller's choice if given."""

    name: str
    artifact_location: str | None = None
    tags: dict[str, str] | None = None
    experiment_id: ExperimentId | None = None


class ExperimentTags(msgspec.Struct, frozen=True):
    """Set all of the tags or none."""

    experiment_id: ExperimentId
    tags: dict[str, str]


class RunQuery(msgspec.Struct, frozen=True):
    """Search runs."""

    experiment_ids: ManyExperiments
    filter: str = ""
    order_by: list[str] = []
    view: ViewType = ViewType.ACTIVE_ONLY
    max_results: int = 1_000
    page_token: str | None = None


class ModelQuery(msgspec.Struct, frozen=True):
    """Search logged models; ``datasets`` (name, digest or any) restrict the metrics the filter
    sees.
    """

    experiment_ids: ManyExperiments
    filter: str = ""
    order_by: list[str] = []
    order: list[ModelOrder] = []
    datasets: list[tuple[str, str | None]] = []
    max_results: int = 1_000
    page_token: str | None = None


class ModelTag(msgspec.Struct, frozen=True):
    """A tag of a logged model."""

    model_id: ModelId
    key: str


class ExperimentOverview(msgspec.Struct, frozen=True):
    """An experiment, and how many active runs it has by status."""

    experiment: Experiment
    runs: dict[RunStatus, int]


class Overviews(msgspec.Struct, frozen=True):
    """A page of experiments, the latest made first."""

    experiments: list[ExperimentOverview]
    token: str | None = None


class CountRuns(msgspec.Struct, frozen=True):
    """Count the active runs of experiments."""

    experiment_ids: ManyExperiments


class RunCounts(msgspec.Struct, frozen=True):
    """Active runs by experiment and status; experiments without runs are left out."""

    counts: dict[ExperimentId, dict[RunStatus, int]]


class RunBatch(msgspec.Struct, frozen=True):
    """Log all of it or nothing."""

    run_id: RunId
    metrics: list[Metric] = []
    params: list[Param] = []
    tags: list[Tag] = []


class AppendPoints(msgspec.Struct, frozen=True):
    """Points of one run, in columns."""

    run_id: RunId
    batch: PointBatch


class PageQuery(msgspec.Struct, frozen=True):
    """A page of the points of all series with a key."""

    run_id: RunId
    key: str
    max_results: int | None = None
    page_token: str | None = None


class HistoryName(msgspec.Struct, frozen=True):
    """One series of one run."""

    run_id: RunId
    series: SeriesKey


class HistoryQuery(msgspec.Struct, frozen=True):
    """Whole histories, or a closed range of their steps."""

    histories: Annotated[list[HistoryName], msgspec.Meta(max_length=MAX_HISTORIES)]
    first_step: int | None = None
    last_step: int | None = None


class HistoryColumns(msgspec.Struct, frozen=True):
    """A history: ``int64``, ``int64`` and ``float64`` per point."""

    run_id: RunId
    series: SeriesKey
    steps: bytes
    timestamps: bytes
    values: bytes


class Histories(msgspec.Struct, frozen=True):
    """Histories in the order of the query."""

    histories: list[HistoryColumns]


class SeriesQuery(msgspec.Struct, frozen=True):
    """Each series of these runs and keys in at most ``count`` buckets."""

    run_ids: ManyRuns
    keys: ManyKeys
    count: Annotated[int, msgspec.Meta(ge=1, le=MAX_BUCKETS)] = 1_000
    first_step: int | None = None
    last_step: int | None = None
    scale: Literal["linear", "log"] = "linear"
    """On which the buckets have equal widths."""
    branches: bool = False
    """Whether a run that was started again from an earlier step has so many buckets for each
    branch, one branch after the other."""


class BucketColumns(msgspec.Struct, frozen=True):
    """Buckets of one series; ``float64`` for values, ``int64`` for the rest."""

    run_id: RunId
    series: SeriesKey
    steps: bytes
    last_steps: bytes
    timestamps: bytes
    min: bytes
    max: bytes
    mean: bytes
    last: bytes
    counts: bytes


class SeriesAnswer(msgspec.Struct, frozen=True):
    """One entry per series that has points in the range."""

    series: list[BucketColumns]


class SummaryQuery(msgspec.Struct, frozen=True):
    """Figures of the series of some runs, of all keys unless some are named."""

    run_ids: ManyRuns
    keys: ManyKeys | None = None


class Summaries(msgspec.Struct, frozen=True):
    """Figures by run."""

    summaries: dict[RunId, list[MetricSummary]]


class TableColumns(msgspec.Struct, frozen=True):
    """Runs in columns, one entry per run; metrics are ``float64``, NaN where a run has none."""

    infos: list[RunInfo]
    metrics: dict[str, bytes]
    params: dict[str, list[str | None]]
    tags: dict[str, list[str | None]]
    token: str | None = None
