"""What an archive is made of: its members, its manifest, and the version of both."""

from __future__ import annotations

from typing import Final

import msgspec

from assay.entities.experiments import Experiment
from assay.entities.ids import ModelId, RunId, check_model_id, check_run_id
from assay.entities.names import ArtifactPath, artifact_path
from assay.errors import InvalidInput

FORMAT_VERSION: Final = 1
"""Raise it when a reader of this version could misread an archive. Keep reading all older ones:
add the old
version's archive to ``tests/golden`` first, then teach ``reading`` both."""

MANIFEST: Final = "manifest.json"
EXPERIMENTS: Final = "experiments.json"
RUNS: Final = "runs.jsonl"
MODELS: Final = "logged_models.jsonl"
METRICS: Final = "metrics.parquet"
RUN_FILES: Final = "artifacts/"
"""Followed by the run's id and the file's artifact path."""
MODEL_FILES: Final = "models/"
"""Followed by the model's id and the file's path."""

METRIC_COLUMNS: Final = (
    "run_id",
    "key",
    "model_id",
    "dataset_name",
    "dataset_digest",
    "step",
    "timestamp",
    "value",
)


class Member(msgspec.Struct, frozen=True):
    """A file of the archive as the manifest knows it."""

    size: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True):
    """What the archive holds; written last, read first."""

    format: int
    written_by: str
    created: int
    runs: int
    points: int
    members: dict[str, Member]


class ArchivedExperiment(msgspec.Struct, frozen=True):
    """An experiment without what belongs to the store it came from."""

    experiment_id: str
    name: str
    tags: dict[str, str]

    @classmethod
    def of(cls, experiment: Experiment) -> ArchivedExperiment:
        """The part that travels."""
        return cls(experiment.experiment_id, experiment.name, experiment.tags)


class FileOfRun(msgspec.Struct, frozen=True):
    """Whose file a member is: a run's."""

    run_id: RunId
    path: ArtifactPath


class FileOfModel(msgspec.Struct, frozen=True):
    """Whose file a member is: a logged model's."""

    model_id: ModelId
    path: ArtifactPath


def owner_of(member: str) -> FileOfRun | FileOfModel | None:
    """Whose file a member is; ``None`` for the archive's own members.

    Raises:
        InvalidInput: the name is none that an archive may hold; ids and paths pass the parsers for
        names
            from outside, so that nothing can be written where it doesn't belong.
    """
    if member in (MANIFEST, EXPERIMENTS, RUNS, MODELS, METRICS):
        return None
    for prefix in (RUN_FILES, MODEL_FILES):
        ident, slash, path = member.removeprefix(prefix).partition("/")
        if member.startswith(prefix) and slash:
            if prefix == RUN_FILES:
                return FileOfRun(check_run_id(ident), artifact_path(path))
            return FileOfModel(check_model_id(ident), artifact_path(path))
    raise InvalidInput(f"The archive holds a member that does not belong there: {member!r}.")
