"""Datasets and models that went into the runs of a server, and models that came out."""

from __future__ import annotations

from collections.abc import Sequence

from assay.entities.datasets import DatasetInput, DatasetSummary
from assay.entities.ids import ExperimentId, RunId
from assay.entities.logged_models import LoggedModelInput, LoggedModelOutput
from assay.store.base import InputStore
from assay.store.rest import mlflow_wire as mw
from assay.store.rest.server import Server


class RestInputs(InputStore):
    """Inputs and outputs over HTTP, by MLflow's routes for every server."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def log_inputs(  # noqa: D102 - the contract is in the base class
        self,
        run_id: RunId,
        *,
        datasets: Sequence[DatasetInput] = (),
        models: Sequence[LoggedModelInput] = (),
    ) -> None:
        self._server.mlflow(
            "POST",
            "/runs/log-inputs",
            mw.Nothing,
            body={
                "run_id": run_id,
                "datasets": [mw.wire_dataset_input(used) for used in datasets],
                "models": [{"model_id": model.model_id} for model in models],
            },
        )

    def log_outputs(self, run_id: RunId, models: Sequence[LoggedModelOutput]) -> None:  # noqa: D102
        self._server.mlflow(
            "POST",
            "/runs/outputs",
            mw.Nothing,
            body={
                "run_id": run_id,
                "models": [{"model_id": made.model_id, "step": made.step} for made in models],
            },
        )

    def search_datasets(self, experiment_ids: Sequence[ExperimentId]) -> list[DatasetSummary]:  # noqa: D102
        if not experiment_ids:
            return []  # MLflow's route refuses a list without experiments.
        answer = self._server.mlflow(
            "POST",
            "/experiments/search-datasets",
            mw.DatasetsAnswer,
            body={"experiment_ids": list(experiment_ids)},
            ajax=True,
        )
        return [summary.entity() for summary in answer.dataset_summaries]
