"""Samplers: which point a trial gets.

Grid and random choose by the trial's number and the seed alone, so a resumed sweep goes on exactly
where it stopped, on any machine. Optuna's samplers learn from results: ``optuna_study``.
"""

from __future__ import annotations

import random
from typing import Protocol

from assay.sweeps.space import Point, Space, grid_point, grid_size, random_point


class Sampler(Protocol):
    """Chooses points. Called by one thread at a time."""

    def ask(self, number: int) -> Point | None:
        """The point of this trial, each number once and in order; ``None``: there are no more."""
        ...

    def tell(self, number: int, value: float | None) -> None:
        """A trial's result; ``None`` if it has none."""
        ...


class GridSampler:
    """Every combination, the last parameter changing first."""

    def __init__(self, space: Space) -> None:
        self._space = space
        self._size = grid_size(space)

    def ask(self, number: int) -> Point | None:
        """The point of this number, up to the grid's size."""
        return grid_point(self._space, number) if number < self._size else None

    def tell(self, number: int, value: float | None) -> None:
        """Nothing is learned."""


class RandomSampler:
    """Points by chance, each from the seed and its number."""

    def __init__(self, space: Space, seed: int) -> None:
        self._space = space
        self._seed = seed

    def ask(self, number: int) -> Point | None:
        """The point of this number."""
        return random_point(self._space, random.Random(f"{self._seed}-{number}"))  # noqa: S311

    def tell(self, number: int, value: float | None) -> None:
        """Nothing is learned."""
