"""Answers: what a model predicted, as the body of a response in MLflow's form."""

from __future__ import annotations

from typing import Any

import msgspec

from assay.models.scoring import answer

_encode = msgspec.json.Encoder().encode


def encode_answer(predictions: Any) -> bytes:
    """``{"predictions": …}``.

    Raises:
        InvalidInput: predictions of this kind have no JSON form.
    """
    if type(predictions).__module__ == "numpy" and hasattr(predictions, "dtype"):
        kind = predictions.dtype.kind
        if kind in "iub" or (kind == "f" and _is_finite(predictions)):
            return _encode({"predictions": predictions.tolist()})
    # NaN and infinities, and whatever isn't an array, as MLflow writes them.
    return answer(predictions).encode()


def _is_finite(array: Any) -> bool:
    import numpy as np

    return bool(np.isfinite(array).all())
