"""Registered models of a server, by the routes that Assay's and MLflow's servers share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from assay.entities.audit import Cause
from assay.entities.model_versions import ModelVersion
from assay.entities.page import Page
from assay.entities.registered_models import RegisteredModel
from assay.store.base import Query
from assay.store.registry import RegisteredModelStore
from assay.store.rest import registry_wire as rw
from assay.store.rest.mlflow_wire import Nothing, as_pairs
from assay.store.rest.server import Server

_AT = "/registered-models"


class RestRegisteredModels(RegisteredModelStore):
    """Registered models over HTTP. A plain MLflow server keeps no reasons of changes."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def create(  # noqa: D102 - the contract is in the base class
        self,
        name: str,
        *,
        description: str = "",
        tags: Mapping[str, str] | None = None,
        cause: Cause,
    ) -> RegisteredModel:
        return self._model(
            "POST",
            "create",
            cause,
            repeatable=False,
            name=name,
            description=description or None,
            tags=as_pairs(tags) if tags else None,
        )

    def get(self, name: str) -> RegisteredModel:  # noqa: D102
        answer = self._server.mlflow(
            "GET", f"{_AT}/get", rw.RegisteredModelAnswer, query={"name": name}
        )
        return answer.registered_model.entity()

    def rename(self, name: str, new_name: str, *, cause: Cause) -> RegisteredModel:  # noqa: D102
        # Repeated, it would say that there is no model of the old name.
        return self._model("POST", "rename", cause, repeatable=False, name=name, new_name=new_name)

    def update(self, name: str, description: str, *, cause: Cause) -> RegisteredModel:  # noqa: D102
        return self._model("PATCH", "update", cause, name=name, description=description)

    def delete(self, name: str, *, cause: Cause) -> None:  # noqa: D102
        self._change("DELETE", "delete", cause, repeatable=False, name=name)

    def search(self, query: Query) -> Page[RegisteredModel]:  # noqa: D102
        answer = self._server.mlflow(
            "GET", f"{_AT}/search", rw.RegisteredModelsAnswer, query=search_fields(query)
        )
        models = [model.entity() for model in answer.registered_models]
        return Page(models, answer.next_page_token or None)

    def set_tag(self, name: str, key: str, value: str, *, cause: Cause) -> None:  # noqa: D102
        self._change("POST", "set-tag", cause, name=name, key=key, value=value)

    def delete_tag(self, name: str, key: str, *, cause: Cause) -> None:  # noqa: D102
        self._change("DELETE", "delete-tag", cause, name=name, key=key)

    def set_alias(self, name: str, alias: str, version: int, *, cause: Cause) -> None:  # noqa: D102
        self._change("POST", "alias", cause, name=name, alias=alias, version=str(version))

    def delete_alias(self, name: str, alias: str, *, cause: Cause) -> None:  # noqa: D102
        self._change("DELETE", "alias", cause, name=name, alias=alias)

    def latest(self, name: str, stages: Sequence[str] | None = None) -> list[ModelVersion]:  # noqa: D102
        answer = self._server.mlflow(
            "POST",
            f"{_AT}/get-latest-versions",
            rw.VersionsAnswer,
            body={"name": name, "stages": list(stages) if stages else None},
        )
        return [version.entity() for version in answer.model_versions]

    def _model(
        self, method: str, verb: str, cause: Cause, *, repeatable: bool = True, **fields: Any
    ) -> RegisteredModel:
        answer = self._server.mlflow(
            method,
            f"{_AT}/{verb}",
            rw.RegisteredModelAnswer,
            body={**fields, "reason": cause.reason or None},
            repeatable=repeatable,
        )
        return answer.registered_model.entity()

    def _change(
        self, method: str, verb: str, cause: Cause, *, repeatable: bool = True, **fields: Any
    ) -> None:
        self._server.mlflow(
            method,
            f"{_AT}/{verb}",
            Nothing,
            body={**fields, "reason": cause.reason or None},
            repeatable=repeatable,
        )


def search_fields(query: Query) -> dict[str, str | list[str]]:
    """A search of the registry as MLflow's routes take it: in the address."""
    fields: dict[str, str | list[str]] = {
        "filter": query.filter,
        "order_by": list(query.order_by),
        "max_results": str(query.max_results),
        "page_token": query.page_token or "",
    }
    return {name: value for name, value in fields.items() if value}
