"""Against SciPy's bootstrap, and against what theory says about coverage."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

from assay.errors import InvalidInput
from assay.evaluation import bootstrap
from assay.evaluation.bootstrap import Interval, Settings, bca_tails, bootstrap_intervals
from assay.evaluation.classification import ClassificationMeasures
from assay.evaluation.draws import BlockDraws, RowDraws, block_length
from assay.evaluation.labels import label_sample
from assay.evaluation.measures import Measures
from assay.evaluation.regression import RegressionMeasures
from assay.evaluation.sample import Sample, collapsed
from assay.evaluation.tasks import resampling_of


def skewed(size: int, seed: int = 0) -> Sample:
    errors = np.random.default_rng(seed).exponential(size=size)
    return Sample(np.zeros(size) + np.arange(size), np.arange(size) + errors)


def intervals(measures: Measures, draws: Any = None, **settings: Any) -> dict[str, Interval]:
    drawn = draws or RowDraws(measures.base)
    return bootstrap_intervals(measures, drawn, Settings(**settings)).candidate


@pytest.mark.parametrize("method", ["bca", "percentile"])
def test_intervals_of_a_mean_agree_with_scipy(method: str) -> None:
    sample = skewed(40)
    found = intervals(RegressionMeasures(sample), resamples=20_000, method=method)
    errors = sample.predictions - sample.targets
    theirs = stats.bootstrap(
        (errors,),
        np.mean,
        n_resamples=20_000,
        method="BCa" if method == "bca" else "percentile",
        rng=np.random.default_rng(1),
    ).confidence_interval

    assert found["mean_error"].method == method
    assert found["mean_error"].low == pytest.approx(theirs.low, abs=0.015)
    assert found["mean_error"].high == pytest.approx(theirs.high, abs=0.015)


def test_corrected_quantiles_are_those_of_efron() -> None:
    values = np.arange(1_000.0)
    assert bca_tails(values, 499.5, 0.0, (0.025, 0.975)) == pytest.approx((0.025, 0.975))

    tails = bca_tails(values, 599.5, 0.05, (0.025, 0.975))
    bias = stats.norm.ppf(0.6)
    ends = [bias + stats.norm.ppf(q) for q in (0.025, 0.975)]
    assert tails == pytest.approx([stats.norm.cdf(bias + e / (1 - 0.05 * e)) for e in ends])


def test_correction_is_given_up_where_all_resamples_are_on_one_side() -> None:
    assert bca_tails(np.ones(10), 2.0, 0.0, (0.025, 0.975)) is None


def test_intervals_hold_the_truth_about_as_often_as_they_say() -> None:
    random = np.random.default_rng(4)
    held = 0
    for seed in range(200):
        errors = random.exponential(size=60)
        sample = Sample(np.arange(60.0), np.arange(60.0) + errors)
        found = intervals(RegressionMeasures(sample), resamples=400, level=0.9, seed=seed)
        held += found["mean_error"].holds(1.0)

    # 200 draws of 90 %: the standard deviation is 2.1 %, and BCa is slightly short at n = 60.
    assert 0.83 <= held / 200 <= 0.96


def test_groups_left_out_give_nearly_the_intervals_of_single_rows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    measures = RegressionMeasures(skewed(900))
    single = intervals(measures, resamples=2_000)["mean_error"]
    monkeypatch.setattr(bootstrap, "MAX_LEFT_OUT", 100)
    grouped = intervals(measures, resamples=2_000)["mean_error"]

    assert grouped.low == pytest.approx(single.low, abs=0.004)
    assert grouped.high == pytest.approx(single.high, abs=0.004)


def test_collapsed_labels_give_the_distribution_of_rows() -> None:
    random = np.random.default_rng(0)
    true = random.integers(0, 2, 400)
    guess = np.where(random.random(400) < 0.8, true, 1 - true)
    sample, _ = label_sample(true, guess)
    small, _ = collapsed(sample)
    assert small.counts is not None

    rows = intervals(
        ClassificationMeasures(sample),
        RowDraws(np.ones(400), sample.targets),
        resamples=20_000,
    )
    cells = intervals(
        ClassificationMeasures(small), RowDraws(small.counts, small.targets), resamples=20_000
    )

    for name in ("accuracy_score", "f1_score", "matthews_corrcoef"):
        assert cells[name].low == pytest.approx(rows[name].low, abs=0.006), name
        assert cells[name].high == pytest.approx(rows[name].high, abs=0.006), name


def test_strata_keep_their_sizes() -> None:
    codes = np.array([0, 1, 0, 0, 1, 0, 2])
    drawn = RowDraws(np.ones(7), codes).batch(np.random.default_rng(0), 50)

    for code in range(3):
        assert (drawn[:, codes == code].sum(axis=1) == (codes == code).sum()).all()


def test_counts_of_collapsed_rows_keep_the_sizes_of_strata() -> None:
    base, codes = np.array([5.0, 3.0, 7.0]), np.array([0, 0, 1])
    drawn = RowDraws(base, codes).batch(np.random.default_rng(0), 50)

    assert (drawn[:, :2].sum(axis=1) == 8).all()
    assert (drawn[:, 2] == 7).all()


def test_blocks_are_stretches_of_one_series() -> None:
    series = np.repeat([0, 1], [10, 6])
    drawn = BlockDraws(16, series, length=3).batch(np.random.default_rng(0), 100)

    assert (drawn[:, :10].sum(axis=1) == 10).all()
    assert (drawn[:, 10:].sum(axis=1) == 6).all()
    whole = BlockDraws(10, None, length=10).batch(np.random.default_rng(0), 5)
    assert (whole == 1).all()


def test_blocks_widen_the_interval_of_errors_that_go_together() -> None:
    random = np.random.default_rng(2)
    errors = np.convolve(random.normal(size=420), np.ones(20) / 20, mode="valid")[:400]
    sample = Sample(np.arange(400.0), np.arange(400.0) + errors)
    measures = RegressionMeasures(sample)
    alone = intervals(measures)["mean_error"]
    blocks = intervals(measures, BlockDraws(400, None, length=40))["mean_error"]

    assert blocks.method == "percentile"
    assert blocks.high - blocks.low > 2.5 * (alone.high - alone.low)


def test_a_block_holds_a_season_at_least() -> None:
    assert block_length(1_000) == 10
    assert block_length(1_000, seasonality=24) == 24


def test_differences_are_resampled_together() -> None:
    random = np.random.default_rng(1)
    true = random.normal(size=300)
    noise = random.normal(size=300)
    better = Sample(true, true + noise)
    worse = Sample(true, true + noise * 1.05)
    found = bootstrap_intervals(
        RegressionMeasures(better),
        RowDraws(np.ones(300)),
        Settings(),
        RegressionMeasures(worse),
    )

    name = "mean_absolute_error"
    assert found.candidate[name].high > found.baseline[name].low
    assert found.differences[name].high < 0
    mean = np.abs(noise).mean()
    assert found.differences[name].holds(-0.05 * mean)


def test_equal_models_differ_by_nothing() -> None:
    measures = RegressionMeasures(skewed(50))
    found = bootstrap_intervals(measures, RowDraws(measures.base), Settings(), measures)
    assert found.differences["r2_score"].low == found.differences["r2_score"].high == 0.0


def test_a_seed_gives_the_same_intervals_again() -> None:
    measures = RegressionMeasures(skewed(50))
    assert intervals(measures, seed=7) == intervals(measures, seed=7)
    assert intervals(measures, seed=7) != intervals(measures, seed=8)


def test_counts_and_extremes_have_no_interval() -> None:
    assert not {"example_count", "max_error", "sum_on_target"} & set(
        intervals(RegressionMeasures(skewed(50)))
    )


def test_an_interval_of_one_point_is_told() -> None:
    sample, _ = label_sample([0, 1, 0, 1], [0, 1, 0, 1])
    ways = resampling_of("classifier", sample, None, {})
    found = bootstrap_intervals(ways.candidate, ways.draws, Settings())

    assert found.candidate["accuracy_score"].low == 1.0
    assert any("accuracy_score is one point" in note for note in found.notes)


def test_a_metric_undefined_in_most_resamples_has_no_interval() -> None:
    sample, _ = label_sample([1, 0, 0, 0, 0], [1, 0, 0, 0, 0], probabilities=[0.9, 0.1, 0.2, 0, 0])
    ways = resampling_of("classifier", sample, None, {"stratified": False})
    found = bootstrap_intervals(ways.candidate, ways.draws, Settings())

    assert "roc_auc" not in found.candidate
    assert any(note.startswith("roc_auc has no interval") for note in found.notes)


def test_much_work_is_cut_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "MAX_WORK", 10_000)
    measures = RegressionMeasures(skewed(40))
    found = bootstrap_intervals(measures, RowDraws(measures.base), Settings())

    assert found.candidate["mean_error"].resamples == 250
    assert found.notes[0].startswith("250 instead of 1000 resamples")


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        ({"level": 1.0}, "confidence"),
        ({"resamples": 5}, "bootstrap must be 0"),
        ({"method": "t"}, "method must be one of"),
    ],
)
def test_bad_settings_are_refused(settings: dict[str, Any], match: str) -> None:
    with pytest.raises(InvalidInput, match=match):
        Settings(**settings)


def test_no_resamples_give_no_intervals() -> None:
    assert intervals(RegressionMeasures(skewed(50)), resamples=0) == {}
