"""Evaluators: who computes metrics of a model. ``default`` is built in, others are plugged in.

A plug-in is a function of an ``Evaluation`` that gives a dict of numbers or an
``EvaluatorOutput``: passed itself, or found by name in the entry points ``assay.evaluator``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from typing import Any

from assay.errors import InvalidInput

DEFAULT = "default"
GROUP = "assay.evaluator"


@dataclass(frozen=True)
class Evaluation:
    """What an evaluator is told."""

    model_type: str
    data: Any
    """All data, as they were given."""
    features: Any
    targets: Any
    predictions: Any
    """Labels or numbers, shape (n,)."""
    model: Any
    """The library's own object, or ``None``."""
    config: Mapping[str, Any]
    """Its part of ``evaluator_config``."""
    metrics: Mapping[str, float]
    """What evaluators before it found."""


@dataclass(frozen=True)
class EvaluatorOutput:
    """What an evaluator found."""

    metrics: Mapping[str, float] = field(default_factory=dict)
    artifacts: Mapping[str, bytes] = field(default_factory=dict)
    """Content by file name."""


Evaluator = Callable[[Evaluation], "Mapping[str, float] | EvaluatorOutput"]
Chosen = str | Evaluator | Sequence[str | Evaluator] | None


@dataclass(frozen=True)
class Plan:
    """Who evaluates, with which part of the configuration."""

    default: dict[str, Any] | None
    """Configuration of the built-in evaluator; ``None``: it doesn't run."""
    others: list[tuple[str, Evaluator, dict[str, Any]]] = field(default_factory=list)


def plan(evaluators: Chosen, config: Mapping[str, Any] | None) -> Plan:
    """Evaluators by name or as functions; without any, ``default``.

    Args:
        evaluators: names, functions, or a list of both.
        config: one configuration for all, or a dict with a configuration by name.

    Raises:
        InvalidInput: no evaluator of this name is installed.
    """
    chosen: list[Any] = [DEFAULT] if evaluators is None else _listed(evaluators)
    names = [one if isinstance(one, str) else _name(one) for one in chosen]
    given = dict(config or {})
    by_name = bool(given) and all(
        name in names and isinstance(value, Mapping) for name, value in given.items()
    )

    def part(name: str) -> dict[str, Any]:
        return dict(given.get(name, {})) if by_name else given

    found = Plan(part(DEFAULT) if DEFAULT in names else None)
    for name, one in zip(names, chosen, strict=True):
        if name != DEFAULT:
            found.others.append((name, _find(one) if isinstance(one, str) else one, part(name)))
    return found


def _listed(evaluators: Any) -> list[Any]:
    return [evaluators] if isinstance(evaluators, str) or callable(evaluators) else list(evaluators)


def _name(evaluator: Any) -> str:
    if not callable(evaluator):
        raise InvalidInput(f"An evaluator is a name or a function, not {type(evaluator).__name__}.")
    return str(getattr(evaluator, "__name__", type(evaluator).__name__))


def _find(name: str) -> Evaluator:
    installed = {one.name: one for one in entry_points(group=GROUP)}
    if name not in installed:
        known = ", ".join(sorted({DEFAULT, *installed}))
        raise InvalidInput(f"No evaluator {name!r} is installed; there are: {known}.")
    loaded: Evaluator = installed[name].load()
    return loaded


def list_evaluators() -> list[str]:
    """Names of all evaluators that can be used."""
    return sorted({DEFAULT, *(one.name for one in entry_points(group=GROUP))})


def run(name: str, evaluator: Evaluator, evaluation: Evaluation) -> EvaluatorOutput:
    """What one evaluator found. Raises ``InvalidInput`` if that is no dict of numbers."""
    found = evaluator(evaluation)
    if isinstance(found, EvaluatorOutput):
        return found
    if not isinstance(found, Mapping):
        raise InvalidInput(
            f"The evaluator {name!r} must give a dict of numbers or an EvaluatorOutput, not"
            f" {type(found).__name__}."
        )
    return EvaluatorOutput({str(key): float(value) for key, value in found.items()})
