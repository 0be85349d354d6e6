"""The guide of a sweep: which point comes next, and which trial isn't worth going on with."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Final

from assay.sweeps.optuna_study import Finished, Study, missing_package
from assay.sweeps.samplers import GridSampler, RandomSampler, Sampler
from assay.sweeps.space import Point
from assay.sweeps.spec import SweepSpec

_NEEDED: Final = {"cmaes": "cmaes", "gp": "torch", "qmc": "scipy"}
"""Packages that Optuna imports with a sampler's first suggestion."""


class Guide:
    """What a sweep asks: points from its method's sampler, and whether a trial is to be pruned."""

    def __init__(self, spec: SweepSpec) -> None:
        self.prunes = spec.pruner is not None and spec.pruner.name != "none"
        chooser: Sampler | None = None
        if spec.method == "grid":
            chooser = GridSampler(spec.parameters)
        elif spec.method == "random":
            chooser = RandomSampler(spec.parameters, spec.seed)
        self._chooser = chooser
        self._study = Study(spec, chooser) if chooser is None or self.prunes else None

    def ask(self, number: int) -> Point | None:
        """The point of trial ``number``, asked in order; ``None``: the grid has ended."""
        if self._study is not None:
            return self._study.ask(number)
        assert self._chooser is not None
        return self._chooser.ask(number)

    def should_prune(self, number: int, step: int, value: float) -> bool:
        """Take a reported value; whether the trial is to end."""
        return (
            self.prunes
            and self._study is not None
            and self._study.should_prune(number, step, value)
        )

    def tell(self, number: int, value: float | None, *, pruned: bool = False) -> None:
        """How a trial ended; ``None``: without a result."""
        if self._study is not None:
            self._study.tell(number, value, pruned=pruned)

    def rebuild(
        self, points: Sequence[Point | None], ended: Sequence[Finished]
    ) -> dict[int, Point]:
        """Take up what earlier trials were and said; see ``Study.rebuild``."""
        if self._study is not None:
            return self._study.rebuild(points, ended)
        assert self._chooser is not None
        lost = (number for number, point in enumerate(points) if point is None)
        asked = ((number, self._chooser.ask(number)) for number in lost)
        return {number: point for number, point in asked if point is not None}


def check_optuna(spec: SweepSpec) -> None:
    """Find out now what would fail at the first trial.

    Raises:
        MissingExtra: Optuna isn't installed.
        MissingFramework: the sampler's own package isn't.
        InvalidInput: an option that Optuna refuses.
    """
    if spec.method == "optuna":
        needed = _NEEDED.get(spec.sampler.name)
        if needed is not None:
            try:
                importlib.import_module(needed)
            except ImportError as error:
                raise missing_package(spec.sampler.name, error) from error
    Guide(spec)
