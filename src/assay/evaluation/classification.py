"""Metrics of a classifier, with the names and definitions of MLflow's default evaluator.

Beyond these: ``balanced_accuracy_score``, ``matthews_corrcoef`` and, from probabilities,
``brier_score_loss`` and ``expected_calibration_error``.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from assay.errors import InvalidInput
from assay.evaluation.curves import calibration_error
from assay.evaluation.measures import Figures, Measures, base_of, divided, summed_by, weighted
from assay.evaluation.rank_order import RankOrder
from assay.evaluation.sample import Floats, Sample

Average = Literal["weighted", "macro", "micro"]
AVERAGES = ("weighted", "macro", "micro")


class ClassificationMeasures(Measures):
    """Metrics of predicted labels and, where given, of their probabilities.

    Of two labels, precision, recall, F1 and the curves are those of the positive one; of more, they
    are averaged over the labels by ``average``.
    """

    descriptive = frozenset(
        {
            "example_count",
            "true_negatives",
            "false_positives",
            "false_negatives",
            "true_positives",
            "expected_calibration_error",
        }
    )

    def __init__(self, sample: Sample, *, average: Average = "weighted") -> None:
        if average not in AVERAGES:
            raise InvalidInput(f"average must be one of {', '.join(AVERAGES)}, not {average!r}.")
        assert sample.labels is not None
        self.units = len(sample)
        self.base = base_of(self.units, sample.counts)
        self._sample = sample
        self._average = average
        self._size = len(sample.labels)
        codes = sample.targets * self._size + sample.predictions
        cells, self._cell_of = np.unique(codes, return_inverse=True)
        self._true, self._guessed = cells // self._size, cells % self._size
        self._probabilities = _ProbabilityMeasures(sample, average) if _has_shares(sample) else None
        if self._probabilities is not None:
            self.cost = 1 + 4 * len(self._probabilities.orders)

    def figures(self, counts: Floats, *, all_of_them: bool = True) -> Figures:
        """See ``Measures.figures``."""
        weights = weighted(counts, self._sample.weights)
        cells = summed_by(weights, self._cell_of, len(self._true))
        found = self._label_figures(cells)
        if self._probabilities is not None:
            found |= self._probabilities.figures(weights)
        if all_of_them:
            # Counts of rows also where rows have weights, as MLflow does.
            found |= self._descriptions(summed_by(counts, self._cell_of, len(self._true)))
            if self._probabilities is not None:
                found |= self._probabilities.descriptions(weights)
        return found

    def _label_figures(self, cells: Floats) -> Figures:
        right = self._true == self._guessed
        true = summed_by(cells, self._true, self._size)
        guessed = summed_by(cells, self._guessed, self._size)
        hits = summed_by(cells * right, self._true, self._size)
        total, hit = cells.sum(axis=1), hits.sum(axis=1)
        recalls, precisions = divided(hits, true), divided(hits, guessed)
        f1s = divided(2 * hits, true + guessed)
        seen = true > 0
        return {
            "accuracy_score": divided(hit, total, otherwise=np.nan),
            "recall_score": self._averaged(recalls, true, guessed, hits),
            "precision_score": self._averaged(precisions, true, guessed, hits),
            "f1_score": self._averaged(f1s, true, guessed, hits),
            "balanced_accuracy_score": divided(
                (recalls * seen).sum(axis=1), seen.sum(axis=1).astype(float), otherwise=np.nan
            ),
            "matthews_corrcoef": _matthews(true, guessed, hit, total),
        }

    def _averaged(self, values: Floats, true: Floats, guessed: Floats, hits: Floats) -> Floats:
        if self._size == 2:
            return values[:, self._sample.positive]
        if self._average == "micro":
            # Each row has one label, so precision, recall and F1 over all are the accuracy.
            return divided(hits.sum(axis=1), true.sum(axis=1))
        if self._average == "macro":
            present = (true > 0) | (guessed > 0)
            return divided((values * present).sum(axis=1), present.sum(axis=1).astype(float))
        return divided((values * true).sum(axis=1), true.sum(axis=1))

    def _descriptions(self, cells: Floats) -> Figures:
        found = {"example_count": cells.sum(axis=1)}
        if self._size != 2:
            return found
        positive = self._sample.positive
        for name, true, guessed in (
            ("true_negatives", False, False),
            ("false_positives", False, True),
            ("false_negatives", True, False),
            ("true_positives", True, True),
        ):
            here = ((self._true == positive) == true) & ((self._guessed == positive) == guessed)
            found[name] = (cells * here).sum(axis=1)
        return found

    def confusion(self) -> Floats:
        """Summed weights by true label (rows) and predicted label (columns)."""
        weights = weighted(self.base[None, :], self._sample.weights)
        cells = summed_by(weights, self._cell_of, len(self._true))[0]
        matrix = np.zeros((self._size, self._size))
        matrix[self._true, self._guessed] = cells
        return matrix


def _has_shares(sample: Sample) -> bool:
    return sample.probabilities is not None


def _matthews(true: Floats, guessed: Floats, hit: Floats, total: Floats) -> Floats:
    """Gorodkin 2004, *Comparing two K-category assignments by a K-category correlation*."""
    covariance = hit * total - (true * guessed).sum(axis=1)
    spread = (total**2 - (true**2).sum(axis=1)) * (total**2 - (guessed**2).sum(axis=1))
    return divided(covariance, np.sqrt(np.maximum(spread, 0.0)))


class _ProbabilityMeasures:
    """What needs probabilities; orders are sorted once and serve every weighting."""

    def __init__(self, sample: Sample, average: Average) -> None:
        assert sample.probabilities is not None
        shares, codes = sample.probabilities, sample.targets
        self._average = average
        self._binary = shares.shape[1] == 2
        self._truth = codes
        self._positive = sample.positive
        wanted = [sample.positive] if self._binary else list(range(shares.shape[1]))
        if not self._binary and average == "micro":
            wanted = []
        self.orders = [RankOrder(codes == one, shares[:, one]) for one in wanted]
        smallest = np.finfo(np.float64).eps
        own = np.clip(shares[np.arange(len(codes)), codes], smallest, 1 - smallest)
        hot = np.zeros_like(shares)
        hot[np.arange(len(codes)), codes] = 1.0
        squares = ((shares - hot) ** 2).sum(axis=1)
        self._columns = np.column_stack(
            [np.ones(len(codes)), -np.log(own), squares / 2 if self._binary else squares]
        )
        self._sure = shares[:, sample.positive] if self._binary else shares.max(axis=1)
        self._hit = (
            codes == sample.positive if self._binary else shares.argmax(axis=1) == codes
        ).astype(np.float64)

    def figures(self, weights: Floats) -> Figures:
        total, loss, square = (weights @ self._columns).T
        found = {
            "log_loss": divided(loss, total, otherwise=np.nan),
            "brier_score_loss": divided(square, total, otherwise=np.nan),
        }
        if not self.orders:
            return found
        pairs = [order.areas(weights) for order in self.orders]
        roc = np.column_stack([area for area, _ in pairs])
        precision = np.column_stack([average for _, average in pairs])
        shares = np.ones_like(roc)
        if not self._binary and self._average == "weighted":
            shares = summed_by(weights, self._truth, roc.shape[1])
        # A label that has no row in a weighting makes the average undefined, not smaller.
        found["roc_auc"] = (roc * shares).sum(axis=1) / shares.sum(axis=1)
        if self._binary:
            found["precision_recall_auc"] = precision[:, 0]
        return found

    def descriptions(self, weights: Floats) -> Figures:
        errors = [calibration_error(self._hit, self._sure, row) for row in weights]
        return {"expected_calibration_error": np.array(errors)}
