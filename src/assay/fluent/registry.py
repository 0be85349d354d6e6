"""The registry, as MLflow's fluent functions have it: register models, find them, tag versions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from assay.client.client import Client
from assay.client.client_registry import (
    DEFAULT_AWAIT_S,
    DEFAULT_MODELS_PAGE,
    DEFAULT_VERSIONS_PAGE,
)
from assay.client.version_uris import find_version, names_version, parse_version_uri
from assay.entities.ids import check_model_id, check_run_id
from assay.entities.logged_models import LoggedModel, LoggedModelStatus
from assay.entities.model_versions import ModelVersion
from assay.entities.names import artifact_path
from assay.entities.page import Page
from assay.entities.registered_models import RegisteredModel
from assay.entities.registry_names import check_registered_name
from assay.errors import ArtifactNotFound, InvalidInput
from assay.fluent.active import here
from assay.fluent.log_model import note_output
from assay.fluent.logged_models import initialize_logged_model
from assay.fluent.model_places import find_logged_model, find_model, is_local
from assay.fluent.reading import client_for

MAX_RESULTS = 100_000
"""What a search returns at most when no number is asked for."""
T = TypeVar("T")


class _Source(NamedTuple):
    """What a version is registered from."""

    uri: str
    run_id: str | None = None
    model_id: str | None = None


def register_model(
    model_uri: str | Path,
    name: str,
    await_registration_for: int | None = DEFAULT_AWAIT_S,
    *,
    tags: Mapping[str, Any] | None = None,
    description: str = "",
    reason: str = "",
) -> ModelVersion:
    """Register a model as the next version of a registered model, which is made if it is missing.

    Args:
        model_uri: ``models:/<model id>``, ``runs:/<run id>/<name or path>``,
            ``models:/<name>/<version or stage>`` or ``models:/<name>@<alias>`` for a copy, or a
            folder of this machine, which is logged first: to the active run, if there is one.
        name: of the registered model.
        await_registration_for: seconds to wait until the version is READY; ``None`` or 0 doesn't
            wait.
        tags: of the version.
        description: of the version.
        reason: kept in the audit record.

    Raises:
        ArtifactNotFound: there is no model there.
        InvalidInput: the address isn't one that may be registered.
        LoggedModelNotFound, RunNotFound, RegisteredModelNotFound, ModelVersionNotFound
    """
    check_registered_name(name)
    client = client_for()
    source = _source(client, model_uri)
    return client.register_version(
        name,
        source.uri,
        source.run_id,
        source.model_id,
        tags=tags,
        description=description,
        await_creation_for=await_registration_for,
        reason=reason,
    )


def _source(client: Client, model_uri: str | Path) -> _Source:
    uri = str(model_uri)
    if is_local(model_uri):
        return _of_model(_logged(client, find_model(model_uri).folder))
    if names_version(uri):
        return _Source(find_version(client.store, *parse_version_uri(uri)).uri)
    kind, _, rest = uri.partition(":/")
    owner, _, below = rest.strip("/").partition("/")
    if kind == "models":
        model = client.get_logged_model(check_model_id(owner))
        return _of_model(model)._replace(uri=uri.rstrip("/"))
    if kind == "runs":
        return _of_run(client, owner, below)
    return _Source(uri)


def _of_model(model: LoggedModel) -> _Source:
    return _Source(model.model_uri, model.source_run_id, model.model_id)


def _of_run(client: Client, run_id: str, below: str) -> _Source:
    uri = f"runs:/{run_id}/{below}"
    if not below:
        raise InvalidInput(f"{uri!r} names no model: runs:/<run id>/<name or path>.")
    path = artifact_path(below)
    model = find_logged_model(client, check_run_id(run_id), path)
    if model is not None:
        return _of_model(model)
    if not client.artifact_store(run_id).list(path):
        raise ArtifactNotFound(uri)
    return _Source(f"runs:/{run_id}/{path}", run_id)


def _logged(client: Client, folder: Path) -> LoggedModel:
    """A folder of this machine as a logged model: no server reads another machine's paths."""
    model = initialize_logged_model("model")
    try:
        client.log_model_artifacts(model.model_id, folder)
    except BaseException:
        client.finalize_logged_model(model.model_id, LoggedModelStatus.FAILED)
        raise
    note_output(here.top, model.model_id, 0)
    return client.finalize_logged_model(model.model_id, LoggedModelStatus.READY)


def search_registered_models(
    max_results: int | None = None,
    filter_string: str | None = None,
    order_by: Sequence[str] | None = None,
) -> list[RegisteredModel]:
    """All registered models that match, by name unless ordered otherwise.

    Raises:
        InvalidFilter: the filter or order doesn't parse.
    """
    client = client_for()
    return _all(
        lambda size, token: client.search_registered_models(filter_string, size, order_by, token),
        max_results=max_results,
        page_size=DEFAULT_MODELS_PAGE,
    )


def search_model_versions(
    max_results: int | None = None,
    filter_string: str | None = None,
    order_by: Sequence[str] | None = None,
) -> list[ModelVersion]:
    """All versions that match, the latest changed first unless ordered otherwise.

    Raises:
        InvalidFilter: the filter or order doesn't parse.
    """
    client = client_for()
    return _all(
        lambda size, token: client.search_model_versions(filter_string, size, order_by, token),
        max_results=max_results,
        page_size=DEFAULT_VERSIONS_PAGE,
    )


def _all(
    search: Callable[[int, str | None], Page[T]], *, max_results: int | None, page_size: int
) -> list[T]:
    left = MAX_RESULTS if max_results is None else max_results
    found: list[T] = []
    token: str | None = None
    while left > 0:
        page = search(min(left, page_size), token)
        found.extend(page)
        left, token = left - len(page), page.token
        if token is None:
            break
    return found


def set_model_version_tag(
    name: str, version: str | int | None = None, key: str | None = None, value: Any = None
) -> None:
    """Set a tag of a version."""
    client_for().set_model_version_tag(name, version, key, value)


__all__ = [
    "register_model",
    "search_model_versions",
    "search_registered_models",
    "set_model_version_tag",
]
