"""Results: what a run came to, in the form in which two runs are compared.

Read from a run, or from a bundle that was frozen of one. Ids and times are left out: they differ
between any two runs. Series of a model are told by the model's name, for its id is another one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final

import msgspec

from assay.artifacts.base import ArtifactStore
from assay.entities.metrics import SeriesKey
from assay.entities.names import ArtifactPath
from assay.entities.runs import Run
from assay.errors import AssayError, NotFound
from assay.models import golden

if TYPE_CHECKING:
    from assay.client.client import Client

OWN_FILES: Final = "assay/"
"""What Assay itself keeps with a run: how it came about, not what it came to."""
SYSTEM_METRICS: Final = "system/"
"""Load of the machine, which is no result either."""
MAX_READ_BYTES: Final = 8 << 20
"""Of a file whose content is compared; a larger one is compared by its digest alone."""
_MODEL_FACTS: Final = frozenset(
    {
        "MLmodel",
        "digests.json",
        "conda.yaml",
        "python_env.yaml",
        "requirements.txt",
        "constraints.txt",
        "uv.lock",
        "pylock.toml",
        "pyproject.toml",
        ".python-version",
        golden.FILE,
    }
)
"""Files of a model that tell about it: ids, times, versions."""

Read = Callable[[str], bytes | None]
"""The content of a file by its path; ``None`` if it is too large or isn't there."""


class Series(msgspec.Struct, frozen=True):
    """Points of one metric in their order; two columns of one length, little-endian."""

    steps: bytes
    """``int64`` per point."""
    values: bytes
    """``float64`` per point."""


class FileFacts(msgspec.Struct, frozen=True):
    """A file of a run."""

    size_bytes: int
    sha256: str


class ModelFacts(msgspec.Struct, frozen=True):
    """A model that a run made."""

    files: dict[str, str] = {}
    """SHA-256 by path, of the files that make the model."""
    golden: bytes | None = None
    """Its ``golden.json``: what it answered to its input example."""


class Results(msgspec.Struct, frozen=True, kw_only=True):
    """What a run came to."""

    status: str = ""
    metrics: dict[str, Series] = {}
    params: dict[str, str] = {}
    artifacts: dict[str, FileFacts] = {}
    models: dict[str, ModelFacts] = {}


def results_of(client: Client, run: Run) -> Results:
    """What a run came to, its histories and the digests of its files included."""
    names = _model_names(client, run)
    files = _artifacts(client.artifact_store(run.info.run_id))
    inside = _models_among(files)
    return Results(
        status=run.info.status.value,
        metrics=_metrics(client, run, names),
        params=dict(run.data.params),
        artifacts={path: facts for path, facts in files.items() if _folder(path, inside) is None},
        models={
            **inside,
            **{name: _model(client.model_artifact_store(ident)) for ident, name in names.items()},
        },
    )


def reader_of(client: Client, run: Run) -> Read:
    """Reads the run's files."""
    store = client.artifact_store(run.info.run_id)

    def read(path: str) -> bytes | None:
        return _small(store, path)

    return read


def _model_names(client: Client, run: Run) -> dict[str, str]:
    """The models that a run made by id, with names that tell them apart, in their order."""
    found: dict[str, str] = {}
    for made in run.outputs.model_outputs:
        if made.model_id not in found:
            name = client.get_logged_model(made.model_id).name
            found[made.model_id] = _free(name, found.values())
    return found


def _metrics(client: Client, run: Run, models: dict[str, str]) -> dict[str, Series]:
    store = client.store.metrics
    found: dict[str, Series] = {}
    listed = store.summaries([run.info.run_id]).get(run.info.run_id, [])
    for summary in sorted(listed, key=lambda one: (one.series.key, one.first_step)):
        series = summary.series
        if series.key.startswith(SYSTEM_METRICS):
            continue
        points = store.history(run.info.run_id, series)
        name = _free(_series_name(series, models), found)
        found[name] = Series(
            points.steps.astype("<i8").tobytes(), points.values.astype("<f8").tobytes()
        )
    return found


def _series_name(series: SeriesKey, models: dict[str, str]) -> str:
    of = f" of {models.get(series.model_id, 'a model')}" if series.model_id else ""
    on = f" on {series.dataset_name}" if series.dataset_name else ""
    return f"{series.key}{of}{on}"


def _free(name: str, taken: Iterable[str]) -> str:
    used = set(taken)
    number = 2
    while (shown := name if number == 2 else f"{name} #{number - 1}") in used:
        number += 1
    return shown


def _artifacts(store: ArtifactStore) -> dict[str, FileFacts]:
    return {
        info.path: FileFacts(info.file_size or 0, _digest(store, info.path))
        for info in store.list(ArtifactPath(""), recursive=True)
        if not info.is_dir and not info.path.startswith(OWN_FILES)
    }


def _models_among(files: dict[str, FileFacts]) -> dict[str, ModelFacts]:
    """Models that are folders of the run, as MLflow had them before they were logged models."""
    ends = [path.removesuffix("/MLmodel") for path in files if path.endswith("/MLmodel")]
    found: dict[str, dict[str, str]] = {folder: {} for folder in ends}
    for path, facts in files.items():
        folder = _folder(path, found)
        if folder is not None and path.removeprefix(f"{folder}/") not in _MODEL_FACTS:
            found[folder][path.removeprefix(f"{folder}/")] = facts.sha256
    return {folder: ModelFacts(digests) for folder, digests in found.items()}


def _folder(path: str, folders: Iterable[str]) -> str | None:
    return next((folder for folder in folders if path.startswith(f"{folder}/")), None)


def _digest(store: ArtifactStore, path: ArtifactPath) -> str:
    kept = store.digest(path)
    if kept is not None:
        return kept
    digest = hashlib.sha256()
    for chunk in store.read(path):
        digest.update(chunk)
    return digest.hexdigest()


def _model(store: ArtifactStore) -> ModelFacts:
    listed = [one for one in store.list(ArtifactPath(""), recursive=True) if not one.is_dir]
    return ModelFacts(
        {one.path: _digest(store, one.path) for one in listed if one.path not in _MODEL_FACTS},
        _small(store, golden.FILE),
    )


def _small(store: ArtifactStore, path: str) -> bytes | None:
    try:
        found = store.read_small(ArtifactPath(path), max_bytes=MAX_READ_BYTES)
    except NotFound:
        return None
    except AssayError:
        # An older server that can't tell folders from files, say: then digests have to do.
        return None
    return None if found is None else found.content
