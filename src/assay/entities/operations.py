"""Operations: what the journal keeps, the shipper delivers and the store applies, exactly once.

A delivery is what one writer's journal holds between two positions. The store applies it and
remembers where it
ends in one transaction, so a repeat is acknowledged and ignored, and a writer that lost its place
asks for it.
Their wire form is MessagePack with a tag per kind: docs/formats/journal.md.
"""

from __future__ import annotations

import msgspec

from assay.entities.datasets import DatasetInput
from assay.entities.ids import ExperimentId, RunId, WriterId
from assay.entities.logged_models import LoggedModelInput, LoggedModelOutput, NewLoggedModel
from assay.entities.metrics import PointBatch
from assay.entities.runs import RunStatus


class EnsureExperiment(msgspec.Struct, frozen=True, tag="experiment"):
    """Make the experiment if no active one has this name; later operations name it by
    ``experiment_name``.
    """

    experiment_name: str
    proposed_id: ExperimentId
    """Its id if it has to be made. Another one may hold the name already: the store's id wins."""
    artifact_location: str | None = None
    tags: dict[str, str] = {}


class StartRun(msgspec.Struct, frozen=True, tag="start"):
    """Create the run, or mark an existing one as running again."""

    run_id: RunId
    start_time: int
    experiment_name: str = ""
    """Where ``experiment_id`` is empty: the experiment by name, made before in the same journal."""
    experiment_id: str = ""
    run_name: str = ""
    user_id: str = ""
    tags: dict[str, str] = {}
    only_if_missing: bool = False
    """Leave an existing run as it is: what a forked child says of its parent's run, because its
    journal may be delivered before the parent's.
    """


class UpdateRun(msgspec.Struct, frozen=True, tag="update"):
    """Change status, end or name; ``None`` leaves a field as it is."""

    run_id: RunId
    status: RunStatus | None = None
    end_time: int | None = None
    run_name: str | None = None


class SetTags(msgspec.Struct, frozen=True, tag="tags"):
    """Set tags of a run."""

    run_id: RunId
    tags: dict[str, str]


class DeleteTag(msgspec.Struct, frozen=True, tag="untag"):
    """Delete a tag of a run; one that is missing is no error here."""

    run_id: RunId
    key: str


class SetExperimentTags(msgspec.Struct, frozen=True, tag="experiment_tags"):
    """Set tags of an experiment, named by id or, while only the name is known, by name."""

    tags: dict[str, str]
    experiment_id: str = ""
    experiment_name: str = ""


class LogParams(msgspec.Struct, frozen=True, tag="params"):
    """Log params of a run."""

    run_id: RunId
    params: dict[str, str]


class LogPoints(msgspec.Struct, frozen=True, tag="points"):
    """Append points of a run."""

    run_id: RunId
    batch: PointBatch


class LogInputs(msgspec.Struct, frozen=True, tag="inputs"):
    """Record datasets and models that a run used."""

    run_id: RunId
    datasets: list[DatasetInput] = []
    models: list[LoggedModelInput] = []


class LogOutputs(msgspec.Struct, frozen=True, tag="outputs"):
    """Record models that a run made."""

    run_id: RunId
    models: list[LoggedModelOutput] = []


class CreateModel(msgspec.Struct, frozen=True, tag="model"):
    """Make a logged model, PENDING until its files are complete."""

    model: NewLoggedModel
    experiment_name: str = ""
    """Where the model's ``experiment_id`` is empty: the experiment by name."""


Operation = (
    EnsureExperiment
    | StartRun
    | UpdateRun
    | SetTags
    | DeleteTag
    | SetExperimentTags
    | LogParams
    | LogPoints
    | LogInputs
    | LogOutputs
    | CreateModel
)


class Delivery(msgspec.Struct, frozen=True):
    """Operations of one writer, applied together.

    With ``at`` the position the store remembers for the writer: ``end <= at`` is a repeat, ``start
    < at < end``
    a conflict (the writer packs anew from ``at``), anything else is applied.
    """

    writer_id: WriterId
    start: int
    """Position in the writer's journal of the first operation; positions only grow."""
    end: int
    """Position behind the last operation."""
    operations: list[Operation]
    await_runs: bool = False
    """Refuse the whole delivery with ``RunNotFound`` when a run of it isn't there: another process
    started it, and its journal is on the way."""


class Refusal(msgspec.Struct, frozen=True):
    """An operation that the rules of the data refuse; the rest of its delivery stands."""

    index: int
    """Its place in ``operations``."""
    error_code: str
    message: str


class Receipt(msgspec.Struct, frozen=True):
    """What became of a delivery."""

    applied: bool
    """False for a repeat, of which nothing was applied again."""
    position: int
    """The writer's position in the store now."""
    refusals: list[Refusal] = []
