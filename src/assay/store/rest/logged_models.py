"""Logged models of a server."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from assay.entities.ids import ExperimentId, ModelId
from assay.entities.logged_models import LoggedModel, LoggedModelStatus, NewLoggedModel
from assay.entities.page import Page
from assay.entities.params import Param
from assay.errors import LoggedModelNotFound
from assay.store.base import LoggedModelStore, ModelOrder, Query
from assay.store.rest import mlflow_wire as mw
from assay.store.rest import wire
from assay.store.rest.server import Server, segment

_IN_PATH = re.compile(r"[\w\-]{1,256}\Z", re.ASCII)


class RestLoggedModels(LoggedModelStore):
    """Logged models over HTTP. A plain MLflow server makes the ids of new ones itself."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def create(self, model: NewLoggedModel) -> LoggedModel:  # noqa: D102 - the contract is in the base class
        if self._server.is_assay:
            return self._server.assay("/logged-models/create", LoggedModel, model)
        answer = self._server.mlflow(
            "POST",
            "/logged-models",
            mw.ModelAnswer,
            body={
                "experiment_id": model.experiment_id,
                "name": model.name or None,
                "model_type": model.model_type,
                "source_run_id": model.source_run_id,
                "params": mw.as_pairs(model.params),
                "tags": mw.as_pairs(model.tags),
            },
            repeatable=False,
        )
        return answer.model.entity()

    def get(self, model_id: ModelId) -> LoggedModel:  # noqa: D102
        if self._server.is_assay:
            return self._server.assay(
                "/logged-models/get", LoggedModel, query={"model_id": model_id}
            )
        answer = self._server.mlflow("GET", self._path(model_id), mw.ModelAnswer)
        return answer.model.entity()

    def finalize(self, model_id: ModelId, status: LoggedModelStatus) -> LoggedModel:  # noqa: D102
        self._server.mlflow(
            "PATCH",
            self._path(model_id),
            mw.ModelAnswer,
            body={"model_id": model_id, "status": status.value},
        )
        return self.get(model_id)

    def delete(self, model_id: ModelId) -> None:  # noqa: D102
        self._server.mlflow("DELETE", self._path(model_id), mw.Nothing, repeatable=False)

    def search(  # noqa: D102
        self,
        experiment_ids: Sequence[ExperimentId],
        query: Query,
        *,
        datasets: Sequence[tuple[str, str | None]] = (),
        order: Sequence[ModelOrder] = (),
    ) -> Page[LoggedModel]:
        if self._server.is_assay:
            return self._server.assay(
                "/logged-models/search",
                Page[LoggedModel],
                wire.ModelQuery(
                    experiment_ids=list(experiment_ids),
                    filter=query.filter,
                    order_by=list(query.order_by),
                    order=list(order),
                    datasets=list(datasets),
                    max_results=query.max_results,
                    page_token=query.page_token,
                ),
            )
        answer = self._server.mlflow(
            "POST",
            "/logged-models/search",
            mw.ModelsAnswer,
            body={
                "experiment_ids": list(experiment_ids),
                "filter": query.filter or None,
                "datasets": [
                    {"dataset_name": name, **({"dataset_digest": digest} if digest else {})}
                    for name, digest in datasets
                ],
                "order_by": [_wire_order(term) for term in order],
                "max_results": query.max_results,
                "page_token": query.page_token,
            },
        )
        return Page([model.entity() for model in answer.models], answer.next_page_token or None)

    def log_params(self, model_id: ModelId, params: Sequence[Param]) -> None:  # noqa: D102
        self._server.mlflow(
            "POST",
            self._path(model_id) + "/params",
            mw.Nothing,
            body={
                "model_id": model_id,
                "params": [{"key": param.key, "value": param.value} for param in params],
            },
        )

    def set_tags(self, model_id: ModelId, tags: Mapping[str, str]) -> LoggedModel:  # noqa: D102
        self._server.mlflow(
            "PATCH",
            self._path(model_id) + "/tags",
            mw.Nothing,
            body={"model_id": model_id, "tags": mw.as_pairs(tags)},
        )
        return self.get(model_id)

    def delete_tag(self, model_id: ModelId, key: str) -> None:  # noqa: D102
        if self._server.is_assay:
            self._server.assay(
                "/logged-models/delete-tag",
                mw.Nothing,
                wire.ModelTag(model_id=model_id, key=key),
                repeatable=False,
            )
            return
        self._server.mlflow(
            "DELETE", f"{self._path(model_id)}/tags/{segment(key)}", mw.Nothing, repeatable=False
        )

    @staticmethod
    def _path(model_id: ModelId) -> str:
        if not _IN_PATH.match(model_id):
            # Slashes and dots would name another route.
            raise LoggedModelNotFound(model_id)
        return f"/logged-models/{model_id}"


def _wire_order(term: ModelOrder) -> dict[str, object]:
    order: dict[str, object] = {"field_name": term.field_name, "ascending": term.ascending}
    if term.dataset_name:
        order["dataset_name"] = term.dataset_name
    if term.dataset_digest:
        order["dataset_digest"] = term.dataset_digest
    return order
