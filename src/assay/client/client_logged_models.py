"""Logged models and their files, as MLflow's client has them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from assay.artifacts.base import ArtifactInfo, ArtifactStore
from assay.artifacts.transfer import upload_tree
from assay.client.client_artifacts import upload
from assay.client.client_base import ClientBase, as_run_id, as_text
from assay.client.connect import open_run_artifacts
from assay.entities.ids import check_experiment_id, check_model_id, new_model_id
from assay.entities.logged_models import LoggedModel, LoggedModelStatus, NewLoggedModel
from assay.entities.names import ArtifactPath
from assay.entities.names import artifact_path as parse_path
from assay.entities.page import Page
from assay.entities.params import Param
from assay.errors import InvalidInput
from assay.store.base import ModelOrder, Query

DEFAULT_PAGE = 100
"""MLflow's page of logged models."""


class LoggedModelClient(ClientBase):
    """The part of ``Client`` that is about logged models."""

    def create_logged_model(
        self,
        experiment_id: str,
        name: str | None = None,
        source_run_id: str | None = None,
        tags: Mapping[str, Any] | None = None,
        params: Mapping[str, Any] | None = None,
        model_type: str | None = None,
    ) -> LoggedModel:
        """Make a logged model with status PENDING; ``finalize_logged_model`` says when it is
        whole.
        """
        return self.store.logged_models.create(
            NewLoggedModel(
                model_id=new_model_id(),
                experiment_id=check_experiment_id(str(experiment_id)),
                name=name or "",
                model_type=model_type,
                source_run_id=None if source_run_id is None else as_run_id(source_run_id),
                tags=as_text(tags or {}),
                params=as_text(params or {}),
            )
        )

    def get_logged_model(self, model_id: str) -> LoggedModel:
        """The model. Raises ``LoggedModelNotFound``."""
        return self.store.logged_models.get(check_model_id(model_id))

    def finalize_logged_model(self, model_id: str, status: str | LoggedModelStatus) -> LoggedModel:
        """Say that the model's files are complete (``READY``) or never will be (``FAILED``)."""
        return self.store.logged_models.finalize(check_model_id(model_id), as_model_status(status))

    def delete_logged_model(self, model_id: str) -> None:
        """Move the model to the bin."""
        self.store.logged_models.delete(check_model_id(model_id))

    def log_model_params(self, model_id: str, params: Mapping[str, Any]) -> None:
        """Log params of the model; each is written once."""
        pairs = [Param(key, value) for key, value in as_text(params).items()]
        self.store.logged_models.log_params(check_model_id(model_id), pairs)

    def set_logged_model_tags(self, model_id: str, tags: Mapping[str, Any]) -> None:
        """Set tags of the model."""
        self.store.logged_models.set_tags(check_model_id(model_id), as_text(tags))

    def delete_logged_model_tag(self, model_id: str, key: str) -> None:
        """Delete a tag. Raises ``TagNotFound``."""
        self.store.logged_models.delete_tag(check_model_id(model_id), key)

    def search_logged_models(
        self,
        experiment_ids: Sequence[str],
        filter_string: str | None = None,
        datasets: Sequence[Mapping[str, Any]] | None = None,
        max_results: int | None = None,
        order_by: Sequence[Mapping[str, Any]] | None = None,
        page_token: str | None = None,
    ) -> Page[LoggedModel]:
        """A page of the models that match, the latest made first unless ordered otherwise.

        Args:
            experiment_ids: where to look.
            filter_string: such as ``name = 'm' and metrics.acc > 0.9``.
            datasets: ``{"dataset_name": …, "dataset_digest": …}`` (digest optional) whose metrics
                the
                filter means.
            max_results: size of the page.
            order_by: ``{"field_name": …, "ascending": …, "dataset_name": …, "dataset_digest": …}``.
            page_token: of the page before.
        """
        query = Query(
            filter=filter_string or "",
            max_results=DEFAULT_PAGE if max_results is None else max_results,
            page_token=page_token or None,
        )
        return self.store.logged_models.search(
            [check_experiment_id(str(ident)) for ident in experiment_ids],
            query,
            datasets=[_dataset(one) for one in datasets or ()],
            order=[_order(one) for one in order_by or ()],
        )

    def log_model_artifact(
        self, model_id: str, local_path: str | Path, artifact_path: str | None = None
    ) -> None:
        """Keep a file or folder with the model."""
        upload(self.model_artifact_store(model_id), Path(local_path), folder=artifact_path)

    def log_model_artifacts(
        self, model_id: str, local_dir: str | Path, artifact_path: str | None = None
    ) -> None:
        """Keep what is in a folder with the model."""
        base = "" if not artifact_path else parse_path(artifact_path)
        upload_tree(self.model_artifact_store(model_id), Path(local_dir), ArtifactPath(base))

    def list_logged_model_artifacts(
        self, model_id: str, path: str | None = None
    ) -> list[ArtifactInfo]:
        """What lies directly under a folder of the model's files."""
        return self.model_artifact_store(model_id).list(parse_path(path or "", allow_root=True))

    def model_artifact_store(self, model_id: str) -> ArtifactStore:
        """The place where the model's files are."""
        store = self.store
        model = store.logged_models.get(check_model_id(model_id))
        return open_run_artifacts(self.location, store, model.artifact_location)


def as_model_status(status: str | LoggedModelStatus) -> LoggedModelStatus:
    """``READY``, ``FAILED`` or the long names of MLflow's wire.

    Raises:
        InvalidInput: it is none of these.
    """
    short = {"READY": LoggedModelStatus.READY, "FAILED": LoggedModelStatus.FAILED}
    try:
        return short.get(str(status)) or LoggedModelStatus(status)
    except ValueError:
        raise InvalidInput(f"{status!r} is no final status of a model: READY or FAILED.") from None


def _dataset(facts: Mapping[str, Any]) -> tuple[str, str | None]:
    name = facts.get("dataset_name")
    if not name:
        raise InvalidInput("Each of the datasets of a search needs a dataset_name.")
    return str(name), facts.get("dataset_digest")


def _order(facts: Mapping[str, Any]) -> ModelOrder:
    name = facts.get("field_name")
    if not name:
        raise InvalidInput("Each term of order_by needs a field_name.")
    return ModelOrder(
        field_name=str(name),
        ascending=bool(facts.get("ascending", True)),
        dataset_name=facts.get("dataset_name"),
        dataset_digest=facts.get("dataset_digest"),
    )
