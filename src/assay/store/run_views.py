"""Views of runs: what a table of runs asks of a store, and what it gets.

Windows of rows with the columns that are on screen, the keys and values there are, groups, and
changes of many runs at once. The structs are the store's arguments and what travels over HTTP.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from enum import StrEnum
from typing import Final, Literal

import msgspec

from assay.entities.ids import ExperimentId, RunId
from assay.search.tree import Field, FieldKind, Figure

MAX_COLUMNS: Final = 1_000
"""Columns of one window."""
MAX_POINT_COLUMNS: Final = 50
"""Columns of one window whose figures are read from points."""
MAX_POINT_FIGURES: Final = 8
"""Such figures in one search, or of groups: each is read for all of the runs."""
MAX_WINDOW: Final = 1_000
"""Rows of one window, and runs that may be named."""
MAX_OFFSET: Final = 1_000_000
MAX_GROUP_COLUMNS: Final = 4
MAX_GROUPS: Final = 200
"""Groups of one page."""
MAX_VALUES: Final = 1_000
"""Values of one answer."""
MAX_BULK_RUNS: Final = 10_000
"""Runs that a change may name, leave out, or tell of."""

Cell = int | float | str | None
"""``None``: the run has none. NaN is a number here."""
View = Literal["ACTIVE_ONLY", "DELETED_ONLY", "ALL"]


class ColumnKind(StrEnum):
    """Where the values of a column come from."""

    METRIC = "metric"
    PARAM = "param"
    TAG = "tag"
    ATTRIBUTE = "attribute"
    DATASET = "dataset"
    """Of groups only: ``name`` or ``digest`` of a run's data sets."""


class Column(msgspec.Struct, frozen=True):
    """One column. Keys hold dots, so it is an object and no text such as ``metrics.loss.min``."""

    kind: ColumnKind
    key: str
    stat: Figure = Figure.LAST
    """Of metrics: which figure of the series."""
    of: int | None = None
    """The number that ``mean_last`` (points) and ``at_step`` (step) take."""


def field_of(column: Column) -> Field:
    """A metric's column as a search has it."""
    return Field(FieldKind.METRIC, column.key, column.stat, column.of)


class GroupKey(msgspec.Struct, frozen=True):
    """One group: its values of the columns that make the groups; ``null`` is one."""

    by: list[Column]
    key: list[str | None]


class RowsQuery(msgspec.Struct, frozen=True, kw_only=True):
    """A window of the table of runs."""

    experiment_ids: list[ExperimentId]
    filter: str = ""
    order_by: list[str] = []
    view: View = "ACTIVE_ONLY"
    columns: list[Column] | Literal["default"] = []
    """``"default"``: the metrics most logged, and the params that vary, of the latest runs.

    They are judged whatever the filter, so that they stay while one is typed.
    """
    also: list[Column] = []
    """Columns behind these: what is needed whatever the default ones are."""
    offset: int = 0
    """The window's first row, from 0; a token of the window before starts behind that instead."""
    limit: int = 200
    page_token: str | None = None
    run_ids: list[RunId] | None = None
    """Just these runs, in this order, whatever filter and view say."""
    except_run_ids: list[RunId] = []
    """Not these; of no account where runs are named."""
    parent: RunId | None = None
    """Only its children."""
    roots: bool = False
    """Only runs that are no children."""
    group: GroupKey | None = None
    """Only runs of this group."""


class RunColumns(msgspec.Struct, frozen=True, kw_only=True):
    """What every row shows, in columns."""

    run_id: list[RunId]
    run_name: list[str]
    experiment_id: list[ExperimentId]
    status: list[str]
    start_time: list[int | None]
    end_time: list[int | None]
    user_id: list[str]
    lifecycle_stage: list[str]
    parent: list[str | None]
    children: list[int]
    """Runs of the same experiments and view that name the run as parent, whatever the filter."""


class RunRows(msgspec.Struct, frozen=True, kw_only=True):
    """A window: ``columns`` have one entry per row."""

    total: int
    """All runs that match."""
    offset: int
    token: str | None
    runs: RunColumns
    chosen: list[Column]
    """What ``columns`` are: those that were asked for, or what was chosen by default."""
    columns: list[list[Cell]]


class KeysQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which keys runs have."""

    experiment_ids: list[ExperimentId]
    filter: str = ""
    view: View = "ACTIVE_ONLY"


class KeyFacet(msgspec.Struct, frozen=True):
    """One key."""

    key: str
    runs: int
    """Runs that have it."""
    varies: bool
    """Whether it has several values, or some of the runs lack it."""


class DatasetFacet(msgspec.Struct, frozen=True):
    """One data set."""

    name: str
    digest: str
    runs: int


class RunKeys(msgspec.Struct, frozen=True, kw_only=True):
    """The keys of runs, those that most runs have first.

    Metrics that equally many runs have stand in the order of the points that the latest started
    runs logged of them.
    """

    runs: int
    metrics: list[KeyFacet]
    params: list[KeyFacet]
    tags: list[KeyFacet]
    datasets: list[DatasetFacet]


class ValuesQuery(msgspec.Struct, frozen=True, kw_only=True):
    """The values of a param, tag or attribute that active runs have."""

    experiment_ids: list[ExperimentId]
    kind: ColumnKind
    key: str
    prefix: str = ""
    limit: int = 20


class ValueFacet(msgspec.Struct, frozen=True):
    """One value."""

    value: str
    runs: int


class RunValues(msgspec.Struct, frozen=True):
    """Values, the most frequent first."""

    values: list[ValueFacet]


class GroupOrder(msgspec.Struct, frozen=True):
    """Order groups by a figure of one of the columns asked for."""

    column: int
    descending: bool = False
    figure: Literal["count", "mean", "sd", "min", "max"] = "mean"


class GroupsQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Runs with equal values of some columns as one row each."""

    experiment_ids: list[ExperimentId]
    by: list[Column]
    filter: str = ""
    view: View = "ACTIVE_ONLY"
    columns: list[Column] = []
    """Metrics to tell the figures of."""
    order_by: GroupOrder | None = None
    """``None``: the largest group first."""
    offset: int = 0
    limit: int = 50


class GroupFigures(msgspec.Struct, frozen=True):
    """Figures of one metric over the runs of a group; ``None`` where there are too few."""

    count: int
    """Runs with a value other than NaN: those that the figures are made of."""
    mean: float | None
    sd: float | None
    """Of a sample: needs two runs."""
    min: float | None
    max: float | None


class RunGroup(msgspec.Struct, frozen=True):
    """One group."""

    key: list[str | None]
    runs: int
    figures: list[GroupFigures]


class RunGroups(msgspec.Struct, frozen=True):
    """A page of groups. A run with several data sets is in the group of each."""

    total: int
    groups: list[RunGroup]


class BulkRuns(msgspec.Struct, frozen=True, kw_only=True):
    """Which runs to change: those named, or all that match but some."""

    run_ids: list[RunId] | None = None
    experiment_ids: list[ExperimentId] = []
    filter: str = ""
    view: View = "ACTIVE_ONLY"
    except_run_ids: list[RunId] = []


class BulkFailure(msgspec.Struct, frozen=True):
    """A run that was not changed, and why."""

    run_id: RunId
    message: str


class BulkResult(msgspec.Struct, frozen=True):
    """What a change of many runs did; runs that were so already count as neither."""

    changed: int
    run_ids: list[RunId]
    """The first of those that were changed, enough to take it back."""
    failures: list[BulkFailure]
    """The first of those that could not be changed."""


class RunViewStore(ABC):
    """Tables of runs.

    All raise ``InvalidFilter`` for a filter or order that doesn't parse, and ``InvalidInput`` for
    numbers out of range or columns that don't exist. Changes are made in batches, each of which is
    atomic: a store that fails on the way keeps the ones before.
    """

    @abstractmethod
    def rows(self, query: RowsQuery) -> RunRows:
        """A window of the table."""

    @abstractmethod
    def keys(self, query: KeysQuery) -> RunKeys:
        """The keys that the runs have."""

    @abstractmethod
    def values(self, query: ValuesQuery) -> RunValues:
        """The values of a param, tag or attribute."""

    @abstractmethod
    def groups(self, query: GroupsQuery) -> RunGroups:
        """Runs in groups, with figures of metrics."""

    @abstractmethod
    def delete(self, runs: BulkRuns) -> BulkResult:
        """Move runs to the bin."""

    @abstractmethod
    def restore(self, runs: BulkRuns) -> BulkResult:
        """Take runs back from the bin."""

    @abstractmethod
    def set_tags(self, runs: BulkRuns, tags: dict[str, str]) -> BulkResult:
        """Set the same tags on runs."""

    @abstractmethod
    def delete_tags(self, runs: BulkRuns, keys: list[str]) -> BulkResult:
        """Delete tags of runs; those that lack them stay as they are."""

    @abstractmethod
    def stop(self, runs: BulkRuns) -> BulkResult:
        """Mark running runs as killed, ended now. What trains them isn't reached by it."""
