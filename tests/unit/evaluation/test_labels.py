from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from assay.errors import InvalidInput
from assay.evaluation.labels import LabelChoice, label_sample


def test_labels_are_positions_in_ascending_order() -> None:
    sample, notes = label_sample(["cat", "dog", "ant"], ["dog", "dog", "ant"])

    assert sample.labels is not None
    assert sample.labels.tolist() == ["ant", "cat", "dog"]
    assert sample.targets.tolist() == [1, 2, 0]
    assert sample.predictions.tolist() == [2, 2, 0]
    assert notes == []


def test_whole_floats_are_the_integers_they_equal() -> None:
    sample, _ = label_sample(np.array([0, 1, 1]), np.array([0.0, 1.0, 0.0]))
    assert sample.predictions.tolist() == [0, 1, 0]


def test_columns_of_probabilities_give_the_most_probable_label() -> None:
    sample, notes = label_sample([0, 2, 1], [[0.1, 0.2, 0.7], [0.2, 0.2, 0.6], [0.5, 0.4, 0.1]])

    assert sample.predictions.tolist() == [2, 2, 0]
    assert sample.probabilities is not None
    assert "probabilities" in notes[0]


def test_one_probability_is_that_of_the_positive_label() -> None:
    sample, _ = label_sample(
        ["no", "yes", "no"], [0.2, 0.7, 0.5], choice=LabelChoice(pos_label="no")
    )
    assert sample.predictions.tolist() == [1, 0, 0]
    assert sample.probabilities is not None
    assert sample.probabilities[:, 0].tolist() == [0.2, 0.7, 0.5]


def test_a_label_that_the_model_does_not_know_has_probability_zero() -> None:
    sample, _ = label_sample(
        ["a", "c", "b"],
        ["a", "b", "b"],
        probabilities=[[0.9, 0.1], [0.2, 0.8], [0.3, 0.7]],
        choice=LabelChoice(classes=np.array(["a", "b"])),
    )
    assert sample.probabilities is not None
    assert sample.probabilities[:, 2].tolist() == [0, 0, 0]


def test_probabilities_follow_the_order_of_the_models_classes() -> None:
    sample, _ = label_sample(
        [0, 1],
        [0, 1],
        probabilities=[[0.1, 0.9], [0.8, 0.2]],
        choice=LabelChoice(classes=np.array([1, 0])),
    )
    assert sample.probabilities is not None
    assert sample.probabilities.tolist() == [[0.9, 0.1], [0.2, 0.8]]


@pytest.mark.parametrize(
    ("targets", "predictions", "options", "match"),
    [
        ([1, None, 0], [1, 0, 0], {}, r"1 of the targets are missing \(rows 1\)"),
        ([1.0, np.nan, 0.0], [1, 0, 0], {}, "missing or infinite"),
        (["1", "0"], [1, 0], {}, "The targets are text .* the predictions numbers"),
        (["a", 1], ["a", "b"], {}, "mix text and numbers"),
        ([1, 1], [1, 1], {}, "at least two labels"),
        ([0, 1], [0, 1, 1], {}, "targets 2, predictions 3"),
        ([0, 1], [0, 1], {"choice": LabelChoice(pos_label=7)}, "positive label 7"),
        ([0, 3], [0, 1], {"choice": LabelChoice(label_list=[0, 1])}, "none of the labels"),
        ([0, 1], [0, 1], {"probabilities": [0.5, np.nan]}, "between 0 and 1"),
        ([0, 1], [0, 1], {"probabilities": [0.5, 1.5]}, "between 0 and 1"),
        (
            [0, 1, 2],
            [0, 1, 2],
            {"probabilities": [0.5, 0.5, 0.1]},
            "one column of probabilities each",
        ),
        ([0, 1, 2], [0, 1, 2], {"probabilities": [[0.5, 0.5]] * 3}, "2 columns .* 3 labels"),
        ([0, 1], [0, 1], {"weights": [1, -1]}, "negative"),
        ([0, 1], [0, 1], {"weights": [0, 0]}, "All sample weights are zero"),
        ([[0, 1], [1, 0]], [0, 1], {}, "one column"),
    ],
)
def test_what_can_be_no_labels_is_refused_with_the_reason(
    targets: Any, predictions: Any, options: dict[str, Any], match: str
) -> None:
    with pytest.raises(InvalidInput, match=match):
        label_sample(targets, predictions, **options)
