"""The program that opens a model for a worker: replays or evaluates it, and writes what it found.

A process of its own, because models run code: one that crashes, hangs or eats memory is a failed
check, and the worker goes on. ``assay.registry.checks`` starts it and no module imports it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from assay.errors import AssayError
from assay.evaluation.result import EvaluationResult
from assay.fluent.evaluate import evaluate
from assay.models import verification
from assay.models.trust import is_trusted_origin


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it; ``error`` where nothing did."""

    error: str | None = None
    outcomes: list[tuple[str, bool, str]] = []
    """Of a replay: check, whether it held, detail."""
    metrics: dict[str, float | None] = {}
    """Of an evaluation; ``None`` stands for NaN, which JSON hasn't."""


def main(request: Mapping[str, Any]) -> None:
    """Do what ``request`` says: ``what``, ``folder``, ``origin``, ``trust``, ``result`` (the file
    to write) and, for an evaluation, ``data``, ``targets``, ``model_type``.
    """
    try:
        found = _evaluated(request) if request["what"] == "evaluate" else _replayed(request)
    except AssayError as error:
        found = Found(error=error.message)
    except Exception as error:  # noqa: BLE001 - code of the model may raise anything; it is told
        found = Found(error=f"{type(error).__name__}: {error}")
    Path(request["result"]).write_bytes(msgspec.json.encode(found))


def _replayed(request: Mapping[str, Any]) -> Found:
    done = verification.verify(request["folder"], trust=request["trust"], origin=request["origin"])
    return Found(outcomes=[(one.check, one.ok, one.detail) for one in done.outcomes])


def _evaluated(request: Mapping[str, Any]) -> Found:
    trust = request["trust"]
    if trust is None and is_trusted_origin(request["origin"]):
        # The folder is a copy: what may be trusted about it is where it came from.
        trust = True
    result: EvaluationResult = evaluate(
        request["folder"],
        request["data"],
        targets=request["targets"],
        model_type=request["model_type"],
        evaluator_config={"log_model_explainability": False},
        bootstrap=0,
        log=False,
        raise_on_failure=False,
        trust=trust,
    )
    values = result.metrics.items()
    return Found(metrics={key: None if math.isnan(value) else value for key, value in values})
