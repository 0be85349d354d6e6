"""Draws: how often each unit of a sample stands in a bootstrap resample.

Rows are drawn independently, within strata where given, so that each resample keeps the shares of
the classes. Time series are drawn in blocks, which keep what neighbouring errors have in common.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray

from assay.evaluation.sample import Floats, Integers


class Draws(ABC):
    """A way to resample ``units`` things."""

    units: int
    strata: list[Integers]
    """Positions of the units that are drawn among each other."""
    exchangeable: bool = True
    """Whether units are independent, which leave-one-out corrections (BCa) assume."""

    @abstractmethod
    def batch(self, random: np.random.Generator, size: int) -> Floats:
        """Counts of ``size`` resamples, shape (size, units)."""


def strata_of(codes: NDArray[np.int64] | None, units: int) -> list[Integers]:
    """Positions by code; one stratum without codes."""
    if codes is None:
        return [np.arange(units)]
    order = np.argsort(codes, kind="stable")
    ends = np.flatnonzero(np.diff(codes[order])) + 1
    return list(np.split(order, ends))


class RowDraws(Draws):
    """Units drawn independently with replacement within their stratum (Efron 1979).

    Args:
        base: how many equal rows each unit stands for, shape (units,).
        strata: code of each unit's stratum; ``None`` for one stratum.
    """

    def __init__(self, base: Floats, strata: NDArray[np.int64] | None = None) -> None:
        self.units = len(base)
        self.strata = strata_of(strata, self.units)
        self._base = base
        self._single = bool((base == 1).all())

    def batch(self, random: np.random.Generator, size: int) -> Floats:
        """See ``Draws.batch``."""
        counts = np.empty((size, self.units))
        for places in self.strata:
            if self._single:
                drawn = _drawn_rows(random, size, len(places))
            else:
                held = self._base[places]
                total = held.sum()
                drawn = random.multinomial(int(total), held / total, size=size)
            if len(self.strata) == 1:
                return np.asarray(drawn, dtype=np.float64)
            counts[:, places] = drawn
        return counts


def _drawn_rows(random: np.random.Generator, size: int, rows: int) -> Integers:
    return np.stack(
        [
            np.bincount(random.integers(0, rows, size=rows, dtype=np.int32), minlength=rows)
            for _ in range(size)
        ]
    )


class BlockDraws(Draws):
    """Stretches of each series, wrapped around at its end: the circular block bootstrap (Politis
    and Romano 1992, *A circular block-resampling procedure for stationary data*).

    Args:
        units: number of rows, in order of time within each series.
        series: code of each row's series; ``None`` for one.
        length: rows of a block.
    """

    exchangeable = False

    def __init__(self, units: int, series: NDArray[np.int64] | None, *, length: int) -> None:
        self.units = units
        self.strata = strata_of(series, units)
        self._length = length

    def batch(self, random: np.random.Generator, size: int) -> Floats:
        """See ``Draws.batch``."""
        counts = np.zeros((size, self.units))
        for places in self.strata:
            rows = len(places)
            length = min(self._length, rows)
            starts = random.integers(0, rows, size=(size, -(-rows // length)))
            drawn = (starts[:, :, None] + np.arange(length)).reshape(size, -1)[:, :rows] % rows
            for row, one in zip(counts, drawn, strict=True):
                row[places] = np.bincount(one, minlength=rows)
        return counts


def block_length(units: int, seasonality: int = 1) -> int:
    """A block of n ** (1/3) rows, the order that minimises the error of the variance (Hall,
    Horowitz and Jing 1995, *On blocking rules for the bootstrap with dependent data*), and at least
    one season.
    """
    return max(1, seasonality, round(math.cbrt(units)))
