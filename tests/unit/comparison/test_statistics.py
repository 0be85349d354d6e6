"""Statistics over seeds, against published examples and SciPy's own tests."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from assay.comparison.grouping import Columns, grouped, named_group
from assay.comparison.statistics import Observation, holm, statistics_of
from assay.entities.ids import ExperimentId, RunId
from assay.entities.runs import Run, RunData, RunInfo, RunStatus
from assay.errors import InvalidInput

# Student 1908, "The probable error of a mean": hours of extra sleep of ten people by two drugs.
FIRST = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]
SECOND = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]


def observed(values: list[float], *, seeds: bool) -> list[Observation]:
    return [Observation(value, str(i) if seeds else None) for i, value in enumerate(values)]


def test_groups_with_the_same_seeds_are_compared_pair_by_pair() -> None:
    # In another order: pairs are made by the seed, not by the place.
    groups = {
        "one": observed(FIRST, seeds=True),
        "two": observed(SECOND, seeds=True)[::-1],
    }
    (found,) = statistics_of(groups, baseline="one").comparisons
    assert (found.test, found.n, found.df) == ("paired t", 10, 9)
    # As R's t.test(paired = TRUE) prints them for its data set "sleep".
    assert found.difference == pytest.approx(1.58)
    assert found.statistic == pytest.approx(4.0621, abs=1e-4)
    assert found.p == pytest.approx(0.002833, abs=1e-6)
    assert (found.low, found.high) == pytest.approx((0.7001142, 2.4598858), abs=1e-7)
    # Mean over standard deviation of the pairs' differences.
    assert found.effect == pytest.approx(1.284558, abs=1e-6)
    assert found.effect_kind == "dz"


def test_groups_without_shared_seeds_are_compared_as_independent_samples() -> None:
    groups = {"one": observed(FIRST, seeds=False), "two": observed(SECOND, seeds=False)}
    found = statistics_of(groups, baseline="one")
    (versus,) = found.comparisons
    assert (versus.test, versus.n) == ("Welch", 20)
    # As R's t.test(extra ~ group) prints them for its data set "sleep".
    assert versus.statistic == pytest.approx(1.8608, abs=1e-4)
    assert versus.df == pytest.approx(17.776, abs=1e-3)
    assert versus.p == pytest.approx(0.07939, abs=1e-5)
    assert (versus.low, versus.high) == pytest.approx((-0.2054832, 3.3654832), abs=1e-7)
    assert "same seeds" in found.notes[0]


def test_hedges_g_is_cohens_d_times_the_exact_correction() -> None:
    groups = {"one": observed(FIRST, seeds=False), "two": observed(SECOND, seeds=False)}
    (found,) = statistics_of(groups, baseline="one").comparisons
    pooled = math.sqrt((np.var(FIRST, ddof=1) + np.var(SECOND, ddof=1)) / 2)
    d = (np.mean(SECOND) - np.mean(FIRST)) / pooled
    # Hedges' table of the correction: 0.9576 for 18 degrees of freedom.
    assert found.effect == pytest.approx(d * 0.9576, abs=1e-4)
    assert found.effect_kind == "g"


def test_means_have_students_interval() -> None:
    found = statistics_of({"one": observed(FIRST, seeds=True)}, level=0.9).groups[0]
    expected = stats.ttest_1samp(FIRST, 0).confidence_interval(0.9)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
    assert (found.n, found.mean, found.sd) == pytest.approx((10, 0.75, 1.789010))


def test_unequal_groups_agree_with_scipy() -> None:
    random = np.random.default_rng(3)
    samples = {name: list(random.normal(i, 1 + i, 4 + i)) for i, name in enumerate("abc")}
    found = statistics_of({name: observed(v, seeds=True) for name, v in samples.items()})
    assert [(one.group, one.baseline) for one in found.comparisons] == [
        ("b", "a"),
        ("c", "a"),
        ("c", "b"),
    ]
    p_values = []
    for one in found.comparisons:
        expected = stats.ttest_ind(samples[one.group], samples[one.baseline], equal_var=False)
        assert (one.statistic, one.p) == pytest.approx((expected.statistic, expected.pvalue))
        p_values.append(expected.pvalue)
    assert [one.p_holm for one in found.comparisons] == pytest.approx(holm(p_values))


def test_holms_correction() -> None:
    # Sorted 0.005, 0.01, 0.03, 0.04 times 4, 3, 2, 1, and never below the one before.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.8, None, 0.9]) == [1.0, None, 1.0]


def test_a_single_run_has_a_mean_and_nothing_else() -> None:
    found = statistics_of({"one": [Observation(0.5)], "two": observed(SECOND, seeds=False)})
    assert (found.groups[0].mean, found.groups[0].low) == (0.5, None)
    assert found.comparisons == []
    assert found.notes == ["One run says nothing about chance: one. Run it again with other seeds."]


def test_groups_without_any_spread_get_no_p_value() -> None:
    # 0.9 - 0.8 and 0.8 - 0.7 differ as binary fractions.
    groups = {
        "one": observed([0.9, 0.8, 0.3], seeds=True),
        "two": observed([0.8, 0.7, 0.2], seeds=True),
    }
    (found,) = statistics_of(groups, baseline="two").comparisons
    assert found.difference == pytest.approx(0.1)
    assert (found.p, found.p_holm, found.effect) == (None, None, None)


def test_values_that_are_no_numbers_are_left_out_and_said_so() -> None:
    groups = {"one": observed([1.0, math.nan, 2.0, math.inf], seeds=False)}
    found = statistics_of(groups)
    assert found.groups[0].n == 2
    assert found.notes[0].startswith("one: 2 runs have no finite value")
    with pytest.raises(InvalidInput, match="No run of the groups has a finite value of acc"):
        statistics_of({"one": [Observation(math.nan)]}, metric="acc")


def a_run(params: dict[str, str], tags: dict[str, str] | None = None, **metrics: float) -> Run:
    info = RunInfo(RunId("a"), ExperimentId("0"), "", RunStatus.FINISHED, 0, "")
    return Run(info, RunData(metrics=metrics, params=params, tags=tags or {}))


def test_runs_are_grouped_by_what_values_mean_and_paired_by_seed() -> None:
    runs = [
        a_run({"lr": "0.01", "seed": "1"}, acc=0.1),
        a_run({"lr": "1e-2", "seed": "2"}, acc=0.2),
        a_run({"lr": "0.002", "seed": "01"}, acc=0.3),
        a_run({"lr": "0.002"}, {"assay.seed.numpy": "2", "assay.seed.python": "2"}, acc=0.4),
        a_run({"lr": "0.002", "seed": "3"}),
    ]
    found = grouped(runs, "acc", Columns.parse(["lr"]))
    assert {name: [one.value for one in seen] for name, seen in found.items()} == {
        "lr=0.002": [0.3, 0.4],
        "lr=0.01": [0.1, 0.2],
    }
    assert list(found) == ["lr=0.002", "lr=0.01"]
    assert [one.seed for one in found["lr=0.01"]] == [one.seed for one in found["lr=0.002"]]
    assert named_group(list(found), "1e-2") == "lr=0.01"
    with pytest.raises(InvalidInput, match=r"There are: lr=0\.002; lr=0\.01"):
        named_group(list(found), "0.5")


def test_a_seed_that_is_grouped_by_pairs_nothing() -> None:
    found = grouped([a_run({"seed": "1"}, acc=1)], "acc", Columns.parse(["params.seed"]))
    assert found["seed=1"] == [Observation(1, None)]


@pytest.mark.parametrize("text", ["", " , ", "metrics.acc", "attributes.status"])
def test_columns_that_group_nothing_are_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        Columns.parse([text])
