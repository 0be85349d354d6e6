"""Places of prediction logs: a folder, a location of an object store, or files of a run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from assay.artifacts.base import ArtifactStore
from assay.artifacts.uri import open_artifact_store
from assay.entities.names import ArtifactPath
from assay.errors import AlreadyExists, InvalidInput
from assay.fluent.reading import client_for
from assay.serving.process.plan import Plan

STORE: Final = "store"
"""The tracking store, as a place."""
EXPERIMENT: Final = "serving"
FOLDER: Final = ArtifactPath("predictions")
"""Where a run has its log."""
SERVED_TAG: Final = "assay.served"
_RUNS: Final = "runs:/"


@contextmanager
def place_to_write(place: str, plan: Plan) -> Iterator[tuple[ArtifactStore, str]]:
    """Where a server logs, and how the log is called afterwards.

    ``store`` is a run of its own, in the experiment ``serving``, which ends with the context.

    Raises:
        InvalidInput: it is no place for files, or one that only a server writes to.
    """
    if place != STORE:
        if place.startswith((_RUNS, "http:", "https:", "mlflow-artifacts:")):
            raise InvalidInput(
                f"Predictions can't be logged to {place!r}: name a folder, a location of an object"
                f" store such as s3://bucket/log, or {STORE!r} for a run of the tracking store."
            )
        store = open_artifact_store(place)
        yield store, place
        return
    client = client_for()
    run = client.create_run(
        _experiment(),
        run_name="predictions",
        tags={SERVED_TAG: ", ".join(route.source for route in plan.routes)},
    )
    try:
        yield client.artifact_store(run.info.run_id).at(FOLDER), f"{_RUNS}{run.info.run_id}"
    finally:
        client.set_terminated(run.info.run_id)


def place_to_read(place: str) -> ArtifactStore:
    """Where a log lies that is called so.

    Raises:
        InvalidInput: it is no place for files.
        RunNotFound: there is no such run.
    """
    if place.startswith(_RUNS):
        run_id = place.removeprefix(_RUNS).strip("/").split("/")[0]
        return client_for().artifact_store(run_id).at(FOLDER)
    return open_artifact_store(place)


def _experiment() -> str:
    client = client_for()
    found = client.get_experiment_by_name(EXPERIMENT)
    if found is not None:
        return str(found.experiment_id)
    try:
        return str(client.create_experiment(EXPERIMENT))
    except AlreadyExists:
        made = client.get_experiment_by_name(EXPERIMENT)
        assert made is not None
        return str(made.experiment_id)
