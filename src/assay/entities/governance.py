"""Around the registry: rules that register by themselves, deployments, lineage, users."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import msgspec

from assay.entities.ids import ExperimentId, RunId


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """Whenever a run of an experiment finishes and fits, register its model and request a move."""

    rule_id: str
    rule_name: str
    experiment_id: ExperimentId
    model_name: str
    """The registered model; made if it is missing."""
    filter: str = ""
    """Which runs, in the grammar of run searches."""
    logged_model: str = ""
    """Name of the logged model to take where a run has several; empty: the last."""
    target: str = ""
    """Stage or ``@alias`` to request; empty: only register."""
    enabled: bool = True
    author: str = ""
    time: int = 0


class RuleRunStatus(StrEnum):
    """What a rule did with a run."""

    WAITING = "waiting"
    DONE = "done"
    SKIPPED = "skipped"
    FAILED = "failed"


class RuleRun(msgspec.Struct, frozen=True, kw_only=True):
    """A finished run that a rule looks at."""

    rule_id: str
    run_id: RunId
    status: RuleRunStatus
    time: int
    attempts: int = 0
    message: str = ""
    version: int | None = None
    request_id: str | None = None


class Deployment(msgspec.Struct, frozen=True, kw_only=True):
    """Where a version was put to work."""

    deployment_id: str
    name: str
    version: int
    target: str
    """What runs it, such as ``kubernetes`` or ``local``."""
    endpoint: str = ""
    actor: str = ""
    time: int = 0
    ended_time: int | None = None
    details: dict[str, str] = {}


class AlertKind(StrEnum):
    """What is wrong with a version that is served, or was to be."""

    NOT_SERVED = "not_served"
    """It can't be loaded, or doesn't answer as it did when it was saved."""
    TRIAL_ENDED = "trial_ended"
    """A canary or shadow went beyond a limit."""
    ERRORS = "errors"
    """Too many predictions fail."""
    DRIFT = "drift"
    """What it is asked is far from what it was made with."""


class ServingAlert(msgspec.Struct, frozen=True, kw_only=True):
    """What a server noticed about a version."""

    name: str
    version: int
    kind: AlertKind
    message: str
    details: dict[str, str] = {}


class NodeKind(StrEnum):
    """What a node of a lineage graph is."""

    DATASET = "dataset"
    RUN = "run"
    LOGGED_MODEL = "logged_model"
    VERSION = "model_version"
    DEPLOYMENT = "deployment"


class LineageNode(msgspec.Struct, frozen=True, kw_only=True):
    """One thing of a graph. ``id``: ``name@digest`` of a data set, the id of a run, logged model
    or deployment, ``name/version`` of a version.
    """

    kind: NodeKind
    id: str
    label: str = ""
    facts: dict[str, Any] = {}
    """Such as ``commit``, ``stage``, ``endpoint``; ``deleted`` of what is gone or in the bin."""


class LineageEdge(msgspec.Struct, frozen=True):
    """From what was there first to what came of it; ``source`` and ``target`` are
    ``kind:id``.
    """

    source: str
    target: str
    relation: str
    """``used``, ``made``, ``copied to``, ``registered as``, ``deployed as``."""


class Lineage(msgspec.Struct, frozen=True):
    """A graph around one thing."""

    start: str
    """``kind:id``."""
    nodes: list[LineageNode]
    edges: list[LineageEdge]
    truncated: bool = False
    """More nodes than the limit: the farthest are left out."""


class Direction(StrEnum):
    """Which way a lineage is followed."""

    UPSTREAM = "upstream"
    DOWNSTREAM = "downstream"
    BOTH = "both"


class User(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who signs in with tokens."""

    user_name: str
    roles: tuple[str, ...]
    created: int
    disabled: bool = False


class ApiToken(msgspec.Struct, frozen=True, kw_only=True):
    """A token, without its secret."""

    token_id: str
    user_name: str
    label: str
    created: int
    expires: int | None = None
