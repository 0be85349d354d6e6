"""MLflow's wire of the registry: JSON of registered models and versions, and what it stands for."""

from __future__ import annotations

import re
from typing import Final

import msgspec

from assay.entities.ids import ModelId, RunId
from assay.entities.model_versions import NO_STAGE, ModelVersion, ModelVersionStatus
from assay.entities.registered_models import RegisteredModel
from assay.store.rest.mlflow_wire import Pair, as_dict

_OF_LOGGED_MODEL: Final = re.compile(r"models:/(m-[0-9a-f]{32})(?:/|\Z)")
_OF_RUN: Final = re.compile(r"runs:/([^/]+)/")


class WireVersion(msgspec.Struct, frozen=True):
    """A version."""

    name: str
    version: int
    creation_timestamp: int = 0
    last_updated_timestamp: int = 0
    description: str = ""
    user_id: str = ""
    current_stage: str = NO_STAGE
    source: str = ""
    run_id: str | None = None
    run_link: str = ""
    status: ModelVersionStatus = ModelVersionStatus.READY
    status_message: str = ""
    tags: list[Pair] = []
    aliases: list[str] = []
    model_id: str | None = None

    def entity(self) -> ModelVersion:
        """The version. MLflow's servers don't send the id of its logged model; the source tells."""
        model_id = self.model_id or model_id_of(self.source)
        return ModelVersion(
            name=self.name,
            version=self.version,
            creation_timestamp=self.creation_timestamp,
            last_updated_timestamp=self.last_updated_timestamp,
            description=self.description,
            user_id=self.user_id,
            current_stage=self.current_stage,
            source=self.source,
            run_id=RunId(self.run_id) if self.run_id else None,
            run_link=self.run_link,
            status=self.status,
            status_message=self.status_message,
            tags=as_dict(self.tags),
            aliases=self.aliases,
            model_id=ModelId(model_id) if model_id else None,
        )


class WireAlias(msgspec.Struct, frozen=True):
    """An alias and the version it stands for."""

    alias: str
    version: int


class WireRegisteredModel(msgspec.Struct, frozen=True):
    """A registered model."""

    name: str
    creation_timestamp: int = 0
    last_updated_timestamp: int = 0
    description: str = ""
    latest_versions: list[WireVersion] = []
    tags: list[Pair] = []
    aliases: list[WireAlias] = []

    def entity(self) -> RegisteredModel:
        """The registered model."""
        return RegisteredModel(
            name=self.name,
            creation_timestamp=self.creation_timestamp,
            last_updated_timestamp=self.last_updated_timestamp,
            description=self.description,
            tags=as_dict(self.tags),
            aliases={one.alias: one.version for one in self.aliases},
            latest_versions=[version.entity() for version in self.latest_versions],
        )


class RegisteredModelAnswer(msgspec.Struct, frozen=True):
    """One registered model."""

    registered_model: WireRegisteredModel


class RegisteredModelsAnswer(msgspec.Struct, frozen=True):
    """A page of registered models."""

    registered_models: list[WireRegisteredModel] = []
    next_page_token: str | None = None


class VersionAnswer(msgspec.Struct, frozen=True):
    """One version."""

    model_version: WireVersion


class VersionsAnswer(msgspec.Struct, frozen=True):
    """Versions; of a search, a page of them."""

    model_versions: list[WireVersion] = []
    next_page_token: str | None = None


class UriAnswer(msgspec.Struct, frozen=True):
    """Where files are."""

    artifact_uri: str


def model_id_of(source: str) -> str | None:
    """The id of the logged model that a source names."""
    found = _OF_LOGGED_MODEL.match(source)
    return found[1] if found else None


def run_id_of(source: str) -> str | None:
    """The id of the run that a source names."""
    found = _OF_RUN.match(source)
    return found[1] if found else None
