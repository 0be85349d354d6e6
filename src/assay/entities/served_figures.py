"""Served figures: what scoring servers count, as they tell it to the registry for the last hour."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final

import msgspec

BUCKETS_S: Final = (
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
)  # fmt: skip
"""Bounds in seconds by which answers are counted."""
MINUTE_MS: Final = 60_000
HOUR_MINUTES: Final = 60
"""Minutes that a server tells of, and that are kept of it."""

Count = Annotated[int, msgspec.Meta(ge=0, lt=2**53)]
Seconds = Annotated[float, msgspec.Meta(ge=0, lt=2**53)]
Percent = Annotated[float, msgspec.Meta(ge=0, le=100)]


class ServedMinute(msgspec.Struct, frozen=True, kw_only=True):
    """One minute of one version at one server."""

    time: Annotated[int, msgspec.Meta(ge=0, lt=2**53)]
    """When it began, by the server's clock, in ms since the epoch."""
    answered: Count = 0
    refused: Count = 0
    """Whoever asked sent what the model doesn't take."""
    failed: Count = 0
    seconds: Seconds = 0.0
    """Of all that were answered."""
    buckets: Annotated[list[Count], msgspec.Meta(max_length=len(BUCKETS_S) + 1)] = []
    """Answers by the first bound of ``BUCKETS_S`` that they took no longer than; the last ones took
    longer than all. Empty: none was answered."""


class Part(StrEnum):
    """Which part a version has in the answers of a server."""

    MAIN = "main"
    """It answers what no canary does."""
    CANARY = "canary"
    SHADOW = "shadow"
    """It is asked too, and never answers."""
    FORMER = "former"
    """It answers no more."""


class ServedFigures(msgspec.Struct, frozen=True, kw_only=True):
    """What one scoring server counted of one version, over the last hour."""

    server_id: str
    """Of one start of a server."""
    name: str
    """Of the registered model."""
    version: int
    part: Part
    percent: Percent = 0.0
    """Of the requests that it answers; of a shadow, that it is asked."""
    source: str = ""
    """What the server was asked to serve, such as ``models:/digits@champion``."""
    host: str = ""
    """The machine that the server runs on."""
    deployment_id: str = ""
    minutes: Annotated[list[ServedMinute], msgspec.Meta(max_length=HOUR_MINUTES + 1)] = []
    """Those with requests, the oldest first."""
    time: int = 0
    """When the store was told; servers tell every few seconds."""
