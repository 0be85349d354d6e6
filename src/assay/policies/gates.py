"""Gates: what a version must show before it may move, and what was found.

A metric gate is judged here from figures that the caller has read. All others need the model's
files: a worker looks, and says so in a ``GateResult`` of its own.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from enum import StrEnum
from typing import ClassVar, Final, TypeAlias

import msgspec

from assay.entities.transitions import CheckStatus, GateResult
from assay.policies.bounds import Bounds, Limit, holder_limits, number_text, own_limits

BY_STORE: Final = "store"
"""Who judges metric gates."""


class CheckKind(StrEnum):
    """What a worker looks at without a number coming of it."""

    GOLDEN = "golden"
    ENVIRONMENT = "environment"
    DIGESTS = "digests"
    CARD = "card"
    SIGNATURE = "signature"


CHECK_WORDS: Final[Mapping[CheckKind, tuple[str, str]]] = {
    CheckKind.GOLDEN: ("replayed", "golden predictions replayed"),
    CheckKind.ENVIRONMENT: ("verified", "environment verified"),
    CheckKind.DIGESTS: ("intact", "digests intact"),
    CheckKind.CARD: ("present", "model card present"),
    CheckKind.SIGNATURE: ("made", "signature made"),
}
"""By kind: the word that a policy's text has, and the condition as people read it."""


class CheckGate(msgspec.Struct, frozen=True):
    """Something that a worker verifies, such as that the digests are intact."""

    kind: CheckKind
    by_store: ClassVar[bool] = False

    @property
    def condition(self) -> str:
        """The gate in words."""
        return CHECK_WORDS[self.kind][1]


class MetricGate(msgspec.Struct, frozen=True):
    """A condition on a metric that the version's training logged."""

    metric: str
    bounds: Bounds
    kind: ClassVar[str] = "metric"
    by_store: ClassVar[bool] = True

    @property
    def condition(self) -> str:
        """The gate in words."""
        return f"metrics.{self.metric} {self.bounds}"


class RecomputedGate(msgspec.Struct, frozen=True, kw_only=True):
    """A condition on a metric that a worker computes anew, of the version and of the holder, on
    pinned data.
    """

    metric: str
    """Of ``assay.evaluate``."""
    bounds: Bounds
    data: str
    """``runs:/<run id>/<path>``, ``mlflow-artifacts:/<path>`` or a path."""
    digest: str
    """SHA-256, hex, of the file."""
    targets: str
    """The column of the true values."""
    model_type: str
    kind: ClassVar[str] = "recomputed"
    by_store: ClassVar[bool] = False

    @property
    def condition(self) -> str:
        """The gate in words."""
        return f"recomputed {self.metric} {self.bounds} on {self.data}"


Gate: TypeAlias = MetricGate | CheckGate | RecomputedGate


def judge(
    gate: MetricGate | RecomputedGate,
    place: int,
    *,
    figures: Mapping[str, float],
    holder: Mapping[str, float] | None,
    holder_version: int | None,
    now_ms: int,
    by: str = BY_STORE,
) -> GateResult:
    """Hold a version's figures against a gate.

    Args:
        gate: The gate.
        place: Its place in the target's list.
        figures: The version's metrics by name; for a recomputed gate, what the worker computed.
        holder: Those of the version that holds the target now; ``None``: nobody holds it, and
            comparisons with the holder pass.
        holder_version: The holder's number, for messages.
        now_ms: When.
        by: Who looked.
    """
    value = figures.get(gate.metric)
    found = GateResult(
        place=place,
        kind=gate.kind,
        condition=gate.condition,
        value=value,
        by=by,
        time=now_ms,
        status=CheckStatus.FAILED,
    )
    if value is None:
        return _with(found, message=f"the version has no {_missing(gate.metric, figures)}")
    if math.isnan(value):
        return _with(found, message="it is NaN")
    limits, message = own_limits(gate.bounds), ""
    if gate.bounds.compares and holder is None:
        message = "nothing holds the place yet, so there is nothing to compare with"
    elif gate.bounds.compares and holder is not None:
        told = "the holder" if holder_version is None else f"version {holder_version}, the holder,"
        his = holder.get(gate.metric)
        if his is None or math.isnan(his):
            lack = f"no {_missing(gate.metric, holder)}" if his is None else "NaN"
            return _with(found, message=f"{told} has {lack}, so there is nothing to compare with")
        limits += holder_limits(gate.bounds, his)
        message = f"{told} has {number_text(his)}"
    return _held_against(found, value, limits, message)


def _held_against(
    found: GateResult, value: float, limits: Sequence[Limit], message: str
) -> GateResult:
    failed = [limit for limit in limits if not limit.holds(value)]
    first = next(iter([*failed, *limits]), None)
    if failed:
        wanted = " and ".join(map(str, failed))
        rest = f" ({message})" if message else ""
        message = f"it is {number_text(value)}, and must be {wanted}{rest}"
    return _with(
        found,
        status=CheckStatus.FAILED if failed else CheckStatus.PASSED,
        limit=None if first is None else first.value,
        message=message,
    )


def _with(found: GateResult, **changes: object) -> GateResult:
    return msgspec.structs.replace(found, **changes)


def _missing(metric: str, figures: Mapping[str, float]) -> str:
    near = get_close_matches(metric, figures, n=1)
    return f"metric {metric!r}" + (f" (it has {near[0]!r})" if near else "")


def pending(gate: Gate, place: int) -> GateResult:
    """The result of a gate that nobody has looked at."""
    return GateResult(
        place=place, kind=gate.kind, condition=gate.condition, message="a worker has to look"
    )


def judge_all(
    gates: Sequence[Gate],
    *,
    figures: Mapping[str, float],
    holder: Mapping[str, float] | None,
    holder_version: int | None,
    now_ms: int,
) -> list[GateResult]:
    """The results of all gates of a target: metric gates judged, the others pending."""
    return [
        judge(
            gate,
            place,
            figures=figures,
            holder=holder,
            holder_version=holder_version,
            now_ms=now_ms,
        )
        if isinstance(gate, MetricGate)
        else pending(gate, place)
        for place, gate in enumerate(gates)
    ]
