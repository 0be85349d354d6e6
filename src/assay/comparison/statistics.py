"""Statistics over seeds: what groups of runs say about a metric, and whether two groups differ.

A group is what runs with the same setting and different seeds measured. Its mean gets an interval
by Student's t. Two groups are compared pair by pair where all groups hold the same seeds (paired t
test; effect size: Cohen's dz), else as independent samples with spreads of their own (Welch's test;
effect size: Hedges' g with its exact correction, Hedges 1981, *Distribution theory for Glass's
estimator of effect size*). Of several comparisons the p values are corrected by Holm's method (Holm
1979, *A simple sequentially rejective multiple test procedure*).
"""

from __future__ import annotations

import itertools
import math
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple

import msgspec

from assay.errors import InvalidInput, MissingExtra

MAX_COMPARISONS: Final = 200
"""Without a baseline each group is compared with each other one: as many as a person may read."""

_ROUNDING: Final = 1e-13
"""Relative to the values: 0.9 - 0.8 and 0.8 - 0.7 aren't the same as binary fractions."""

Test = Literal["paired t", "Welch"]
Effect = Literal["dz", "g"]


class Observation(NamedTuple):
    """What one run measured."""

    value: float
    seed: str | None = None
    """What pairs it with a run of another group."""


class Group(msgspec.Struct, frozen=True):
    """A metric over the runs of a group."""

    name: str
    n: int
    mean: float
    sd: float | None
    """Of a sample; ``None`` below two runs, as all that follows from it."""
    low: float | None
    """Ends of the mean's confidence interval."""
    high: float | None


class Versus(msgspec.Struct, frozen=True, kw_only=True):
    """A group compared with another."""

    group: str
    baseline: str
    test: Test
    n: int
    """Pairs, or runs of both groups together."""
    difference: float
    """The group's mean minus the baseline's."""
    low: float | None
    """Ends of the difference's confidence interval."""
    high: float | None
    statistic: float | None
    """Student's t; ``None``, as the p values, where neither group has any spread."""
    df: float | None
    p: float | None
    p_holm: float | None
    """Corrected for the number of comparisons."""
    effect: float | None
    """In standard deviations."""
    effect_kind: Effect


class Statistics(msgspec.Struct, frozen=True, kw_only=True):
    """What groups of runs say about a metric."""

    metric: str = ""
    level: float
    """Of the confidence intervals."""
    groups: list[Group] = []
    comparisons: list[Versus] = []
    notes: list[str] = []


def statistics_of(
    groups: Mapping[str, Sequence[Observation]],
    *,
    metric: str = "",
    baseline: str | None = None,
    level: float = 0.95,
) -> Statistics:
    """Mean, spread and interval of each group, and how they compare.

    Args:
        groups: what their runs measured; NaN and ±inf are left out, and said so.
        metric: its name, for the report.
        baseline: the group that the others are compared with; ``None``: each with each.
        level: of the confidence intervals.

    Raises:
        InvalidInput: there is no group, or not the baseline; ``level`` isn't between 0 and 1.
        MissingExtra: SciPy isn't installed.
    """
    if not 0 < level < 1:
        raise InvalidInput(f"The confidence level must lie between 0 and 1, not {level}.")
    notes: list[str] = []
    finite = {name: _finite(name, seen, notes) for name, seen in groups.items()}
    finite = {name: seen for name, seen in finite.items() if seen}
    if not finite:
        raise InvalidInput(f"No run of the groups has a finite value of {metric or 'the metric'}.")
    if baseline is not None and baseline not in finite:
        known = ", ".join(finite)
        raise InvalidInput(f"There is no group {baseline!r} to compare with. There are: {known}.")
    stats = _scipy()
    alone = [name for name, seen in finite.items() if len(seen) < 2]
    if alone:
        notes.append(
            f"One run says nothing about chance: {', '.join(alone)}. Run it again with other seeds."
        )
    pairs = _pairs(finite, baseline, alone, notes)
    seeds = _shared_seeds({name: seen for name, seen in finite.items() if name not in alone})
    if pairs and seeds is None:
        notes.append(
            "The groups don't hold the same seeds, each once, so they are compared as independent"
            " samples; the same seeds in all groups would show smaller differences."
        )
    found = [
        _paired(stats, finite, pair, seeds, level)
        if seeds is not None
        else _welch(stats, finite, pair, level)
        for pair in pairs
    ]
    if any(one.p is None for one in found):
        notes.append("Where no run of two groups differs from the others, no test can be made.")
    corrected = holm([one.p for one in found])
    return Statistics(
        metric=metric,
        level=level,
        groups=[_group(stats, name, seen, level) for name, seen in finite.items()],
        comparisons=[
            msgspec.structs.replace(one, p_holm=p) for one, p in zip(found, corrected, strict=True)
        ],
        notes=notes,
    )


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """P values corrected by Holm's step-down method; ``None`` isn't counted."""
    known = sorted((p, place) for place, p in enumerate(p_values) if p is not None)
    corrected: list[float | None] = [None] * len(p_values)
    largest = 0.0
    for rank, (p, place) in enumerate(known):
        largest = max(largest, min(1.0, (len(known) - rank) * p))
        corrected[place] = largest
    return corrected


def _finite(name: str, seen: Sequence[Observation], notes: list[str]) -> list[Observation]:
    kept = [one for one in seen if math.isfinite(one.value)]
    if len(kept) < len(seen):
        left_out = len(seen) - len(kept)
        runs = "run has" if left_out == 1 else "runs have"
        notes.append(f"{name}: {left_out} {runs} no finite value, and nothing to say here.")
    return kept


def _scipy() -> Any:  # SciPy has no types
    try:
        from scipy import stats
    except ImportError:
        raise MissingExtra("scipy", extra="analysis", purpose="Statistics over seeds") from None
    return stats


def _pairs(
    groups: Mapping[str, Sequence[Observation]],
    baseline: str | None,
    alone: Sequence[str],
    notes: list[str],
) -> list[tuple[str, str]]:
    """Which group is compared with which one."""
    names = [name for name in groups if name not in alone]
    if baseline is not None:
        if baseline in alone:
            notes.append(f"{baseline} is a single run, so nothing can be compared with it.")
            return []
        return [(name, baseline) for name in names if name != baseline]
    if math.comb(len(names), 2) > MAX_COMPARISONS:
        notes.append(
            f"{len(names)} groups are too many to compare each with each. Name a baseline."
        )
        return []
    return [(other, one) for one, other in itertools.combinations(names, 2)]


def _shared_seeds(groups: Mapping[str, Sequence[Observation]]) -> list[str] | None:
    """The seeds that all groups hold exactly once, or ``None``."""
    shared: set[str] | None = None
    for seen in groups.values():
        counts = Counter(one.seed for one in seen)
        if None in counts or max(counts.values()) > 1:
            return None
        names = {str(seed) for seed in counts}
        if shared is not None and names != shared:
            return None
        shared = names
    return sorted(shared) if shared is not None else None


def _group(stats: Any, name: str, seen: Sequence[Observation], level: float) -> Group:
    values = [one.value for one in seen]
    mean = statistics.fmean(values)
    if len(values) < 2:
        return Group(name, len(values), mean, None, None, None)
    sd = statistics.stdev(values)
    half = _reach(stats, sd / math.sqrt(len(values)), len(values) - 1, level)
    return Group(name, len(values), mean, sd, mean - half, mean + half)


def _spread(values: Sequence[float], *, largest: float) -> float:
    """The standard deviation of a sample; 0 where it is only the rounding of binary fractions."""
    sd = statistics.stdev(values)
    return sd if sd > _ROUNDING * largest else 0.0


def _reach(stats: Any, error: float, df: float, level: float) -> float:
    """Half the width of an interval around something with this standard error."""
    return float(stats.t.ppf((1 + level) / 2, df)) * error


def _paired(
    stats: Any,
    groups: Mapping[str, Sequence[Observation]],
    pair: tuple[str, str],
    seeds: Sequence[str],
    level: float,
) -> Versus:
    one, other = ({str(seen.seed): seen.value for seen in groups[name]} for name in pair)
    differences = [one[seed] - other[seed] for seed in seeds]
    sd = _spread(differences, largest=max(map(abs, [*one.values(), *other.values()])))
    mean = statistics.fmean(differences)
    return _versus(
        stats,
        pair,
        test="paired t",
        n=len(seeds),
        difference=mean,
        error=sd / math.sqrt(len(seeds)),
        df=len(seeds) - 1.0,
        effect=mean / sd if sd else None,
        level=level,
    )


def _welch(
    stats: Any, groups: Mapping[str, Sequence[Observation]], pair: tuple[str, str], level: float
) -> Versus:
    one, other = ([seen.value for seen in groups[name]] for name in pair)
    sds = [_spread(values, largest=max(map(abs, values))) for values in (one, other)]
    shares = [sd**2 / len(values) for sd, values in zip(sds, (one, other), strict=True)]
    error = math.sqrt(sum(shares))
    n = len(one) + len(other)
    spread = sum(
        share**2 / (len(values) - 1) for share, values in zip(shares, (one, other), strict=True)
    )
    difference = statistics.fmean(one) - statistics.fmean(other)
    pooled = math.sqrt(((len(one) - 1) * sds[0] ** 2 + (len(other) - 1) * sds[1] ** 2) / (n - 2))
    return _versus(
        stats,
        pair,
        test="Welch",
        n=n,
        difference=difference,
        error=error,
        # Welch and Satterthwaite's approximation.
        df=error**4 / spread if spread else n - 2.0,
        effect=difference / pooled * _correction(n - 2) if pooled else None,
        level=level,
    )


def _correction(df: int) -> float:
    """What makes Cohen's d of small samples unbiased."""
    return math.exp(math.lgamma(df / 2) - math.lgamma((df - 1) / 2)) / math.sqrt(df / 2)


def _versus(
    stats: Any,
    pair: tuple[str, str],
    *,
    test: Test,
    n: int,
    difference: float,
    error: float,
    df: float,
    effect: float | None,
    level: float,
) -> Versus:
    half = _reach(stats, error, df, level)
    t = difference / error if error else None
    return Versus(
        group=pair[0],
        baseline=pair[1],
        test=test,
        n=n,
        difference=difference,
        low=difference - half if error else None,
        high=difference + half if error else None,
        statistic=t,
        df=df if error else None,
        p=None if t is None else float(2 * stats.t.sf(abs(t), df)),
        p_holm=None,
        effect=effect,
        effect_kind="dz" if test == "paired t" else "g",
    )
