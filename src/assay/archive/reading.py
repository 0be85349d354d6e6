"""Reading an archive into a store. Doing it twice, or again after it broke off, gives what once
gives.

An archive is input from outside: names pass the parsers for them, every member is checked against
its SHA-256
while it is read, and a file that doesn't match is never published.
"""

from __future__ import annotations

import hashlib
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from assay.archive import layout
from assay.archive.writing import OpenArtifacts, pyarrow_and_parquet
from assay.entities import ExperimentId, LoggedModel, LoggedModelStatus, Run, RunId
from assay.entities.ids import DEFAULT_EXPERIMENT_ID, new_writer_id
from assay.entities.lifecycle import LifecycleStage
from assay.entities.logged_models import NewLoggedModel
from assay.entities.metrics import PointBatch, SeriesKey
from assay.entities.operations import (
    Delivery,
    LogInputs,
    LogOutputs,
    LogParams,
    LogPoints,
    Operation,
    SetTags,
    StartRun,
    UpdateRun,
)
from assay.errors import Conflict, Corrupted, InvalidInput, RunNotFound
from assay.store.base import Store

_CHUNK = 1 << 20
_MAX_MANIFEST_BYTES = 256 << 20
_MAX_LINE_BYTES = 64 << 20
"""A run with its params, tags and inputs; data set profiles may reach 16 MB each."""
_POINTS_A_DELIVERY = 200_000

T = TypeVar("T")


class ImportReport(msgspec.Struct, frozen=True):
    """What was read."""

    experiments_created: int
    runs: int
    runs_created: int
    """The others were there before; what they lacked was added."""
    points: int
    files: int


def import_archive(
    store: Store,
    open_artifacts: OpenArtifacts,
    source: Path,
    *,
    experiment_name: str | None = None,
    on_run: Callable[[int, int], None] = lambda done, total: None,
) -> ImportReport:
    """Read the runs of an archive into a store, under their own ids.

    Args:
        store: where they go; a store of Assay or an Assay server.
        open_artifacts: opens where their files go.
        source: the archive.
        experiment_name: puts all runs in this experiment; otherwise into those of the same names.
        on_run: called with the number of runs done and their total.

    Raises:
        InvalidInput: the file is no archive, or of a later format, or holds names that may not be.
        Corrupted: a member's content is not what the manifest says. Runs read before stay.
        Conflict: a run is there already with other params.
        MissingExtra: PyArrow is not installed.
    """
    try:
        with zipfile.ZipFile(source) as archive:
            return _Reader(archive, store, open_artifacts).read(experiment_name, on_run)
    except zipfile.BadZipFile as error:
        raise InvalidInput(f"{source} is no archive of runs: {error}.") from error


class _Reader:
    """One archive being read."""

    def __init__(
        self, archive: zipfile.ZipFile, store: Store, open_artifacts: OpenArtifacts
    ) -> None:
        self._archive = archive
        self._store = store
        self._open_artifacts = open_artifacts
        self._writer_id = new_writer_id()
        self._position = 0
        self._points = 0
        self._manifest = self._read_manifest()
        self._owners = {name: layout.owner_of(name) for name in self._manifest.members}

    def _read_manifest(self) -> layout.Manifest:
        names = self._archive.namelist()
        if layout.MANIFEST not in names:
            raise InvalidInput(
                f"{self._archive.filename} is no archive of runs: it has no manifest."
            )
        if self._archive.getinfo(layout.MANIFEST).file_size > _MAX_MANIFEST_BYTES:
            raise InvalidInput("The manifest of the archive is too large.")
        manifest = _decode(self._archive.read(layout.MANIFEST), layout.Manifest, layout.MANIFEST)
        if manifest.format > layout.FORMAT_VERSION:
            raise InvalidInput(
                f"The archive has format {manifest.format}, this Assay reads up to"
                f" {layout.FORMAT_VERSION}. Install a newer Assay."
            )
        if sorted(names) != sorted([*manifest.members, layout.MANIFEST]):
            raise InvalidInput("The archive's members are not those that its manifest lists.")
        return manifest

    def read(self, experiment_name: str | None, on_run: Callable[[int, int], None]) -> ImportReport:
        runs = [_decode(line, Run, layout.RUNS) for line in self._lines(layout.RUNS)]
        experiments = _decode(
            b"".join(self._chunks(layout.EXPERIMENTS)),
            list[layout.ArchivedExperiment],
            layout.EXPERIMENTS,
        )
        homes, made = self._homes(experiments, experiment_name)
        created = 0
        for done, run in enumerate(runs, start=1):
            created += self._start(run, homes)
            on_run(done, len(runs))
        for line in self._lines(layout.MODELS):
            self._model(_decode(line, LoggedModel, layout.MODELS), homes)
        self._metrics({run.info.run_id for run in runs})
        files = self._files()
        for run in runs:
            self._apply(run.info.run_id, [_end_of(run)])
        return ImportReport(
            experiments_created=made,
            runs=len(runs),
            runs_created=created,
            points=self._points,
            files=files,
        )

    def _homes(
        self, experiments: list[layout.ArchivedExperiment], experiment_name: str | None
    ) -> tuple[dict[str, ExperimentId], int]:
        """Which experiment of the store each one of the archive becomes, and how many were made."""
        homes: dict[str, ExperimentId] = {}
        made = 0
        for archived in experiments:
            name = experiment_name or archived.name
            found = self._store.experiments.find(name)
            if found is None:
                tags = archived.tags if experiment_name is None else {}
                found = self._store.experiments.create(name, tags=tags)
                made += 1
            elif found.lifecycle_stage is LifecycleStage.DELETED:
                raise Conflict(
                    f"Experiment {name!r} is in the bin: restore it, or choose another name."
                )
            elif experiment_name is None and archived.tags:
                self._store.experiments.set_tags(found.experiment_id, archived.tags)
            homes[archived.experiment_id] = found.experiment_id
        return homes, made

    def _start(self, run: Run, homes: dict[str, ExperimentId]) -> bool:
        info = run.info
        operations: list[Operation] = []
        exists = self._exists(info.run_id)
        if not exists:
            operations.append(
                StartRun(
                    info.run_id,
                    info.start_time or 0,
                    experiment_id=homes.get(info.experiment_id, DEFAULT_EXPERIMENT_ID),
                    run_name=info.run_name,
                    user_id=info.user_id,
                )
            )
        operations.append(SetTags(info.run_id, run.data.tags))
        operations.append(LogParams(info.run_id, run.data.params))
        operations.append(
            LogInputs(info.run_id, run.inputs.dataset_inputs, run.inputs.model_inputs)
        )
        operations.append(LogOutputs(info.run_id, run.outputs.model_outputs))
        self._apply(info.run_id, operations)
        return not exists

    def _exists(self, run_id: RunId) -> bool:
        try:
            self._store.runs.get(run_id)
        except RunNotFound:
            return False
        return True

    def _model(self, model: LoggedModel, homes: dict[str, ExperimentId]) -> None:
        self._store.logged_models.create(
            NewLoggedModel(
                model_id=model.model_id,
                experiment_id=homes.get(model.experiment_id, DEFAULT_EXPERIMENT_ID),
                name=model.name,
                model_type=model.model_type,
                source_run_id=model.source_run_id,
                tags=model.tags,
                params=model.params,
            )
        )
        if model.status is not LoggedModelStatus.PENDING:
            self._store.logged_models.finalize(model.model_id, model.status)

    def _metrics(self, run_ids: set[RunId]) -> None:
        _, parquet = pyarrow_and_parquet()
        with tempfile.TemporaryFile() as file:
            for chunk in self._chunks(layout.METRICS):
                file.write(chunk)
            file.seek(0)
            content = parquet.ParquetFile(file)
            if tuple(content.schema_arrow.names) != layout.METRIC_COLUMNS:
                raise InvalidInput(f"{layout.METRICS} of the archive has other columns.")
            for batch in content.iter_batches(batch_size=_POINTS_A_DELIVERY):
                for run_id, points in _by_run(batch):
                    if run_id not in run_ids:
                        raise InvalidInput(f"{layout.METRICS} has points of no run: {run_id!r}.")
                    self._apply(run_id, [LogPoints(run_id, points)])
                    self._points += len(points)

    def _files(self) -> int:
        count = 0
        roots: dict[str, Any] = {}
        for name, owner in self._owners.items():
            if owner is None:
                continue
            if isinstance(owner, layout.FileOfRun):
                ident: str = owner.run_id
                if ident not in roots:
                    roots[ident] = self._open_artifacts(
                        self._store.runs.get(owner.run_id).info.artifact_uri
                    )
            else:
                ident = owner.model_id
                if ident not in roots:
                    roots[ident] = self._open_artifacts(
                        self._store.logged_models.get(owner.model_id).artifact_location
                    )
            roots[ident].write(owner.path, self._chunks(name))
            count += 1
        return count

    def _apply(self, run_id: RunId, operations: list[Operation]) -> None:
        start = self._position
        self._position += len(operations)
        receipt = self._store.apply(Delivery(self._writer_id, start, self._position, operations))
        if receipt.refusals:
            raise Conflict(
                f"Run {run_id} can't take what the archive has: {receipt.refusals[0].message}"
            )

    def _chunks(self, name: str) -> Iterator[bytes]:
        """The content of a member, piece by piece; raises behind the last one if it isn't what was
        written.
        """
        expected = self._manifest.members.get(name)
        if expected is None:
            raise InvalidInput(f"The archive has no {name}.")
        digest, size = hashlib.sha256(), 0
        try:
            with self._archive.open(name) as file:
                while chunk := file.read(_CHUNK):
                    digest.update(chunk)
                    size += len(chunk)
                    if size > expected.size:
                        break
                    yield chunk
        except zipfile.BadZipFile as error:
            raise Corrupted(f"{name} in the archive is damaged: {error}.") from error
        if size != expected.size or digest.hexdigest() != expected.sha256:
            raise Corrupted(f"{name} in the archive is not what its manifest says.")

    def _lines(self, name: str) -> Iterator[bytes]:
        rest = b""
        for chunk in self._chunks(name):
            *lines, rest = (rest + chunk).split(b"\n")
            if len(rest) > _MAX_LINE_BYTES:
                raise InvalidInput(f"{name} of the archive has a line that is too long.")
            yield from lines
        if rest:
            raise InvalidInput(f"{name} of the archive ends in the middle of a line.")


def _end_of(run: Run) -> UpdateRun:
    return UpdateRun(run.info.run_id, status=run.info.status, end_time=run.info.end_time)


def _decode(content: bytes, kind: type[T], name: str) -> T:
    try:
        return msgspec.json.decode(content, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{name} of the archive can't be read: {error}.") from error


def _by_run(batch: Any) -> Iterator[tuple[RunId, PointBatch]]:
    """The points of a Parquet record batch, one batch a run."""
    labels = list(zip(*(batch.column(i).to_pylist() for i in range(5)), strict=True))
    step, timestamp, value = (batch.column(i).to_numpy() for i in range(5, 8))
    first = 0
    for last in range(1, len(labels) + 1):
        if last < len(labels) and labels[last] == labels[first]:
            continue
        run_id, *series = labels[first]
        count = last - first
        yield (
            RunId(run_id),
            PointBatch(
                series=[SeriesKey(*series)],
                index=bytes(4 * count),
                steps=step[first:last].astype("<i8").tobytes(),
                timestamps=timestamp[first:last].astype("<i8").tobytes(),
                values=value[first:last].astype("<f8").tobytes(),
            ),
        )
        first = last
