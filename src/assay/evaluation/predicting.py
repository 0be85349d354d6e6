"""Models as they come: an estimator, a loaded pyfunc model, or a plain function.

Told apart by what they can do. The estimator inside a pyfunc model is used where it can be reached,
because it also tells classes and probabilities.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.errors import InvalidInput
from assay.evaluation.columns import column_names, is_frame, pick


@dataclass(frozen=True)
class Predictor:
    """What an evaluation needs of a model."""

    predict: Callable[[Any], Any]
    predict_proba: Callable[[Any], Any] | None = None
    classes: NDArray[Any] | None = None
    features: tuple[str, ...] | None = None
    """Names of the columns it was trained on, if it tells them."""
    estimator: Any = None
    """The library's own object, if it can be reached."""

    def inputs(self, data: Any) -> Any:
        """The columns of a frame that the model was trained on; otherwise the data."""
        known = column_names(data)
        if self.features is None or not is_frame(data) or known == list(self.features):
            return data
        missing = [name for name in self.features if name not in known]
        if missing:
            raise InvalidInput(
                f"The data lack columns that the model was trained on: {', '.join(missing[:20])}."
            )
        return pick(data, self.features)


def predictor_of(model: Any) -> Predictor:
    """The model as a ``Predictor``.

    Raises:
        InvalidInput: it can neither ``predict`` nor be called.
    """
    if not hasattr(model, "predict"):
        if callable(model):
            return Predictor(model)
        raise InvalidInput(
            f"A model is a URI, an object with predict(), or a function; not"
            f" {type(model).__name__}."
        )
    estimator = _estimator(model)
    inner = estimator if estimator is not None else model
    proba = getattr(inner, "predict_proba", None)
    classes = getattr(inner, "classes_", None)
    plain = isinstance(classes, np.ndarray) and classes.ndim == 1
    names = getattr(inner, "feature_names_in_", None)
    return Predictor(
        # A reachable estimator predicts itself, so that labels and probabilities are of one form.
        predict=inner.predict if proba is not None else model.predict,
        predict_proba=proba,
        classes=np.asarray(classes) if plain else None,
        features=None if names is None else tuple(str(name) for name in names),
        estimator=inner,
    )


def _estimator(model: Any) -> Any:
    """What a pyfunc model wraps, if it says so and that can predict."""
    inner = getattr(model, "get_raw_model", None)
    if not callable(inner):
        return None
    try:
        found = inner()
    except Exception:  # noqa: BLE001 - foreign code; without the estimator the model still predicts
        return None
    return found if hasattr(found, "predict") else None


def output_column(output: Any, name: str | None) -> Any:
    """The predictions in what a model gave: an array, or a column of a frame or mapping.

    Args:
        output: of ``predict``.
        name: the column; left out, ``prediction``, ``predictions`` or the only one.

    Raises:
        InvalidInput: it can't be told which column holds them.
    """
    known = column_names(output)
    if not known:
        return output
    if name is None:
        if len(known) == 1:
            name = known[0]
        else:
            name = next((one for one in ("prediction", "predictions") if one in known), None)
    if name is None or name not in known:
        raise InvalidInput(
            f"The model gives the columns {', '.join(known[:20])}; say which holds its predictions:"
            " predictions='…'."
        )
    return pick(output, [name])[name]
