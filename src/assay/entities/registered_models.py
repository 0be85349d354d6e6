"""Registered models: names under which a team keeps versions. Field names are MLflow's."""

from __future__ import annotations

import msgspec

from assay.entities.model_versions import ModelVersion


class RegisteredModel(msgspec.Struct, frozen=True, kw_only=True):
    """A registered model."""

    name: str
    creation_timestamp: int
    last_updated_timestamp: int
    description: str = ""
    tags: dict[str, str] = {}
    aliases: dict[str, int] = {}
    """Version by alias."""
    latest_versions: list[ModelVersion] = []
    """The version with the highest number of each stage that has one."""


class RegisteredModelAlias(msgspec.Struct, frozen=True):
    """An alias and the version it stands for."""

    alias: str
    version: int
