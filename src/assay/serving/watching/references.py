"""References: the data that requests are compared with.

A file of the user's, or what the run that made a version logged of its training data: a profile, or
a data set that can be read again.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from assay.artifacts.base import ArtifactStore
from assay.data import from_csv, from_parquet, load
from assay.data.column_profile import (
    MAX_FILE_BYTES,
    Profile,
    parse_profile,
    profile_of_frame,
    read_profile,
)
from assay.data.dataset import PROFILE_FILE
from assay.entities.datasets import DatasetInput
from assay.entities.tags import DATASET_CONTEXT
from assay.errors import ArtifactNotFound, AssayError, InvalidInput
from assay.fluent.reading import client_for
from assay.serving.process.plan import UNKNOWN

_TRAINING: Final = ("training", "train")


def profile_in(file: Path) -> Profile:
    """The profile of the data in a CSV or Parquet file, or that a JSON file holds.

    Raises:
        InvalidInput: the file is none of these.
        ArtifactNotFound: there is no such file.
        MissingExtra: without pandas or Polars, for data.
    """
    kind = file.suffix.lower()
    if kind == ".json":
        return read_profile(file)
    if kind not in (".csv", ".parquet"):
        raise InvalidInput(f"{file}: data are read from .csv and .parquet, profiles from .json.")
    dataset = from_csv(file) if kind == ".csv" else from_parquet(file)
    try:
        return profile_of_frame(dataset.load())
    except AssayError:
        raise
    except Exception as error:  # noqa: BLE001 - pandas and Polars raise many kinds
        raise InvalidInput(f"{file} can't be read: {type(error).__name__}: {error}") from None


class TrainingData:
    """Profiles of the training data of registered versions, each made once."""

    def __init__(self, note: Callable[[str], None]) -> None:
        """``note`` is told where profiles come from, and why there are none."""
        self._note = note
        self._known: dict[tuple[str, str], Profile | None] = {}

    def __call__(self, model: str, version: str) -> Profile | None:
        """The profile of a version's training data; ``None``: they can't be had."""
        key = (model, version)
        if key not in self._known:
            try:
                self._known[key] = self._found(model, version)
            except AssayError as error:
                self._note(f"{model} {version}: no reference: {error.message}")
                self._known[key] = None
        return self._known[key]

    def _found(self, model: str, version: str) -> Profile:
        client = client_for()
        run_id = None
        if version.startswith("m-"):
            run_id = client.get_logged_model(version).source_run_id
        elif version != UNKNOWN:
            run_id = client.get_model_version(model, version).run_id
        if not run_id:
            raise InvalidInput("no run is known that made it; give a --reference.")
        kept = _kept(client.artifact_store(run_id), run_id)
        if kept is not None:
            return kept
        used = _training(list(client.get_run(run_id).inputs.dataset_inputs))
        if used is None:
            raise InvalidInput(
                "its run logged neither a profile nor a data set with the context 'training'; give"
                " a --reference."
            )
        frame = load(used)
        self._note(f"{model} {version}: compared with the data set {used.dataset.name!r}")
        return profile_of_frame(frame)


def _kept(store: ArtifactStore, run_id: str) -> Profile | None:
    """The profile that ``assay.log_input`` kept with a run."""
    try:
        found = store.read_small(PROFILE_FILE, max_bytes=MAX_FILE_BYTES)
    except ArtifactNotFound:
        return None
    where = f"{PROFILE_FILE} of the run {run_id}"
    if found is None:
        raise InvalidInput(f"{where} is too large to be a profile.")
    return parse_profile(found.content, where)


def _training(inputs: list[DatasetInput]) -> DatasetInput | None:
    for one in inputs:
        contexts = [tag.value.lower() for tag in one.tags if tag.key == DATASET_CONTEXT]
        if any(context in _TRAINING for context in contexts):
            return one
    return inputs[0] if len(inputs) == 1 else None
