"""Labels: classes of targets and predictions as positions in one ascending list.

Also reads what models give as predictions of classes: labels, probabilities of each class, or the
probability of the positive one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from assay.errors import InvalidInput
from assay.evaluation.columns import as_array
from assay.evaluation.sample import Floats, Sample, refuse_rows, row_weights, same_length

_CUT = 0.5
"""Probability from which the positive class is predicted."""


class LabelChoice(NamedTuple):
    """What the caller said about labels."""

    label_list: Sequence[Any] | None = None
    pos_label: Any = None
    classes: NDArray[Any] | None = None
    """Classes of the model in the order of its probabilities, if it tells them."""


def label_sample(
    targets: Any,
    predictions: Any,
    *,
    probabilities: Any = None,
    weights: Any = None,
    choice: LabelChoice | None = None,
) -> tuple[Sample, list[str]]:
    """The sample of a classifier, and notes on what was concluded.

    Args:
        targets: true labels, shape (n,).
        predictions: labels; or probabilities, shape (n, classes), or of the positive class (floats
            in [0, 1] while the targets are two labels that aren't).
        probabilities: shape (n, classes), or (n,) of the positive class.
        weights: what each row counts.
        choice: labels and the positive one.

    Raises:
        InvalidInput: missing labels, text against numbers, fewer than two labels, or probabilities
            that don't fit.
    """
    chosen = choice or LabelChoice()
    true = as_labels(targets, "targets")
    given: NDArray[Any] | None = np.asarray(predictions)
    notes: list[str] = []
    if probabilities is None and given is not None and _are_probabilities(given, true):
        probabilities, given = given, None
        notes.append("The predictions are probabilities; the most probable class counts.")
    guessed = None if given is None else as_labels(given, "predictions")
    if guessed is not None:
        _same_kind(true, guessed)
    labels = _all_labels(true, guessed, chosen)
    size = same_length({"targets": true, "predictions": guessed, "probabilities": probabilities})
    positive = _position(labels, chosen.pos_label)
    shares = None
    if probabilities is not None:
        shares = _shares(probabilities, labels, chosen.classes, positive=positive)
        if guessed is None:
            guessed = labels[_most_probable(shares, positive)]
    assert guessed is not None
    sample = Sample(
        targets=_codes(true, labels, "targets"),
        predictions=_codes(guessed, labels, "predictions"),
        weights=row_weights(weights, size),
        probabilities=shares,
        labels=labels,
        positive=positive,
    )
    return sample, notes


def as_labels(values: Any, what: str) -> NDArray[Any]:
    """Labels as an array of one kind: bools, numbers or text, shape (n,).

    Raises:
        InvalidInput: a missing label, mixed kinds, or several columns.
    """
    array = as_array(values)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise InvalidInput(f"The {what} must be one column, not an array of shape {array.shape}.")
    if array.dtype.kind == "O":
        missing = np.array([one is None or one != one for one in array], dtype=bool)  # noqa: PLR0124
        refuse_rows(missing, what, "missing")
        kinds = {"text" if isinstance(one, str) else "number" for one in array}
        if len(kinds) > 1:
            raise InvalidInput(f"The {what} mix text and numbers; make them one kind.")
        array = np.array(array.tolist())
    if array.dtype.kind == "f":
        refuse_rows(~np.isfinite(array), what, "missing or infinite")
    if array.dtype.kind not in "biufUS":
        raise InvalidInput(f"The {what} can't be labels: they are {array.dtype.name}.")
    return array


def _same_kind(true: NDArray[Any], guessed: NDArray[Any]) -> None:
    text = [array.dtype.kind in "US" for array in (true, guessed)]
    if text[0] != text[1] and len(true) and len(guessed):
        kinds = ["text" if one else "numbers" for one in text]
        raise InvalidInput(
            f"The targets are {kinds[0]} (such as {true[0]!r}) and the predictions {kinds[1]}"
            f" (such as {guessed[0]!r}). Give both in one form."
        )


def _are_probabilities(given: NDArray[Any], true: NDArray[Any]) -> bool:
    if given.dtype.kind != "f":
        return False
    if given.ndim == 2 and given.shape[1] > 1:
        return True
    flat = given.reshape(-1)
    if flat.size == 0 or not np.isfinite(flat).all():
        return False
    labels = np.unique(true)
    return (
        len(labels) <= 2
        and bool(((flat >= 0) & (flat <= 1)).all())
        and not np.isin(flat, labels if labels.dtype.kind in "biuf" else [0.0, 1.0]).all()
    )


def _all_labels(
    true: NDArray[Any], guessed: NDArray[Any] | None, choice: LabelChoice
) -> NDArray[Any]:
    if choice.label_list is not None:
        labels = np.unique(as_labels(list(choice.label_list), "label_list"))
    else:
        parts = [part for part in (true, guessed, choice.classes) if part is not None]
        labels = np.unique(np.concatenate([np.asarray(part) for part in parts]))
    if len(labels) < 2:
        raise InvalidInput(
            f"Classification needs at least two labels; the data have {len(labels)}."
            " Name all of them: evaluator_config={'label_list': [0, 1]}."
        )
    return labels


def _position(labels: NDArray[Any], pos_label: Any) -> int:
    if pos_label is None:
        return len(labels) - 1
    found = np.flatnonzero(labels == pos_label)
    if not len(found):
        raise InvalidInput(f"The positive label {pos_label!r} is none of {labels.tolist()}.")
    return int(found[0])


def _codes(values: NDArray[Any], labels: NDArray[Any], what: str) -> NDArray[np.int64]:
    places = np.minimum(np.searchsorted(labels, values), len(labels) - 1)
    refuse_rows(labels[places] != values, what, f"none of the labels {labels.tolist()}")
    return places.astype(np.int64)


def _most_probable(shares: Floats, positive: int) -> NDArray[np.int64]:
    if shares.shape[1] == 2:
        return np.where(shares[:, positive] >= _CUT, positive, 1 - positive).astype(np.int64)
    return np.asarray(shares.argmax(axis=1), dtype=np.int64)


def _shares(
    probabilities: Any, labels: NDArray[Any], classes: NDArray[Any] | None, *, positive: int
) -> Floats:
    """Probabilities with one column per label, in the order of ``labels``."""
    try:
        shares = np.asarray(probabilities, dtype=np.float64)
    except (TypeError, ValueError):
        raise InvalidInput("The probabilities must be numbers.") from None
    if shares.ndim == 2 and shares.shape[1] == 1:
        shares = shares[:, 0]
    if shares.ndim == 1:
        if len(labels) != 2:
            raise InvalidInput(
                f"{len(labels)} labels need one column of probabilities each; there is one column."
            )
        both = [shares, shares]
        both[1 - positive] = 1 - shares
        shares = np.column_stack(both)
    # NaN is not inside either.
    outside = ~((shares >= 0) & (shares <= 1))
    refuse_rows(np.asarray(outside.any(axis=1)), "probabilities", "no numbers between 0 and 1")
    order = labels if classes is None else np.asarray(classes)
    if shares.shape[1] != len(order):
        raise InvalidInput(
            f"There are {shares.shape[1]} columns of probabilities for {len(order)} labels"
            f" {order.tolist()}. Name all labels: evaluator_config={{'label_list': [...]}}."
        )
    if classes is None or np.array_equal(order, labels):
        return shares
    # A label that the model doesn't know has probability zero.
    whole = np.zeros((len(shares), len(labels)))
    known = np.isin(order, labels)
    whole[:, np.searchsorted(labels, order[known])] = shares[:, known]
    return whole
