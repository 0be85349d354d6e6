"""Experiments of a server."""

from __future__ import annotations

from collections.abc import Mapping

from assay.entities.experiments import Experiment
from assay.entities.ids import ExperimentId
from assay.entities.page import Page
from assay.errors import NotFound
from assay.store.base import ExperimentStore, Query
from assay.store.rest import mlflow_wire as mw
from assay.store.rest import wire
from assay.store.rest.server import Server


class RestExperiments(ExperimentStore):
    """Experiments over HTTP."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def create(  # noqa: D102 - the contract is in the base class
        self,
        name: str,
        *,
        artifact_location: str | None = None,
        tags: Mapping[str, str] | None = None,
        experiment_id: ExperimentId | None = None,
    ) -> Experiment:
        if self._server.is_assay:
            return self._server.assay(
                "/experiments/create",
                Experiment,
                wire.CreateExperiment(
                    name=name,
                    artifact_location=artifact_location,
                    tags=dict(tags) if tags else None,
                    experiment_id=experiment_id,
                ),
                repeatable=experiment_id is not None,
            )
        made = self._server.mlflow(
            "POST",
            "/experiments/create",
            mw.ExperimentIdAnswer,
            body={
                "name": name,
                "artifact_location": artifact_location,
                "tags": mw.as_pairs(tags) if tags else None,
            },
            repeatable=False,
        )
        return self.get(ExperimentId(made.experiment_id))

    def get(self, experiment_id: ExperimentId) -> Experiment:  # noqa: D102
        answer = self._server.mlflow(
            "GET",
            "/experiments/get",
            mw.ExperimentAnswer,
            query={"experiment_id": experiment_id},
        )
        return answer.experiment.entity()

    def find(self, name: str) -> Experiment | None:  # noqa: D102
        try:
            answer = self._server.mlflow(
                "GET",
                "/experiments/get-by-name",
                mw.ExperimentAnswer,
                query={"experiment_name": name},
            )
        except NotFound:
            return None
        return answer.experiment.entity()

    def search(self, query: Query) -> Page[Experiment]:  # noqa: D102
        answer = self._server.mlflow(
            "POST",
            "/experiments/search",
            mw.ExperimentsAnswer,
            body={
                "filter": query.filter or None,
                "order_by": list(query.order_by),
                "view_type": query.view.name,
                "max_results": query.max_results,
                "page_token": query.page_token,
            },
        )
        return Page([e.entity() for e in answer.experiments], answer.next_page_token or None)

    def rename(self, experiment_id: ExperimentId, name: str) -> None:  # noqa: D102
        self._change("update", experiment_id, new_name=name)

    def delete(self, experiment_id: ExperimentId) -> None:  # noqa: D102
        self._change("delete", experiment_id)

    def restore(self, experiment_id: ExperimentId) -> None:  # noqa: D102
        self._change("restore", experiment_id)

    def set_tags(self, experiment_id: ExperimentId, tags: Mapping[str, str]) -> None:  # noqa: D102
        if self._server.is_assay:
            self._server.assay(
                "/experiments/set-tags",
                mw.Nothing,
                wire.ExperimentTags(experiment_id=experiment_id, tags=dict(tags)),
            )
            return
        for key, value in tags.items():
            self._change("set-experiment-tag", experiment_id, key=key, value=value)

    def delete_tag(self, experiment_id: ExperimentId, key: str) -> None:  # noqa: D102
        self._change("delete-experiment-tag", experiment_id, key=key)

    def _change(self, verb: str, experiment_id: ExperimentId, **fields: str) -> None:
        self._server.mlflow(
            "POST",
            f"/experiments/{verb}",
            mw.Nothing,
            body={"experiment_id": experiment_id, **fields},
            # A repeated delete or restore is refused, which would hide that the first one worked.
            repeatable=verb in ("update", "set-experiment-tag"),
        )
