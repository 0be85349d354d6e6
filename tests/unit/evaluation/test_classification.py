"""Against scikit-learn on random samples: ties, weights, several labels, labels without rows."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sk

from assay.errors import InvalidInput
from assay.evaluation.classification import ClassificationMeasures
from assay.evaluation.labels import label_sample
from assay.evaluation.sample import Sample, collapsed


def random_sample(
    seed: int, *, size: int, classes: int, weighted: bool, ties: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray | None]:
    random = np.random.default_rng(seed)
    true = random.integers(0, classes, size)
    true[:classes] = np.arange(classes)
    shares = random.dirichlet(np.ones(classes), size)
    if ties:
        shares = np.round(shares, 1)
        shares[:, -1] = np.clip(1 - shares[:, :-1].sum(axis=1), 0, 1)
        shares /= shares.sum(axis=1, keepdims=True)
    weights = random.uniform(0.1, 3, size) if weighted else None
    return true, shares.argmax(axis=1), shares, weights


def measured(sample: Sample, **options: Any) -> dict[str, float]:
    return ClassificationMeasures(sample, **options).estimate()


@given(
    seed=st.integers(0, 10_000),
    size=st.integers(4, 300),
    weighted=st.booleans(),
    ties=st.booleans(),
)
def test_two_labels_agree_with_scikit_learn(
    seed: int, size: int, weighted: bool, ties: bool
) -> None:
    true, guess, shares, weights = random_sample(
        seed, size=size, classes=2, weighted=weighted, ties=ties
    )
    sample, _ = label_sample(true, guess, probabilities=shares, weights=weights)
    found = measured(sample)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = {
            "accuracy_score": sk.accuracy_score(true, guess, sample_weight=weights),
            "recall_score": sk.recall_score(true, guess, sample_weight=weights),
            "precision_score": sk.precision_score(true, guess, sample_weight=weights),
            "f1_score": sk.f1_score(true, guess, sample_weight=weights),
            "balanced_accuracy_score": sk.balanced_accuracy_score(
                true, guess, sample_weight=weights
            ),
            "matthews_corrcoef": sk.matthews_corrcoef(true, guess, sample_weight=weights),
            "log_loss": sk.log_loss(true, shares, sample_weight=weights),
            "brier_score_loss": sk.brier_score_loss(true, shares[:, 1], sample_weight=weights),
            "roc_auc": sk.roc_auc_score(true, shares[:, 1], sample_weight=weights),
            "precision_recall_auc": sk.average_precision_score(
                true, shares[:, 1], sample_weight=weights
            ),
        }
    assert {name: found[name] for name in expected} == pytest.approx(expected, abs=1e-10)
    assert [
        found["true_negatives"],
        found["false_positives"],
        found["false_negatives"],
        found["true_positives"],
    ] == sk.confusion_matrix(true, guess).ravel().tolist()


@given(
    seed=st.integers(0, 10_000),
    classes=st.integers(3, 6),
    weighted=st.booleans(),
    average=st.sampled_from(["weighted", "macro", "micro"]),
)
def test_more_labels_agree_with_scikit_learn(
    seed: int, classes: int, weighted: bool, average: str
) -> None:
    true, guess, shares, weights = random_sample(
        seed, size=80, classes=classes, weighted=weighted, ties=False
    )
    sample, _ = label_sample(true, guess, probabilities=shares, weights=weights)
    found = measured(sample, average=average)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = {
            f"{name}_score": getattr(sk, f"{name}_score")(
                true, guess, average=average, sample_weight=weights
            )
            for name in ("recall", "precision", "f1")
        }
        expected["matthews_corrcoef"] = sk.matthews_corrcoef(true, guess, sample_weight=weights)
        expected["log_loss"] = sk.log_loss(true, shares, sample_weight=weights)
        if average != "micro":
            expected["roc_auc"] = sk.roc_auc_score(
                true, shares, sample_weight=weights, average=average, multi_class="ovr"
            )
    assert {name: found[name] for name in expected} == pytest.approx(expected, abs=1e-10)


def test_areas_are_undefined_where_only_one_label_is_true() -> None:
    sample, _ = label_sample([1, 1, 1], [1, 0, 1], probabilities=[0.9, 0.2, 0.8], choice=None)
    found = measured(sample)

    assert np.isnan(found["roc_auc"])
    assert found["precision_recall_auc"] == pytest.approx(1.0)
    assert found["accuracy_score"] == pytest.approx(2 / 3)


def test_a_label_that_is_never_predicted_gives_zero_and_no_warning() -> None:
    sample, _ = label_sample(["a", "b", "b"], ["a", "a", "a"])

    assert measured(sample)["precision_score"] == 0.0
    assert measured(sample)["f1_score"] == 0.0


@pytest.mark.parametrize("classes", [2, 4])
def test_collapsed_rows_measure_the_same(classes: int) -> None:
    true, guess, _, _ = random_sample(3, size=500, classes=classes, weighted=False, ties=False)
    sample, _ = label_sample(true, guess)
    small, _ = collapsed(sample)

    assert len(small) <= classes**2
    assert measured(small) == pytest.approx(measured(sample))


def test_the_positive_label_can_be_chosen() -> None:
    from assay.evaluation.labels import LabelChoice

    true, guess = ["no", "yes", "no", "yes"], ["no", "no", "no", "yes"]
    sample, _ = label_sample(true, guess, choice=LabelChoice(pos_label="no"))

    assert measured(sample)["recall_score"] == sk.recall_score(true, guess, pos_label="no")
    assert measured(sample)["true_positives"] == 2


def test_an_unknown_average_is_refused() -> None:
    sample, _ = label_sample([0, 1], [0, 1])
    with pytest.raises(InvalidInput, match="average must be one of"):
        ClassificationMeasures(sample, average="samples")  # type: ignore[arg-type]


def test_each_weighting_is_measured_as_if_it_were_the_sample() -> None:
    true, guess, shares, _ = random_sample(1, size=60, classes=3, weighted=False, ties=True)
    sample, _ = label_sample(true, guess, probabilities=shares)
    counts = np.random.default_rng(5).multinomial(60, np.full(60, 1 / 60), size=4).astype(float)
    together = ClassificationMeasures(sample).figures(counts)

    for at, row in enumerate(counts):
        alone = measured(sample.take(np.repeat(np.arange(60), row.astype(int))))
        assert {name: together[name][at] for name in alone} == pytest.approx(alone, nan_ok=True)


def test_calibration_error_of_one_bin_is_the_gap_between_mean_and_share() -> None:
    sample, _ = label_sample([1, 0, 0, 0], [0, 0, 0, 0], probabilities=[0.45] * 4)
    assert measured(sample)["expected_calibration_error"] == pytest.approx(0.2)
