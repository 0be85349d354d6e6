"""Registered models and their versions, as MLflow's client has them.

Each call that changes something takes a ``reason`` beside MLflow's arguments: the audit record of
the change keeps it.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from assay.client.client_base import ClientBase, as_run_id, as_text
from assay.client.version_uris import find_version, parse_version_uri
from assay.entities.ids import check_model_id
from assay.entities.model_versions import (
    ROLLED_BACK_TAG,
    STAGES,
    ModelVersion,
    ModelVersionStatus,
    NewModelVersion,
)
from assay.entities.page import Page
from assay.entities.registered_models import RegisteredModel
from assay.entities.registry_names import parse_version
from assay.errors import AlreadyExists, AssayError, InvalidInput, NotFound, StoreUnavailable
from assay.store.base import Query
from assay.store.user import local_cause

DEFAULT_MODELS_PAGE = 100
DEFAULT_VERSIONS_PAGE = 10_000
"""MLflow's pages of registered models and of versions."""
DEFAULT_AWAIT_S = 300
_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 3.0


class RegistryClient(ClientBase):
    """The part of ``Client`` that is about registered models and versions."""

    def create_registered_model(
        self,
        name: str,
        tags: Mapping[str, Any] | None = None,
        description: str | None = None,
        deployment_job_id: str | None = None,
        *,
        reason: str = "",
    ) -> RegisteredModel:
        """Make a registered model. ``deployment_job_id`` is taken for MLflow's sake.

        Raises:
            AlreadyExists: the name is taken.
        """
        return self.store.registered_models.create(
            name,
            description=description or "",
            tags=as_text(tags or {}),
            cause=local_cause(reason),
        )

    def rename_registered_model(
        self, name: str, new_name: str, *, reason: str = ""
    ) -> RegisteredModel:
        """Give a registered model another name; versions, history and policy stay with it.

        Raises:
            AlreadyExists: the new name is taken.
        """
        return self.store.registered_models.rename(name, new_name, cause=local_cause(reason))

    def update_registered_model(
        self,
        name: str,
        description: str | None = None,
        deployment_job_id: str | None = None,
        *,
        reason: str = "",
    ) -> RegisteredModel:
        """Change the description. ``deployment_job_id`` is taken for MLflow's sake.

        Raises:
            InvalidInput: there is none.
        """
        if description is None:
            raise InvalidInput("Nothing to update: give a description.")
        return self.store.registered_models.update(name, description, cause=local_cause(reason))

    def delete_registered_model(self, name: str, *, reason: str = "") -> None:
        """Delete it with all its versions; its history stays.

        Raises:
            TransitionRefused: a version holds a place that its policy governs.
        """
        self.store.registered_models.delete(name, cause=local_cause(reason))

    def search_registered_models(
        self,
        filter_string: str | None = None,
        max_results: int = DEFAULT_MODELS_PAGE,
        order_by: Sequence[str] | None = None,
        page_token: str | None = None,
    ) -> Page[RegisteredModel]:
        """A page of the registered models that match, by name unless ordered otherwise.

        Raises:
            InvalidFilter: the filter or order doesn't parse.
        """
        return self.store.registered_models.search(
            _query(filter_string, max_results, order_by, page_token)
        )

    def get_registered_model(self, name: str) -> RegisteredModel:
        """The registered model. Raises ``RegisteredModelNotFound``."""
        return self.store.registered_models.get(name)

    def get_latest_versions(
        self, name: str, stages: Sequence[str] | None = None
    ) -> list[ModelVersion]:
        """The version with the highest number of each stage, or of those named."""
        return self.store.registered_models.latest(name, stages or None)

    def set_registered_model_tag(
        self, name: str, key: str, value: Any, *, reason: str = ""
    ) -> None:
        """Set a tag of a registered model."""
        self.store.registered_models.set_tag(name, key, str(value), cause=local_cause(reason))

    def delete_registered_model_tag(self, name: str, key: str, *, reason: str = "") -> None:
        """Delete a tag; one that is missing is no error."""
        self.store.registered_models.delete_tag(name, key, cause=local_cause(reason))

    def create_model_version(
        self,
        name: str,
        source: str,
        run_id: str | None = None,
        tags: Mapping[str, Any] | None = None,
        run_link: str | None = None,
        description: str | None = None,
        await_creation_for: int | None = DEFAULT_AWAIT_S,
        model_id: str | None = None,
        *,
        reason: str = "",
    ) -> ModelVersion:
        """Register a version, with the next number that was never used.

        Args:
            name: of the registered model, which exists.
            source: ``models:/<model id>``, ``models:/<name>/<version>`` for a copy,
                ``runs:/<run id>/<path>``, or an address below the artifacts of that run or model.
            run_id: of the run that made the model, unless the source tells.
            tags: of the version.
            run_link: where to look at the run, if it is recorded elsewhere.
            description: of the version.
            await_creation_for: seconds to wait until it is READY; ``None`` or 0 doesn't wait.
            model_id: of the logged model, unless the source tells.
            reason: kept in the audit record.

        Raises:
            InvalidInput: the source isn't one that may be registered.
            RegisteredModelNotFound, RunNotFound, LoggedModelNotFound
        """
        made = self.store.model_versions.create(
            NewModelVersion(
                name=name,
                source=str(source),
                run_id=None if run_id is None else as_run_id(run_id),
                model_id=None if model_id is None else check_model_id(model_id),
                run_link=run_link or "",
                description=description or "",
                tags=as_text(tags or {}),
            ),
            cause=local_cause(reason),
        )
        return self._awaited(made, await_creation_for) if await_creation_for else made

    def _awaited(self, version: ModelVersion, limit_s: float) -> ModelVersion:
        """Stores of ours are READY at once, other servers may copy files first."""
        end, pause_s = time.monotonic() + limit_s, _FIRST_PAUSE_S
        while version.status is ModelVersionStatus.PENDING_REGISTRATION:
            if time.monotonic() >= end:
                raise StoreUnavailable(f"{version.uri} is not ready after {limit_s:g} s.")
            time.sleep(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
            version = self.store.model_versions.get(version.name, version.version)
        if version.status is ModelVersionStatus.FAILED_REGISTRATION:
            raise AssayError(f"{version.uri} can't be registered: {version.status_message}")
        return version

    def register_version(
        self,
        name: str,
        source: str,
        run_id: str | None = None,
        model_id: str | None = None,
        *,
        tags: Mapping[str, Any] | None = None,
        description: str = "",
        await_creation_for: int | None = DEFAULT_AWAIT_S,
        reason: str = "",
    ) -> ModelVersion:
        """As ``create_model_version``, of a registered model that is made if it is missing."""
        self._ensure(name, reason)
        return self.create_model_version(
            name,
            source,
            run_id,
            tags,
            description=description,
            await_creation_for=await_creation_for,
            model_id=model_id,
            reason=reason,
        )

    def _ensure(self, name: str, reason: str) -> None:
        try:
            self.store.registered_models.get(name)
        except NotFound:
            try:
                self.create_registered_model(name, reason=reason)
            except AlreadyExists:
                # Another process was faster.
                return

    def copy_model_version(
        self, src_model_uri: str, dst_name: str, *, reason: str = ""
    ) -> ModelVersion:
        """Register a version of one model as the next version of another one.

        Its files are those of the original. The other model is made if it is missing.

        Args:
            src_model_uri: ``models:/<name>/<version or stage>`` or ``models:/<name>@<alias>``.
            dst_name: of the other registered model.
            reason: kept in the audit record.

        Raises:
            InvalidInput: the address names no version.
        """
        original = find_version(self.store, *parse_version_uri(src_model_uri))
        # That one was rolled back says nothing of where its copy stands.
        tags = {key: value for key, value in original.tags.items() if key != ROLLED_BACK_TAG}
        return self.register_version(
            dst_name, original.uri, tags=tags, description=original.description, reason=reason
        )

    def update_model_version(
        self, name: str, version: str | int, description: str | None = None, *, reason: str = ""
    ) -> ModelVersion:
        """Change the description. Raises ``InvalidInput`` if there is none."""
        if description is None:
            raise InvalidInput("Nothing to update: give a description.")
        return self.store.model_versions.update(
            name, parse_version(version), description, cause=local_cause(reason)
        )

    def transition_model_version_stage(
        self,
        name: str,
        version: str | int,
        stage: str,
        archive_existing_versions: bool = False,
        *,
        reason: str = "",
    ) -> ModelVersion:
        """Move a version to a stage; ``archive_existing_versions`` archives all others there.

        Raises:
            TransitionRefused: a policy governs the stage: make a request.
            InvalidInput: the model knows no such stage, or nothing can be archived for it.
        """
        return self.store.model_versions.transition(
            name,
            parse_version(version),
            stage,
            archive_existing=archive_existing_versions,
            cause=local_cause(reason),
        )

    def delete_model_version(self, name: str, version: str | int, *, reason: str = "") -> None:
        """Delete a version with its aliases. Its number isn't given out again; its files stay.

        Raises:
            TransitionRefused: it holds a place that a policy governs.
        """
        self.store.model_versions.delete(name, parse_version(version), cause=local_cause(reason))

    def get_model_version(self, name: str, version: str | int) -> ModelVersion:
        """The version. Raises ``ModelVersionNotFound``."""
        return self.store.model_versions.get(name, parse_version(version))

    def get_model_version_download_uri(self, name: str, version: str | int) -> str:
        """Where its files are; of a copy, those of the original."""
        return self.store.model_versions.download_uri(name, parse_version(version))

    def search_model_versions(
        self,
        filter_string: str | None = None,
        max_results: int = DEFAULT_VERSIONS_PAGE,
        order_by: Sequence[str] | None = None,
        page_token: str | None = None,
    ) -> Page[ModelVersion]:
        """A page of the versions that match, the latest changed first unless ordered otherwise.

        Raises:
            InvalidFilter: the filter or order doesn't parse.
        """
        return self.store.model_versions.search(
            _query(filter_string, max_results, order_by, page_token)
        )

    def get_model_version_stages(self, name: str, version: str | int) -> list[str]:
        """The stages that a version can be in: those of the model's policy, else MLflow's."""
        # Few programs ask, and all import this module.
        from assay.policies.policy import parse_policy

        store = self.store
        # A plain MLflow server has no policies, nor stages of its own.
        policy = store.policies.find(name) if getattr(store, "is_assay", True) else None
        return list(STAGES if policy is None else parse_policy(policy.text).stages)

    def set_model_version_tag(
        self,
        name: str,
        version: str | int | None = None,
        key: str | None = None,
        value: Any = None,
        stage: str | None = None,
        *,
        reason: str = "",
    ) -> None:
        """Set a tag of a version, or of the newest version in a stage."""
        number, key = self._named(name, version, stage), _key(key)
        self.store.model_versions.set_tag(name, number, key, str(value), cause=local_cause(reason))

    def delete_model_version_tag(
        self,
        name: str,
        version: str | int | None = None,
        key: str | None = None,
        stage: str | None = None,
        *,
        reason: str = "",
    ) -> None:
        """Delete a tag of a version, or of the newest one in a stage; a missing one is no error."""
        number, key = self._named(name, version, stage), _key(key)
        self.store.model_versions.delete_tag(name, number, key, cause=local_cause(reason))

    def _named(self, name: str, version: str | int | None, stage: str | None) -> int:
        if (version is None) == (stage is None):
            raise InvalidInput("Give exactly one of version and stage.")
        if version is not None:
            return parse_version(version)
        return find_version(self.store, name, str(stage)).version

    def set_registered_model_alias(
        self, name: str, alias: str, version: str | int, *, reason: str = ""
    ) -> None:
        """Let an alias stand for a version.

        Raises:
            TransitionRefused: a policy governs the alias: make a request.
        """
        self.store.registered_models.set_alias(
            name, alias, parse_version(version), cause=local_cause(reason)
        )

    def delete_registered_model_alias(self, name: str, alias: str, *, reason: str = "") -> None:
        """Delete an alias; one that is missing is no error."""
        self.store.registered_models.delete_alias(name, alias, cause=local_cause(reason))

    def get_model_version_by_alias(self, name: str, alias: str) -> ModelVersion:
        """The version that an alias stands for. Raises ``AliasNotFound``."""
        return self.store.model_versions.by_alias(name, alias)


def _query(
    filter_string: str | None,
    max_results: int,
    order_by: Sequence[str] | None,
    page_token: str | None,
) -> Query:
    return Query(
        filter=filter_string or "",
        order_by=tuple(order_by or ()),
        max_results=max_results,
        page_token=page_token or None,
    )


def _key(key: str | None) -> str:
    if key is None:
        raise InvalidInput("Give the key of the tag.")
    return key
