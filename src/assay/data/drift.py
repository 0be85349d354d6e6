"""Drift: how far a column of later data is from that of the data it is compared with.

Two figures. The population stability index, ``sum((p - q) * ln(p / q))`` over bins, here tenths of
the reference, single categories, and the missing values (N. Siddiqi, Credit Risk Scorecards, 2006;
below 0.1 is usually called stable, above 0.25 changed). And for numbers the Kolmogorov-Smirnov
statistic, the largest distance of the two distribution functions.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

import msgspec
import numpy as np

from assay.data.column_profile import ColumnProfile, Profile, as_numbers, as_texts
from assay.errors import MissingExtra

WATCH_PSI: Final = 0.1
DRIFT_PSI: Final = 0.25
"""Both as the literature has them."""
MIN_ROWS: Final = 200
"""Fewer say little: of tenths, chance alone makes the index about 9/rows."""
_BINS: Final = 10
_FEW: Final = 20
"""Different numbers up to which each is a bin."""
_LEAST: Final = 1e-4
"""Share of a bin that nothing fell in: the logarithm needs one."""
Verdict = Literal["stable", "watch", "drift", "too few rows", "other kind"]


class Limits(msgspec.Struct, frozen=True):
    """From where on a column has drifted."""

    psi: float = DRIFT_PSI
    ks: float | None = None
    min_rows: int = MIN_ROWS


class ColumnDrift(msgspec.Struct, frozen=True):
    """One column beside its reference."""

    column: str
    kind: str
    rows: int
    verdict: Verdict
    psi: float | None = None
    ks: float | None = None
    p_value: float | None = None
    """Of the Kolmogorov-Smirnov test; tiny for many rows, however small the distance is."""
    missing: float = 0.0
    """Share of missing values."""
    missing_before: float = 0.0

    @property
    def has_drifted(self) -> bool:
        """Whether it is beyond a limit."""
        return self.verdict in ("drift", "other kind")


def drift_of(
    profile: Profile, columns: Mapping[str, Any], limits: Limits | None = None
) -> list[ColumnDrift]:
    """Columns that both have, the farthest first.

    Raises:
        MissingExtra: without SciPy.
    """
    limits = limits or Limits()
    found = [
        _drift(name, profile.columns[name], values, limits)
        for name, values in columns.items()
        if name in profile.columns
    ]
    return sorted(found, key=lambda one: (not one.has_drifted, -(one.psi or 0.0), one.column))


def psi(expected: Any, actual: Any) -> float:
    """The population stability index of two lists of shares by bin."""
    p, q = (np.maximum(np.asarray(one, float), _LEAST) for one in (expected, actual))
    p, q = p / p.sum(), q / q.sum()
    return float(((q - p) * np.log(q / p)).sum())


def _drift(name: str, before: ColumnProfile, values: Any, limits: Limits) -> ColumnDrift:
    rows = len(values)
    facts: dict[str, Any] = {"column": name, "kind": before.kind, "rows": rows}
    total = before.count + before.missing
    facts["missing_before"] = before.missing / total if total else 0.0
    if rows < limits.min_rows:
        return ColumnDrift(**facts, verdict="too few rows")
    if before.kind == "number":
        numbers = as_numbers(values)
        if numbers is None and any(one is not None for one in values):
            return ColumnDrift(**facts, verdict="other kind")
        there = np.empty(0) if numbers is None else numbers[np.isfinite(numbers)]
        facts["psi"] = _psi_of_numbers(before, there, rows)
        if len(there) and before.quantiles:
            facts["ks"], facts["p_value"] = kolmogorov_smirnov(before.quantiles, there)
        facts["missing"] = 1 - len(there) / rows
    else:
        texts = as_texts(values)
        if texts is None:
            return ColumnDrift(**facts, verdict="other kind")
        facts["psi"] = _psi_of_classes(before, texts)
        facts["missing"] = sum(one is None for one in texts) / rows
    return ColumnDrift(**facts, verdict=_verdict(facts, limits))


def _verdict(facts: Mapping[str, Any], limits: Limits) -> Verdict:
    ks = facts.get("ks")
    if facts["psi"] >= limits.psi or (limits.ks is not None and ks is not None and ks >= limits.ks):
        return "drift"
    return "watch" if facts["psi"] >= min(WATCH_PSI, limits.psi) else "stable"


def _psi_of_numbers(before: ColumnProfile, there: Any, rows: int) -> float:
    quantiles = np.asarray(before.quantiles)
    if not len(quantiles):
        return psi([0, 1], [len(there), rows - len(there)])
    scale = before.count / len(quantiles)
    values, counts = np.unique(quantiles, return_counts=True)
    if len(values) <= _FEW:
        # Numbers that are names, such as ratings: a bin each, and one for all that are new.
        now = [int((there == value).sum()) for value in values]
        rest = len(there) - sum(now)
        return psi([*(counts * scale), 0, before.missing], [*now, rest, rows - len(there)])
    cuts = np.unique(np.quantile(quantiles, np.linspace(0, 1, _BINS + 1)[1:-1], method="lower"))
    expected, actual = (
        np.bincount(np.searchsorted(cuts, one, side="left"), minlength=len(cuts) + 1)
        for one in (quantiles, there)
    )
    return psi([*(expected * scale), before.missing], [*actual, rows - len(there)])


def _psi_of_classes(before: ColumnProfile, texts: list[str | None]) -> float:
    counted = Counter(texts)
    names = list(before.classes)
    rest_before = before.count - sum(before.classes.values())
    now = [counted[name] for name in names]
    rest = len(texts) - counted[None] - sum(now)
    return psi([*before.classes.values(), rest_before, before.missing], [*now, rest, counted[None]])


def kolmogorov_smirnov(quantiles: Sequence[float], there: Any) -> tuple[float, float]:
    """The statistic and the p-value of two samples.

    Raises:
        MissingExtra: without SciPy.
    """
    try:
        from scipy.stats import ks_2samp
    except ImportError:
        raise MissingExtra("scipy", extra="analysis", purpose="Drift") from None
    if len(quantiles) == len(there) == 1:
        # Which SciPy divides by zero for.
        return float(quantiles[0] != there[0]), 1.0
    found = ks_2samp(quantiles, there, method="asymp")
    return float(found.statistic), float(found.pvalue)
