"""Registered models of a server: where the files of a named version are."""

from __future__ import annotations

import msgspec

from assay.errors import InvalidInput, NotFound, RemoteError
from assay.store.rest.server import Server

_NO_ROUTE = "ENDPOINT_NOT_FOUND"
_LATEST = "latest"


class _Version(msgspec.Struct, frozen=True):
    version: str


class _AliasAnswer(msgspec.Struct, frozen=True):
    model_version: _Version


class _VersionsAnswer(msgspec.Struct, frozen=True):
    model_versions: list[_Version] = []


class _UriAnswer(msgspec.Struct, frozen=True):
    artifact_uri: str


class RestRegisteredModels:
    """Names of models over MLflow's protocol."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def uri(self, name: str, selector: str) -> str:
        """Where the files of a version are.

        Args:
            name: of the registered model.
            selector: a version, a stage, ``latest``, or ``@`` and an alias.

        Raises:
            NotFound: there is no such model or version.
            InvalidInput: the server has no registry.
        """
        try:
            version = self._version(name, selector)
            answer = self._server.mlflow(
                "GET",
                "/model-versions/get-download-uri",
                _UriAnswer,
                query={"name": name, "version": version},
            )
        except RemoteError as error:
            if error.remote_code == _NO_ROUTE:
                raise InvalidInput(
                    f"The server at {self._server.url} has no model registry, so the registered"
                    f" model {name!r} can't be looked up there."
                ) from error
            raise
        return answer.artifact_uri

    def _version(self, name: str, selector: str) -> str:
        if selector.startswith("@"):
            query = {"name": name, "alias": selector[1:]}
            answer = self._server.mlflow(
                "GET", "/registered-models/alias", _AliasAnswer, query=query
            )
            return answer.model_version.version
        if selector.isdecimal():
            return selector
        body = {"name": name, "stages": None if selector == _LATEST else [selector]}
        found = self._server.mlflow(
            "POST", "/registered-models/get-latest-versions", _VersionsAnswer, body=body
        ).model_versions
        if not found:
            raise NotFound(f"The registered model {name!r} has no version for {selector!r}.")
        return max(found, key=lambda one: int(one.version)).version
