"""Plots of an evaluation as PNG, drawn with matplotlib where it is installed.

Names of the files are those of MLflow's default evaluator. Figures are drawn without ``pyplot``, so
a program's own figures and its choice of backend stay as they are.
"""

from __future__ import annotations

import importlib
import io
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from assay.evaluation.curves import (
    DEFAULT_BINS,
    calibration_points,
    lift_points,
    precision_recall_points,
    roc_points,
)
from assay.evaluation.findings import Importance
from assay.evaluation.measures import divided
from assay.evaluation.sample import Floats, Sample

MAX_CLASSES = 10
"""Labels up to which every one gets its curve; MLflow's number."""
_MAX_POINTS = 5_000
"""Dots of a scatter plot; of more rows an even selection is drawn."""
_MAX_LABELS = 25
_SIZE = (6.0, 4.5)
_DPI = 120
_SHOWN_FEATURES = 20

Plot = Callable[[Any], None]
"""Draws on matplotlib's axes."""


def can_draw() -> bool:
    """Whether matplotlib is installed."""
    try:
        importlib.import_module("matplotlib")
    except ImportError:
        return False
    return True


def png(draw: Plot) -> bytes:
    """A picture of what ``draw`` does to empty axes."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=_SIZE, dpi=_DPI, layout="constrained")
    FigureCanvasAgg(figure)
    draw(figure.subplots())
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()


def classifier_plots(
    sample: Sample,
    confusion: Floats,
    *,
    bins: int = DEFAULT_BINS,
    max_classes: int = MAX_CLASSES,
) -> dict[str, bytes]:
    """Confusion matrix and, from probabilities, ROC, precision-recall, calibration and lift."""
    labels = sample.labels
    assert labels is not None
    plots = {"confusion_matrix": png(lambda axes: _draw_confusion(axes, confusion, labels))}
    if sample.probabilities is None:
        return plots
    weights = np.ones(len(sample)) if sample.weights is None else sample.weights
    places = [sample.positive] if len(labels) == 2 else list(range(len(labels)))
    if len(places) > max_classes:
        return plots
    # A label that no row has, or every row, has no curve.
    curves = [
        (str(labels[at]), (sample.targets == at).astype(np.float64), sample.probabilities[:, at])
        for at in places
        if 0 < np.count_nonzero((sample.targets == at) & (weights > 0)) < len(sample)
    ]
    if not curves:
        return plots
    plots["roc_curve_plot"] = png(lambda axes: _draw_roc(axes, curves, weights))
    plots["precision_recall_curve_plot"] = png(
        lambda axes: _draw_precision_recall(axes, curves, weights)
    )
    plots["calibration_curve_plot"] = png(
        lambda axes: _draw_calibration(axes, curves, weights, bins)
    )
    if len(labels) == 2:
        plots["lift_curve_plot"] = png(lambda axes: _draw_lift(axes, curves, weights))
    return plots


Curves = Sequence[tuple[str, Floats, Floats]]
"""Label, 1 for its rows, and its probabilities."""


def _draw_confusion(axes: Any, confusion: Floats, labels: Any) -> None:
    shares = divided(confusion, confusion.sum(axis=1, keepdims=True))
    image = axes.imshow(shares, cmap="Blues", vmin=0.0, vmax=1.0)
    axes.figure.colorbar(image, ax=axes, label="share of the true label")
    axes.set(xlabel="predicted", ylabel="true", title="Confusion matrix")
    if len(labels) > _MAX_LABELS:
        return
    texts = [str(label)[:_MAX_LABELS] for label in labels]
    axes.set_xticks(range(len(texts)), texts, rotation=45 if len(texts) > 4 else 0)
    axes.set_yticks(range(len(texts)), texts)
    for (row, at), share in np.ndenumerate(shares):
        axes.text(
            at,
            row,
            f"{share:.2f}\n{confusion[row, at]:g}" if len(texts) <= 6 else f"{share:.2f}",
            ha="center",
            va="center",
            color="white" if share > 0.5 else "black",
            fontsize=9 if len(texts) <= 6 else 6,
        )


def _draw_roc(axes: Any, curves: Curves, weights: Floats) -> None:
    for label, positive, scores in curves:
        false, true = roc_points(positive, scores, weights)
        area = float(np.sum(np.diff(false) * (true[1:] + true[:-1])) / 2)
        axes.plot(false, true, label=f"{label}: AUC {area:.3f}")
    axes.plot([0, 1], [0, 1], color="grey", linestyle="dashed", linewidth=1)
    axes.set(xlabel="false positive rate", ylabel="true positive rate", title="ROC curve")
    axes.legend(loc="lower right", fontsize=8)


def _draw_precision_recall(axes: Any, curves: Curves, weights: Floats) -> None:
    for label, positive, scores in curves:
        recall, precision = precision_recall_points(positive, scores, weights)
        average = float(np.sum(np.diff(recall) * precision[1:]))
        axes.plot(recall, precision, drawstyle="steps-pre", label=f"{label}: AP {average:.3f}")
        share = float(np.average(positive, weights=weights))
        axes.axhline(share, color="grey", linestyle="dashed", linewidth=0.7)
    axes.set(xlabel="recall", ylabel="precision", title="Precision-recall curve", ylim=(0, 1.05))
    axes.legend(loc="lower left", fontsize=8)


def _draw_calibration(axes: Any, curves: Curves, weights: Floats, bins: int) -> None:
    for label, positive, scores in curves:
        mean, share, _ = calibration_points(positive, scores, weights, bins)
        axes.plot(mean, share, marker="o", markersize=4, label=label)
    axes.plot([0, 1], [0, 1], color="grey", linestyle="dashed", linewidth=1)
    axes.set(xlabel="mean predicted probability", ylabel="share of positives", title="Calibration")
    axes.legend(loc="upper left", fontsize=8)


def _draw_lift(axes: Any, curves: Curves, weights: Floats) -> None:
    for label, positive, scores in curves:
        share, lift = lift_points(positive, scores, weights)
        axes.plot(share, lift, label=label)
    axes.axhline(1.0, color="grey", linestyle="dashed", linewidth=1)
    axes.set(xlabel="share of rows, most probable first", ylabel="lift", title="Lift curve")
    axes.legend(loc="upper right", fontsize=8)


def regressor_plots(sample: Sample) -> dict[str, bytes]:
    """Residuals over predictions, their histogram, and predictions over targets."""
    rows = _some_rows(len(sample))
    targets, predictions = sample.targets[rows], sample.predictions[rows]
    return {
        "residuals_plot": png(lambda axes: _draw_residuals(axes, targets, predictions)),
        "residuals_histogram": png(
            lambda axes: _draw_histogram(axes, sample.targets - sample.predictions)
        ),
        "predicted_actual_plot": png(lambda axes: _draw_predicted(axes, targets, predictions)),
    }


def _some_rows(size: int) -> Any:
    return np.unique(np.linspace(0, size - 1, min(size, _MAX_POINTS)).astype(np.int64))


def _draw_residuals(axes: Any, targets: Floats, predictions: Floats) -> None:
    axes.scatter(predictions, targets - predictions, s=8, alpha=0.5)
    axes.axhline(0.0, color="grey", linestyle="dashed", linewidth=1)
    axes.set(xlabel="predicted", ylabel="target - predicted", title="Residuals")


def _draw_histogram(axes: Any, residuals: Floats) -> None:
    axes.hist(residuals, bins=min(60, max(5, round(len(residuals) ** 0.5))))
    axes.axvline(0.0, color="grey", linestyle="dashed", linewidth=1)
    axes.set(xlabel="target - predicted", ylabel="rows", title="Residuals")


def _draw_predicted(axes: Any, targets: Floats, predictions: Floats) -> None:
    axes.scatter(targets, predictions, s=8, alpha=0.5)
    ends = [min(targets.min(), predictions.min()), max(targets.max(), predictions.max())]
    axes.plot(ends, ends, color="grey", linestyle="dashed", linewidth=1)
    axes.set(xlabel="target", ylabel="predicted", title="Predicted and actual")


def forecaster_plots(sample: Sample) -> dict[str, bytes]:
    """The first series with its forecast and interval, and the residuals."""
    first = sample
    name = ""
    if sample.groups is not None:
        name = f" of {sample.groups[0]}"
        first = sample.take(np.flatnonzero(sample.groups == sample.groups[0]))
    first = first.take(np.arange(min(len(first), _MAX_POINTS)))
    plots = regressor_plots(sample)
    del plots["predicted_actual_plot"]
    plots["forecast_plot"] = png(lambda axes: _draw_forecast(axes, first, f"Forecast{name}"))
    return plots


def _draw_forecast(axes: Any, sample: Sample, title: str) -> None:
    steps = np.arange(len(sample))
    axes.plot(steps, sample.targets, label="actual")
    axes.plot(steps, sample.predictions, label="forecast")
    if sample.lower is not None and sample.upper is not None:
        axes.fill_between(steps, sample.lower, sample.upper, alpha=0.2, label="interval")
    axes.set(xlabel="step", title=title)
    axes.legend(fontsize=8)


def importance_plot(importances: Sequence[Importance], method: str) -> bytes:
    """The most important features as bars, the most important on top."""
    shown = list(importances[:_SHOWN_FEATURES])[::-1]

    def draw(axes: Any) -> None:
        axes.barh(
            [one.feature[:40] for one in shown],
            [one.value for one in shown],
            xerr=[one.deviation for one in shown] if any(one.deviation for one in shown) else None,
        )
        axes.set(xlabel=method, title="Feature importances")

    return png(draw)
