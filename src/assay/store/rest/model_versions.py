"""Model versions of a server, by the routes that Assay's and MLflow's servers share."""

from __future__ import annotations

from typing import Any

from assay.entities.audit import Cause
from assay.entities.model_versions import ModelVersion, NewModelVersion
from assay.entities.page import Page
from assay.errors import AliasNotFound
from assay.store.base import Query
from assay.store.registry import ModelVersionStore
from assay.store.rest import registry_wire as rw
from assay.store.rest.mlflow_wire import Nothing, as_pairs
from assay.store.rest.registered_models import search_fields
from assay.store.rest.server import Server

_AT = "/model-versions"


class RestModelVersions(ModelVersionStore):
    """Versions over HTTP. A plain MLflow server keeps no reasons of changes."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def create(self, new: NewModelVersion, *, cause: Cause) -> ModelVersion:  # noqa: D102 - the contract is in the base class
        return self._version(
            "POST",
            "create",
            cause,
            repeatable=False,
            name=new.name,
            source=new.source,
            # MLflow's server wants to be told what the source says already.
            run_id=new.run_id or rw.run_id_of(new.source),
            model_id=new.model_id or rw.model_id_of(new.source),
            run_link=new.run_link or None,
            description=new.description or None,
            tags=as_pairs(new.tags) if new.tags else None,
        )

    def get(self, name: str, version: int) -> ModelVersion:  # noqa: D102
        answer = self._server.mlflow(
            "GET", f"{_AT}/get", rw.VersionAnswer, query={"name": name, "version": str(version)}
        )
        return answer.model_version.entity()

    def by_alias(self, name: str, alias: str) -> ModelVersion:  # noqa: D102
        query = {"name": name, "alias": alias}
        try:
            answer = self._server.mlflow(
                "GET", "/registered-models/alias", rw.VersionAnswer, query=query
            )
        except AliasNotFound:
            # The server's message doesn't tell of which model.
            raise AliasNotFound(name, alias) from None
        return answer.model_version.entity()

    def update(self, name: str, version: int, description: str, *, cause: Cause) -> ModelVersion:  # noqa: D102
        return self._version(
            "PATCH", "update", cause, name=name, version=str(version), description=description
        )

    def delete(self, name: str, version: int, *, cause: Cause) -> None:  # noqa: D102
        self._change("DELETE", "delete", cause, repeatable=False, name=name, version=str(version))

    def search(self, query: Query) -> Page[ModelVersion]:  # noqa: D102
        answer = self._server.mlflow(
            "GET", f"{_AT}/search", rw.VersionsAnswer, query=search_fields(query)
        )
        versions = [version.entity() for version in answer.model_versions]
        return Page(versions, answer.next_page_token or None)

    def set_tag(self, name: str, version: int, key: str, value: str, *, cause: Cause) -> None:  # noqa: D102
        self._change(
            "POST", "set-tag", cause, name=name, version=str(version), key=key, value=value
        )

    def delete_tag(self, name: str, version: int, key: str, *, cause: Cause) -> None:  # noqa: D102
        self._change("DELETE", "delete-tag", cause, name=name, version=str(version), key=key)

    def download_uri(self, name: str, version: int) -> str:  # noqa: D102
        query = {"name": name, "version": str(version)}
        answer = self._server.mlflow("GET", f"{_AT}/get-download-uri", rw.UriAnswer, query=query)
        return answer.artifact_uri

    def transition(  # noqa: D102
        self,
        name: str,
        version: int,
        stage: str,
        *,
        archive_existing: bool = False,
        cause: Cause,
    ) -> ModelVersion:
        return self._version(
            "POST",
            "transition-stage",
            cause,
            # Repeated, it could archive who came to the stage meanwhile.
            repeatable=not archive_existing,
            name=name,
            version=str(version),
            stage=stage,
            archive_existing_versions=archive_existing,
        )

    def _version(
        self, method: str, verb: str, cause: Cause, *, repeatable: bool = True, **fields: Any
    ) -> ModelVersion:
        answer = self._server.mlflow(
            method,
            f"{_AT}/{verb}",
            rw.VersionAnswer,
            body={**fields, "reason": cause.reason or None},
            repeatable=repeatable,
        )
        return answer.model_version.entity()

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
