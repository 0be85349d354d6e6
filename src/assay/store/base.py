"""The store: one interface per resource, kept by ``store.sql`` and ``store.rest``.

Promises, for every implementation:

- Thread-safe; one store may serve many threads. It is not carried over a ``fork``: open it again
in the child.
- A call that returned is durable against a killed process; a call that raised changed nothing.
- Calls are checked where the data lives: wrong input raises an ``InvalidInput``, missing things a
``NotFound``,
  a store that can't be reached ``StoreUnavailable``, a full disk ``StoreFull``.
- Writing to a deleted run or experiment raises ``InactiveResource``.
- Creating with an id that exists and the same content is the same as doing it once.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol, TypeVar, runtime_checkable

import msgspec

from assay.entities.datasets import DatasetInput, DatasetSummary
from assay.entities.experiments import Experiment
from assay.entities.ids import ExperimentId, ModelId, RunId, WriterId
from assay.entities.logged_models import (
    LoggedModel,
    LoggedModelInput,
    LoggedModelOutput,
    LoggedModelStatus,
    NewLoggedModel,
)
from assay.entities.metrics import Buckets, History, Metric, MetricSummary, PointBatch, SeriesKey
from assay.entities.operations import Delivery, Receipt
from assay.entities.page import Page
from assay.entities.params import Param
from assay.entities.runs import NewRun, Run, RunInfo, RunStatus
from assay.entities.tags import Tag
from assay.store.jobs import JobStore
from assay.store.query import Query as Query
from assay.store.registry import (
    AuditStore,
    DeploymentStore,
    LineageStore,
    ModelVersionStore,
    PolicyStore,
    RegisteredModelStore,
    RequestStore,
    RuleStore,
    SignatureStore,
    WebhookStore,
)
from assay.store.run_views import RunViewStore

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


T_contra = TypeVar("T_contra", contravariant=True)


class RunTable(NamedTuple):
    """Runs in columns, for tables and DataFrames. All columns have one entry per run, in search
    order.
    """

    infos: list[RunInfo]
    metrics: dict[str, NDArray[np.float64]]
    """Latest value per key; NaN where the run has no such metric, or logged NaN."""
    params: dict[str, list[str | None]]
    tags: dict[str, list[str | None]]
    token: str | None


class Done(Protocol[T_contra]):
    """What a deferred write calls when it is over."""

    def __call__(self, result: T_contra | None, error: BaseException | None, /) -> None:
        """Take its result, or the error it met."""


class ExperimentStore(ABC):
    """Experiments. Id ``0``, named "Default", exists in every store."""

    @abstractmethod
    def create(
        self,
        name: str,
        *,
        artifact_location: str | None = None,
        tags: Mapping[str, str] | None = None,
        experiment_id: ExperimentId | None = None,
    ) -> Experiment:
        """Make an experiment.

        Raises:
            AlreadyExists: the name is taken, by a deleted experiment too.
        """

    @abstractmethod
    def get(self, experiment_id: ExperimentId) -> Experiment:
        """The experiment, deleted or not. Raises ``ExperimentNotFound``."""

    @abstractmethod
    def find(self, name: str) -> Experiment | None:
        """The experiment with exactly this name, deleted or not."""

    @abstractmethod
    def search(self, query: Query) -> Page[Experiment]:
        """Experiments that match, by default the latest made first."""

    @abstractmethod
    def rename(self, experiment_id: ExperimentId, name: str) -> None:
        """Give an active experiment another name."""

    @abstractmethod
    def delete(self, experiment_id: ExperimentId) -> None:
        """Move it and its active runs to the bin."""

    @abstractmethod
    def restore(self, experiment_id: ExperimentId) -> None:
        """Take it back from the bin, with the runs that were deleted with it."""

    @abstractmethod
    def set_tags(self, experiment_id: ExperimentId, tags: Mapping[str, str]) -> None:
        """Set tags of an active experiment."""

    @abstractmethod
    def delete_tag(self, experiment_id: ExperimentId, key: str) -> None:
        """Delete a tag. Raises ``TagNotFound``."""


class RunStore(ABC):
    """Runs with their params and tags."""

    @abstractmethod
    def create(self, run: NewRun) -> Run:
        """Make a run in an active experiment, with status RUNNING."""

    @abstractmethod
    def get(self, run_id: RunId) -> Run:
        """The run with all it recorded but histories, deleted or not. Raises ``RunNotFound``."""

    @abstractmethod
    def update(
        self,
        run_id: RunId,
        *,
        status: RunStatus | None = None,
        end_time: int | None = None,
        run_name: str | None = None,
    ) -> RunInfo:
        """Change what is not ``None``."""

    @abstractmethod
    def delete(self, run_id: RunId) -> None:
        """Move it to the bin."""

    @abstractmethod
    def restore(self, run_id: RunId) -> None:
        """Take it back from the bin."""

    @abstractmethod
    def search(self, experiment_ids: Sequence[ExperimentId], query: Query) -> Page[Run]:
        """Runs that match, by default the latest started first; ties by run id."""

    @abstractmethod
    def table(self, experiment_ids: Sequence[ExperimentId], query: Query) -> RunTable:
        """The same search in columns: much faster where thousands of runs are read."""

    @abstractmethod
    def log_batch(
        self,
        run_id: RunId,
        *,
        metrics: Sequence[Metric] = (),
        params: Sequence[Param] = (),
        tags: Sequence[Tag] = (),
    ) -> None:
        """Log all of it or, when anything is wrong, nothing.

        Raises:
            ParamChanged: a param was logged before with another value, or twice in the batch.
        """

    @abstractmethod
    def delete_tag(self, run_id: RunId, key: str) -> None:
        """Delete a tag. Raises ``TagNotFound``."""

    def count(
        self, experiment_ids: Sequence[ExperimentId]
    ) -> dict[ExperimentId, dict[RunStatus, int]]:
        """How many active runs each experiment has, by status.

        Experiments without runs are left out. Reads all runs here; stores that can count do so.
        """
        counts: dict[ExperimentId, dict[RunStatus, int]] = {}
        query = Query()
        while True:
            page = self.search(experiment_ids, query)
            for run in page:
                by_status = counts.setdefault(run.info.experiment_id, {})
                by_status[run.info.status] = by_status.get(run.info.status, 0) + 1
            if page.token is None:
                return counts
            query = Query(page_token=page.token)


class MetricStore(ABC):
    """Points of metrics, their histories and their figures."""

    @abstractmethod
    def append(self, run_id: RunId, batch: PointBatch) -> None:
        """Keep the points of a batch. Equal points (series, step, timestamp, value) are kept
        once.
        """

    @abstractmethod
    def history(
        self,
        run_id: RunId,
        series: SeriesKey,
        *,
        first_step: int | None = None,
        last_step: int | None = None,
    ) -> History:
        """All points of a series, or those of a closed range of steps; empty if it has none."""

    @abstractmethod
    def page(
        self,
        run_id: RunId,
        key: str,
        *,
        max_results: int | None = None,
        page_token: str | None = None,
    ) -> Page[Metric]:
        """Points of all series with this key, by timestamp, step and value, as MLflow's
        get-history.
        """

    @abstractmethod
    def summaries(
        self, run_ids: Sequence[RunId], keys: Sequence[str] | None = None
    ) -> dict[RunId, list[MetricSummary]]:
        """Figures of the series of each run, of all keys unless some are named."""

    @abstractmethod
    def buckets(
        self,
        run_ids: Sequence[RunId],
        keys: Sequence[str],
        *,
        count: int,
        first_step: int | None = None,
        last_step: int | None = None,
        scale: Literal["linear", "log"] = "linear",
        branches: bool = False,
    ) -> list[Buckets]:
        """Each series of these runs and keys in at most ``count`` buckets over the range of
        steps, of equal width on the scale. With ``branches`` as many for each branch of a run that
        was started again from an earlier step, one branch after the other: it reads all points.
        """


class InputStore(ABC):
    """Datasets and models that went into runs, and models that came out."""

    @abstractmethod
    def log_inputs(
        self,
        run_id: RunId,
        *,
        datasets: Sequence[DatasetInput] = (),
        models: Sequence[LoggedModelInput] = (),
    ) -> None:
        """Record inputs; the same again changes nothing."""

    @abstractmethod
    def log_outputs(self, run_id: RunId, models: Sequence[LoggedModelOutput]) -> None:
        """Record models that the run made; the same again changes nothing."""

    @abstractmethod
    def search_datasets(self, experiment_ids: Sequence[ExperimentId]) -> list[DatasetSummary]:
        """The data sets that runs of these experiments used, at most 1,000 per experiment."""


class LoggedModelStore(ABC):
    """Logged models."""

    @abstractmethod
    def create(self, model: NewLoggedModel) -> LoggedModel:
        """Make a logged model, with status PENDING."""

    @abstractmethod
    def get(self, model_id: ModelId) -> LoggedModel:
        """The model unless deleted. Raises ``LoggedModelNotFound``."""

    @abstractmethod
    def finalize(self, model_id: ModelId, status: LoggedModelStatus) -> LoggedModel:
        """Say whether its files are complete."""

    @abstractmethod
    def delete(self, model_id: ModelId) -> None:
        """Move it to the bin."""

    @abstractmethod
    def search(
        self,
        experiment_ids: Sequence[ExperimentId],
        query: Query,
        *,
        datasets: Sequence[tuple[str, str | None]] = (),
        order: Sequence[ModelOrder] = (),
    ) -> Page[LoggedModel]:
        """Models that match; ``datasets`` (name, digest or any) restrict the metrics that the
        filter sees.
        """

    @abstractmethod
    def log_params(self, model_id: ModelId, params: Sequence[Param]) -> None:
        """Log params; each is written once."""

    @abstractmethod
    def set_tags(self, model_id: ModelId, tags: Mapping[str, str]) -> LoggedModel:
        """Set tags."""

    @abstractmethod
    def delete_tag(self, model_id: ModelId, key: str) -> None:
        """Delete a tag. Raises ``TagNotFound``."""


class ModelOrder(msgspec.Struct, frozen=True):
    """One term of the order of a logged-model search, as MLflow's route takes it."""

    field_name: str
    ascending: bool = True
    dataset_name: str | None = None
    dataset_digest: str | None = None


class Store(ABC):
    """All resources of one store."""

    experiments: ExperimentStore
    runs: RunStore
    run_views: RunViewStore
    metrics: MetricStore
    inputs: InputStore
    logged_models: LoggedModelStore
    registered_models: RegisteredModelStore
    model_versions: ModelVersionStore
    policies: PolicyStore
    requests: RequestStore
    signatures: SignatureStore
    audit: AuditStore
    rules: RuleStore
    deployments: DeploymentStore
    lineage: LineageStore
    webhooks: WebhookStore
    jobs: JobStore

    @property
    @abstractmethod
    def uri(self) -> str:
        """What opens this store again, without secrets."""

    @abstractmethod
    def apply(self, delivery: Delivery) -> Receipt:
        """Apply a delivery once, in one transaction; see ``assay.entities.operations``.

        Raises:
            Conflict: a part of it was applied before; ``position`` tells up to where.
            RunNotFound: only where the delivery asks to await its runs.
        """

    @abstractmethod
    def position(self, writer_id: WriterId) -> int:
        """Where the last applied delivery of this writer ended; 0 if it never delivered."""

    @abstractmethod
    def close(self) -> None:
        """Release connections and threads; waiting writes are finished first."""


@runtime_checkable
class SupportsDeferred(Protocol):
    """Stores that take a write without blocking the caller, as an event loop needs it.

    What is wrong with the arguments is raised at once. Else ``done`` is called once, from another
    thread, when the write is as durable as a call that returned, or has failed.
    """

    def defer_batch(
        self,
        run_id: RunId,
        *,
        done: Done[None],
        metrics: Sequence[Metric] = (),
        params: Sequence[Param] = (),
        tags: Sequence[Tag] = (),
    ) -> None:
        """As ``runs.log_batch``."""

    def defer_delivery(self, delivery: Delivery, *, done: Done[Receipt]) -> None:
        """As ``apply``."""
