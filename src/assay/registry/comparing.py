"""Comparing two versions: metrics, params, tags, signature, environment, files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from assay.client.client import Client
from assay.entities.model_versions import ModelVersion
from assay.errors import AssayError, LoggedModelNotFound, RunNotFound
from assay.fluent.model_places import find_model
from assay.fluent.reading import client_for
from assay.models import digests
from assay.models.environments.environment import Environment
from assay.models.mlmodel import Model
from assay.registry.figures import figures_of


class Change(msgspec.Struct, frozen=True):
    """One thing that differs; ``None`` where one side hasn't got it."""

    name: str
    before: Any = None
    after: Any = None


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """How version ``b`` differs from version ``a``; what is equal is left out."""

    a: str
    b: str
    metrics: list[Change] = []
    params: list[Change] = []
    tags: list[Change] = []
    signature: list[Change] = []
    """``inputs``, ``outputs`` and ``params``, as texts."""
    environment: list[Change] = []
    """Packages by name, and ``python``."""
    files: list[Change] = []
    """By path, with their SHA-256."""
    notes: list[str] = []
    """What couldn't be compared, and why."""

    def to_dict(self) -> dict[str, Any]:
        """The same as plain values."""
        plain: dict[str, Any] = msgspec.to_builtins(self)
        return plain


def compare(name: str, a: int, b: int, *, other_name: str | None = None) -> Comparison:
    """How version ``b`` (of ``other_name``, if given) differs from version ``a``.

    Nothing of the models is loaded.

    Raises:
        ModelVersionNotFound: there is no such version.
    """
    client = client_for()
    store = client.store
    one = store.model_versions.get(name, a)
    other = store.model_versions.get(other_name or name, b)
    notes: list[str] = []
    mine, theirs = _files(one, notes), _files(other, notes)
    return Comparison(
        a=one.uri,
        b=other.uri,
        metrics=_changes(figures_of(client, one), figures_of(client, other)),
        params=_changes(_params(client, one), _params(client, other)),
        tags=_changes(one.tags, other.tags),
        signature=_changes(_signature(mine, notes), _signature(theirs, notes)),
        environment=_changes(_environment(mine, notes), _environment(theirs, notes)),
        files=_changes(_digests(mine, notes), _digests(theirs, notes)),
        notes=list(dict.fromkeys(notes)),
    )


def _changes(before: dict[str, Any], after: dict[str, Any]) -> list[Change]:
    return [
        Change(key, before.get(key), after.get(key))
        for key in sorted(before.keys() | after.keys())
        if not _same(before.get(key), after.get(key))
    ]


def _same(one: Any, other: Any) -> bool:
    return bool(one == other or (one != one and other != other))  # noqa: PLR0124 - NaN


def _params(client: Client, version: ModelVersion) -> dict[str, Any]:
    if version.model_id is not None:
        try:
            params = client.store.logged_models.get(version.model_id).params
            if params:
                return dict(params)
        except LoggedModelNotFound:
            pass
    if version.run_id is None:
        return {}
    try:
        return dict(client.store.runs.get(version.run_id).data.params)
    except RunNotFound:
        return {}


def _files(version: ModelVersion, notes: list[str]) -> Path | None:
    try:
        return find_model(version.uri).folder
    except AssayError as error:
        notes.append(f"{version.uri}: {error.message}")
        return None


def _signature(folder: Path | None, notes: list[str]) -> dict[str, Any]:
    if folder is None:
        return {}
    try:
        signature = Model.load(folder).signature
    except AssayError as error:
        notes.append(error.message)
        return {}
    if signature is None:
        return {}
    parts = {name: getattr(signature, name) for name in ("inputs", "outputs", "params")}
    return {name: str(part) for name, part in parts.items() if part is not None}


def _environment(folder: Path | None, notes: list[str]) -> dict[str, Any]:
    if folder is None:
        return {}
    try:
        environment = Environment.read(folder)
    except AssayError as error:
        notes.append(error.message)
        return {}
    return {"python": environment.python, **_pins(environment.requirements)}


def _pins(requirements: Any) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in requirements:
        name, _, pin = str(line).partition("==")
        found[name.strip()] = pin.strip() or "any"
    return found


def _digests(folder: Path | None, notes: list[str]) -> dict[str, Any]:
    if folder is None:
        return {}
    try:
        listed = digests.check(folder)
    except AssayError as error:
        notes.append(error.message)
        return {}
    if listed is None:
        notes.append(f"{folder.name} has no {digests.FILE}")
        return {}
    return dict(listed.files)
