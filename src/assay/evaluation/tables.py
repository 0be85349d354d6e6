"""Tables of an evaluation: the first rows with what was predicted, and figures per label."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from assay.evaluation.classification import ClassificationMeasures
from assay.evaluation.columns import as_array, column, column_names, is_frame, shown_cells
from assay.evaluation.importances import feature_names_of
from assay.evaluation.inputs import Inputs, Request
from assay.evaluation.sample import Sample

MAX_ROWS = 1_000
"""Rows of the table: enough to look at, small enough for a browser."""
_MAX_PROBABILITIES = 20


def eval_table(
    request: Request,
    inputs: Inputs,
    sample: Sample,
    extra: Mapping[str, Sequence[Any]],
) -> dict[str, list[Any]]:
    """Features, target, prediction and probabilities of the first rows, by column."""
    rows = slice(0, MAX_ROWS)
    table: dict[str, list[Any]] = {}
    if is_frame(inputs.features) or isinstance(inputs.features, Mapping):
        for name in column_names(inputs.features):
            table[name] = shown_cells(column(inputs.features, name, "features")[rows])
    else:
        array = np.asarray(inputs.features)
        flat = array.reshape(len(array), -1)[rows]
        for at, name in enumerate(feature_names_of(flat, request.feature_names)):
            table[name] = shown_cells(flat[:, at])
    name = request.targets if isinstance(request.targets, str) else "target"
    labels = sample.labels
    truth, guess = sample.targets[rows], sample.predictions[rows]
    table[name] = shown_cells(truth if labels is None else labels[truth])
    name = request.predictions if isinstance(request.predictions, str) else "prediction"
    table[name] = shown_cells(guess if labels is None else labels[guess])
    if labels is not None and sample.probabilities is not None:
        for at, label in enumerate(labels[:_MAX_PROBABILITIES]):
            table[f"probability of {label}"] = shown_cells(sample.probabilities[rows, at])
    for name, values in extra.items():
        table[name] = shown_cells(as_array(list(values))[rows])
    return table


def per_class_csv(sample: Sample) -> bytes:
    """Figures of each label against all others, as MLflow's ``per_class_metrics.csv``."""
    assert sample.labels is not None
    rows = []
    for at, label in enumerate(sample.labels):
        shares = None
        if sample.probabilities is not None:
            own = sample.probabilities[:, at]
            shares = np.column_stack([1 - own, own])
        one = replace(
            sample,
            targets=(sample.targets == at).astype(np.int64),
            predictions=(sample.predictions == at).astype(np.int64),
            probabilities=shares,
            labels=np.array([0, 1]),
            positive=1,
        )
        found = ClassificationMeasures(one).estimate()
        rows.append({"positive_class": str(label), **found})
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()
