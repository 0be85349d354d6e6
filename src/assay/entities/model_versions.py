"""Model versions: the numbered entries of a registered model. Field names are MLflow's."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec

from assay.entities.ids import ModelId, RunId

NO_STAGE: Final = "None"
"""The stage of a version that is in none."""
ARCHIVED: Final = "Archived"
STAGES: Final = (NO_STAGE, "Staging", "Production", ARCHIVED)
"""MLflow's stages, which a model has unless its policy lists others."""
ROLLED_BACK_TAG: Final = "assay.rolled_back"
"""Tag of a version that a rollback took out of its place: which place, when, by whom, why."""


class ModelVersionStatus(StrEnum):
    """Whether a version can be used."""

    PENDING_REGISTRATION = "PENDING_REGISTRATION"
    FAILED_REGISTRATION = "FAILED_REGISTRATION"
    READY = "READY"


class ModelVersion(msgspec.Struct, frozen=True, kw_only=True):
    """One version."""

    name: str
    version: int
    creation_timestamp: int
    last_updated_timestamp: int
    description: str = ""
    user_id: str = ""
    """Who registered it."""
    current_stage: str = NO_STAGE
    source: str = ""
    """As it was given: ``runs:/…``, ``models:/…`` or the address of a folder."""
    run_id: RunId | None = None
    run_link: str = ""
    status: ModelVersionStatus = ModelVersionStatus.READY
    status_message: str = ""
    tags: dict[str, str] = {}
    aliases: list[str] = []
    model_id: ModelId | None = None
    """The logged model that it is."""

    @property
    def uri(self) -> str:
        """``models:/<name>/<version>``."""
        return f"models:/{self.name}/{self.version}"


class NewModelVersion(msgspec.Struct, frozen=True, kw_only=True):
    """What creates a version."""

    name: str
    source: str
    run_id: RunId | None = None
    model_id: ModelId | None = None
    run_link: str = ""
    description: str = ""
    tags: dict[str, str] = {}


class VersionSignature(msgspec.Struct, frozen=True, kw_only=True):
    """A signature over all files of a version, in sigstore's bundle format."""

    key_id: str
    """SHA-256, hex, of the public key's PEM form."""
    signer: str
    time: int
    bundle: str
    """JSON."""
