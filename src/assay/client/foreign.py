"""Delivery to a plain MLflow server, which knows neither deliveries nor ids made by clients.

What Assay's own servers do in one transaction is done here with ordinary calls, at least once: how
far a journal is delivered is noted in its folder, and what a crash makes us repeat is harmless,
because MLflow keeps equal points, params and tags once. Runs get the server's ids; which is which
is noted beside the journals, and on the server in the tag ``assay.run_id``, by which a run is
found again that was made just before a crash.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from assay.client.journal_files import make_private_folder, write_private
from assay.entities import limits
from assay.entities.experiments import Experiment
from assay.entities.ids import DEFAULT_EXPERIMENT_ID, ExperimentId, RunId, WriterId
from assay.entities.operations import (
    CreateModel,
    DeleteTag,
    Delivery,
    EnsureExperiment,
    LogInputs,
    LogOutputs,
    LogParams,
    LogPoints,
    Operation,
    Receipt,
    Refusal,
    SetExperimentTags,
    SetTags,
    StartRun,
    UpdateRun,
)
from assay.entities.params import Param
from assay.entities.runs import NewRun, RunStatus
from assay.entities.tags import Tag
from assay.errors import AlreadyExists, InvalidInput, NotFound, RunNotFound, TagNotFound
from assay.store.base import Query

if TYPE_CHECKING:
    from assay.store.base import Store

RUN_ID_TAG: Final = "assay.run_id"
"""On a run of an MLflow server: the id under which the client recorded it."""
IDS_NAME: Final = "run_ids.jsonl"
CURSOR_NAME: Final = "cursor"


class _Ids(msgspec.Struct, frozen=True):
    recorded: RunId
    server: RunId


class ForeignTarget:
    """Applies deliveries by ordinary calls. Used by one thread at a time."""

    def __init__(self, store: Store, journal_folder: Path) -> None:
        self._store = store
        self._folder = journal_folder
        self._ids: dict[RunId, RunId] = {}
        self._experiments: dict[str, ExperimentId] = {}

    def position(self, writer_id: WriterId) -> int:
        """How far the journal was delivered, as noted in its folder."""
        try:
            return int((self._folder / writer_id / CURSOR_NAME).read_text())
        except (OSError, ValueError):
            return 0

    def apply(self, delivery: Delivery) -> Receipt:
        """Apply the operations one after another, and note the end.

        Raises:
            AssayError: the server can't be reached; what was applied before is applied again next
            time.
        """
        at = self.position(delivery.writer_id)
        if delivery.end <= at:
            return Receipt(applied=False, position=at)
        refusals = []
        for index, operation in enumerate(delivery.operations):
            try:
                self._one(operation)
            except (InvalidInput, NotFound, AlreadyExists) as error:
                refusals.append(Refusal(index, error.error_code, error.message))
        folder = self._folder / delivery.writer_id
        if folder.is_dir():
            write_private(folder / CURSOR_NAME, str(delivery.end).encode())
        return Receipt(applied=True, position=delivery.end, refusals=refusals)

    def _one(self, operation: Operation) -> None:
        store = self._store
        match operation:
            case EnsureExperiment():
                self._ensure_experiment(operation)
            case StartRun():
                self.start(operation)
            case UpdateRun():
                store.runs.update(
                    self.run_id(operation.run_id),
                    status=operation.status,
                    end_time=operation.end_time,
                    run_name=operation.run_name,
                )
            case SetTags():
                self._set_tags(self.run_id(operation.run_id), operation.tags)
            case DeleteTag():
                self._delete_tag(operation)
            case SetExperimentTags():
                experiment = operation.experiment_id or self._experiment(operation.experiment_name)
                store.experiments.set_tags(ExperimentId(experiment), operation.tags)
            case LogParams():
                self._log_params(self.run_id(operation.run_id), operation.params)
            case LogPoints():
                store.metrics.append(self.run_id(operation.run_id), operation.batch)
            case LogInputs():
                store.inputs.log_inputs(
                    self.run_id(operation.run_id),
                    datasets=operation.datasets,
                    models=operation.models,
                )
            case LogOutputs():
                store.inputs.log_outputs(self.run_id(operation.run_id), operation.models)
            case CreateModel():
                raise InvalidInput(
                    "A plain MLflow server makes the ids of models itself, so a model that was"
                    " logged while it was away can't be delivered to it. Its files are kept."
                )

    def _ensure_experiment(self, operation: EnsureExperiment) -> None:
        name = operation.experiment_name
        found = self._store.experiments.find(name)
        if found is None:
            found = self._create_experiment(operation)
        self._experiments[name] = found.experiment_id

    def _create_experiment(self, operation: EnsureExperiment) -> Experiment:
        experiments, name = self._store.experiments, operation.experiment_name
        try:
            return experiments.create(
                name, artifact_location=operation.artifact_location, tags=operation.tags or None
            )
        except AlreadyExists:
            # Another process, or the start of a run in this one, was faster.
            found = experiments.find(name)
            if found is None:
                raise
            return found

    def _experiment(self, name: str) -> ExperimentId:
        if not name:
            return DEFAULT_EXPERIMENT_ID
        if name not in self._experiments:
            self._ensure_experiment(EnsureExperiment(name, ExperimentId("")))
        return self._experiments[name]

    def start(self, operation: StartRun) -> RunId:
        """Make the run, or mark it as running again; returns the server's id of it."""
        known = self._known(operation.run_id) or self._on_server(operation)
        if known is None:
            return self._create(operation)
        self._store.runs.update(known, status=RunStatus.RUNNING)
        if operation.tags:
            self._set_tags(known, operation.tags)
        return known

    def _on_server(self, operation: StartRun) -> RunId | None:
        """The run if the server has it: by its own id, or made by us just before a crash."""
        try:
            self._store.runs.get(operation.run_id)
        except (RunNotFound, InvalidInput):
            pass
        else:
            return self._note(operation.run_id, operation.run_id)
        query = Query(filter=f"tags.`{RUN_ID_TAG}` = '{operation.run_id}'", max_results=1)
        found = self._store.runs.search([self._experiment_of(operation)], query).items
        return self._note(operation.run_id, found[0].info.run_id) if found else None

    def _experiment_of(self, operation: StartRun) -> ExperimentId:
        return ExperimentId(operation.experiment_id or self._experiment(operation.experiment_name))

    def _create(self, operation: StartRun) -> RunId:
        made = self._store.runs.create(
            NewRun(
                run_id=operation.run_id,
                experiment_id=self._experiment_of(operation),
                start_time=operation.start_time,
                run_name=operation.run_name,
                user_id=operation.user_id,
                tags={**operation.tags, RUN_ID_TAG: operation.run_id},
            )
        )
        return self._note(operation.run_id, made.info.run_id)

    def _set_tags(self, run_id: RunId, tags: dict[str, str]) -> None:
        for some in _slices(list(tags.items()), limits.MAX_BATCH_TAGS):
            self._store.runs.log_batch(run_id, tags=[Tag(key, value) for key, value in some])

    def _log_params(self, run_id: RunId, params: dict[str, str]) -> None:
        for some in _slices(list(params.items()), limits.MAX_BATCH_PARAMS):
            self._store.runs.log_batch(run_id, params=[Param(key, value) for key, value in some])

    def _delete_tag(self, operation: DeleteTag) -> None:
        try:
            self._store.runs.delete_tag(self.run_id(operation.run_id), operation.key)
        except TagNotFound:
            return

    def run_id(self, recorded: RunId) -> RunId:
        """The server's id of a run that was recorded under ``recorded``."""
        return self._known(recorded) or recorded

    def _known(self, recorded: RunId) -> RunId | None:
        if recorded not in self._ids:
            # Another process of this folder may have started the run.
            self._ids.update({ids.recorded: ids.server for ids in _read(self._folder / IDS_NAME)})
        return self._ids.get(recorded)

    def _note(self, recorded: RunId, server: RunId) -> RunId:
        make_private_folder(self._folder)
        line = msgspec.json.encode(_Ids(recorded, server)) + b"\n"
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        descriptor = os.open(self._folder / IDS_NAME, flags, 0o600)
        try:
            os.write(descriptor, line)
        finally:
            os.close(descriptor)
        self._ids[recorded] = server
        if server != recorded:
            self._ids[server] = server
        return server


def _read(path: Path) -> list[_Ids]:
    try:
        lines = path.read_bytes().splitlines()
    except FileNotFoundError:
        return []
    found = []
    for line in lines:
        try:
            found.append(msgspec.json.decode(line, type=_Ids))
        except msgspec.MsgspecError:
            continue
    return found


def _slices(items: Sequence[tuple[str, str]], size: int) -> list[list[tuple[str, str]]]:
    rest = iter(items)
    return [list(islice(rest, size)) for _ in range(0, len(items), size)]
