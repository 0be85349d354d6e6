"""Writing an archive: the runs of a store, with their histories and files, into one ZIP file."""

from __future__ import annotations

import hashlib
import os
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from assay.archive import layout
from assay.artifacts.base import ArtifactStore
from assay.entities import Experiment, ExperimentId, LoggedModel, Run, RunId, ViewType
from assay.entities.metrics import SeriesKey
from assay.entities.names import ArtifactPath
from assay.errors import ArtifactNotFound, MissingExtra
from assay.store.base import Query, Store
from assay.version import __version__

OpenArtifacts = Callable[[str], ArtifactStore]
"""Opens the artifact store of a run's ``artifact_uri`` or a model's ``artifact_location``."""

_EPOCH_OF_ZIP = (1980, 1, 1, 0, 0, 0)
"""A fixed time of all members, so that the same runs give the same bytes."""
_PAGE = 1_000


class ExportReport(msgspec.Struct, frozen=True):
    """What was written."""

    path: str
    experiments: int
    runs: int
    points: int
    files: int
    size_bytes: int
    missing_files: list[str]
    """Files that a list names and that could not be read any more; they are left out."""


def export_archive(
    store: Store,
    open_artifacts: OpenArtifacts,
    target: Path,
    *,
    experiment_ids: Sequence[ExperimentId] = (),
    run_ids: Sequence[RunId] = (),
    on_run: Callable[[int, int], None] = lambda done, total: None,
) -> ExportReport:
    """Write active runs, by experiment or by id, into the ZIP file ``target``; it appears when it
    is whole.

    Args:
        store: where the runs are.
        open_artifacts: opens where their files are.
        target: the file to write; an existing one is replaced at the end.
        experiment_ids: all active runs of these.
        run_ids: these runs as well.
        on_run: called with the number of runs done and their total.

    Raises:
        ExperimentNotFound, RunNotFound: one of them does not exist; nothing is written.
        MissingExtra: PyArrow is not installed.
    """
    runs = _collect(store, experiment_ids, run_ids)
    named = {*experiment_ids, *(run.info.experiment_id for run in runs)}
    experiments = [store.experiments.get(experiment_id) for experiment_id in sorted(named)]
    target.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    os.close(descriptor)
    try:
        writer = _Writer(Path(temporary), store, open_artifacts)
        writer.write(experiments, runs, on_run)
        Path(temporary).replace(target)
    finally:
        Path(temporary).unlink(missing_ok=True)
    return ExportReport(
        path=str(target),
        experiments=len(experiments),
        runs=len(runs),
        points=writer.points,
        files=writer.files,
        size_bytes=target.stat().st_size,
        missing_files=writer.missing,
    )


def _collect(
    store: Store, experiment_ids: Sequence[ExperimentId], run_ids: Sequence[RunId]
) -> list[Run]:
    found = {run_id: store.runs.get(run_id) for run_id in run_ids}
    token: str | None = None
    while experiment_ids:
        query = Query(view=ViewType.ACTIVE_ONLY, max_results=_PAGE, page_token=token)
        page = store.runs.search(experiment_ids, query)
        found.update((run.info.run_id, run) for run in page)
        token = page.token
        if token is None:
            break
    return sorted(found.values(), key=lambda run: (run.info.start_time or 0, run.info.run_id))


class _Writer:
    """One archive on its way."""

    def __init__(self, path: Path, store: Store, open_artifacts: OpenArtifacts) -> None:
        self._path = path
        self._store = store
        self._open_artifacts = open_artifacts
        self._members: dict[str, layout.Member] = {}
        self.points = 0
        self.files = 0
        self.missing: list[str] = []

    def write(
        self, experiments: list[Experiment], runs: list[Run], on_run: Callable[[int, int], None]
    ) -> None:
        with zipfile.ZipFile(self._path, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
            travelling = [layout.ArchivedExperiment.of(experiment) for experiment in experiments]
            self._add_json(archive, layout.EXPERIMENTS, [travelling], lines=False)
            self._add_json(archive, layout.RUNS, map(_without_metrics, runs))
            models = list(self._models(runs))
            self._add_json(
                archive, layout.MODELS, (msgspec.structs.replace(m, metrics=[]) for m in models)
            )
            self._add_metrics(archive, runs)
            for done, run in enumerate(runs, start=1):
                self._add_files(
                    archive, f"{layout.RUN_FILES}{run.info.run_id}/", run.info.artifact_uri
                )
                on_run(done, len(runs))
            for model in models:
                prefix = f"{layout.MODEL_FILES}{model.model_id}/"
                self._add_files(archive, prefix, model.artifact_location)
            manifest = layout.Manifest(
                format=layout.FORMAT_VERSION,
                written_by=f"assay {__version__}",
                created=time.time_ns() // 1_000_000,
                runs=len(runs),
                points=self.points,
                members=self._members,
            )
            self._add(archive, layout.MANIFEST, [msgspec.json.encode(manifest)], compress=True)

    def _models(self, runs: Iterable[Run]) -> Iterator[LoggedModel]:
        for run in runs:
            for output in run.outputs.model_outputs:
                model = self._store.logged_models.get(output.model_id)
                if model.source_run_id == run.info.run_id:
                    yield model

    def _add_json(
        self, archive: zipfile.ZipFile, name: str, items: Iterable[object], *, lines: bool = True
    ) -> None:
        end = b"\n" if lines else b""
        chunks = (msgspec.json.encode(item) + end for item in items)
        self._add(archive, name, chunks, compress=True)

    def _add_metrics(self, archive: zipfile.ZipFile, runs: list[Run]) -> None:
        arrow, parquet = pyarrow_and_parquet()
        schema = arrow.schema(
            [
                (column, arrow.dictionary(arrow.int32(), arrow.string()))
                for column in layout.METRIC_COLUMNS[:5]
            ]
            + [("step", arrow.int64()), ("timestamp", arrow.int64()), ("value", arrow.float64())]
        )
        with tempfile.TemporaryDirectory(dir=self._path.parent) as folder:
            file = Path(folder) / layout.METRICS
            with parquet.ParquetWriter(file, schema, compression="zstd") as writer:
                for run in runs:
                    for table in self._tables(arrow, schema, run.info.run_id):
                        writer.write_table(table)
                        self.points += table.num_rows
            with file.open("rb") as content:
                self._add(archive, layout.METRICS, iter(lambda: content.read(1 << 20), b""))

    def _tables(self, arrow: Any, schema: Any, run_id: RunId) -> Iterator[Any]:
        """One table a series, so a row group never mixes two."""
        summaries = self._store.metrics.summaries([run_id]).get(run_id, [])
        for summary in sorted(summaries, key=lambda s: msgspec.structs.astuple(s.series)):
            history = self._store.metrics.history(run_id, summary.series)
            yield arrow.table(
                [
                    *(
                        _constant(arrow, text, len(history.steps))
                        for text in _labels(run_id, summary.series)
                    ),
                    history.steps,
                    history.timestamps,
                    history.values,
                ],
                schema=schema,
            )

    def _add_files(self, archive: zipfile.ZipFile, prefix: str, uri: str) -> None:
        artifacts = self._open_artifacts(uri)
        for info in artifacts.list(ArtifactPath(""), recursive=True):
            if info.is_dir:
                continue
            try:
                content = artifacts.read(info.path)
            except ArtifactNotFound:
                self.missing.append(prefix + info.path)
                continue
            self._add(archive, prefix + info.path, content)
            self.files += 1

    def _add(
        self,
        archive: zipfile.ZipFile,
        name: str,
        chunks: Iterable[bytes],
        *,
        compress: bool = False,
    ) -> None:
        entry = zipfile.ZipInfo(name, _EPOCH_OF_ZIP)
        entry.compress_type = zipfile.ZIP_DEFLATED if compress else zipfile.ZIP_STORED
        entry.external_attr = 0o600 << 16
        digest, size = hashlib.sha256(), 0
        with archive.open(entry, "w", force_zip64=True) as file:
            for chunk in chunks:
                file.write(chunk)
                digest.update(chunk)
                size += len(chunk)
        self._members[name] = layout.Member(size, digest.hexdigest())


def _without_metrics(run: Run) -> Run:
    # All points are in the Parquet file, where NaN and ±inf survive; JSON has neither.
    return msgspec.structs.replace(
        run, data=msgspec.structs.replace(run.data, metrics={}, latest=[])
    )


def _labels(run_id: RunId, series: SeriesKey) -> tuple[str, ...]:
    return (run_id, series.key, series.model_id, series.dataset_name, series.dataset_digest)


def _constant(arrow: Any, text: str, count: int) -> Any:
    indices = arrow.repeat(arrow.scalar(0, arrow.int32()), count)
    return arrow.DictionaryArray.from_arrays(indices, arrow.array([text]))


def pyarrow_and_parquet() -> tuple[Any, Any]:
    """PyArrow and its Parquet module, which an archive's points need.

    Raises:
        MissingExtra: they are not installed.
    """
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        raise MissingExtra("pyarrow", extra="parquet", purpose="An archive of runs") from error
    return pyarrow, parquet
