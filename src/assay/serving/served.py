"""Served models: a version loaded, tried, and ready to answer.

Before a version takes traffic it predicts its own input example, and what it answers is held
against the golden predictions that were kept when it was saved. There too it is found out whether
it may be asked with arrays instead of frames.
"""

from __future__ import annotations

import logging
import time
import warnings
from pathlib import Path
from typing import Any

from assay.errors import PredictionsDiffer
from assay.flavors.base import Predictor
from assay.models import golden
from assay.models.input_example import Example, load_example, load_serving_example
from assay.models.loading import load_pyfunc
from assay.models.pyfunc import PyFuncModel
from assay.serving.process.plan import Version
from assay.serving.protocols.answers import encode_answer
from assay.serving.protocols.bodies import ArrayReader, array_reader, read_body

_log = logging.getLogger(__name__)


class Served:
    """A version that answers. Thread-safe as far as the framework's own ``predict`` is."""

    def __init__(
        self, version: Version, model: PyFuncModel, arrays: tuple[ArrayReader, Predictor] | None
    ) -> None:
        self.version = version
        self.model = model
        self.streams = model.streams
        """Whether it gives its answer piece by piece. Found out once, since each request asks."""
        self._arrays = arrays

    @property
    def takes_arrays(self) -> bool:
        """Whether there is a fast road to it."""
        return self._arrays is not None

    @property
    def columns(self) -> list[str]:
        """Of the arrays that it takes."""
        return [] if self._arrays is None else self._arrays[0].columns

    def read_array(self, body: bytes) -> Any:
        """The rows of a JSON body as an array; ``None``: only the general road takes it."""
        return None if self._arrays is None else self._arrays[0].read(body)

    def predict_array(self, rows: Any) -> Any:
        """Predictions for an array that ``read_array`` gave, or several of them in one."""
        assert self._arrays is not None
        return self._arrays[1].predict(rows, None)

    def read(self, body: bytes, kind: str) -> Example:
        """Data and params of a body, by the general road."""
        return read_body(body, kind, self.model.metadata)

    def predict(self, asked: Example) -> Any:
        """Predictions, checked by the signature."""
        return self.model.predict(asked.data, asked.params)


def load(version: Version, *, trust: bool | None = None) -> Served:
    """Load a version and try it.

    Raises:
        AssayError: it can't be loaded, or isn't to be.
        PredictionsDiffer: it doesn't answer its input example as it did when it was saved.
        Exception: whatever the model raises when it predicts its input example.
    """
    folder = Path(version.folder)
    begin = time.perf_counter()
    model = load_pyfunc(folder, trust=trust, origin=version.origin)
    example = load_example(folder, model.metadata)
    if example is not None:
        answer = model.predict(example.data, example.params)
        kept = golden.read(folder)
        differences = [] if kept is None else golden.compare(kept, answer)
        if differences:
            where = version.origin or version.folder
            raise PredictionsDiffer(where, [str(one) for one in differences])
        # Imports what writing an answer takes, before somebody waits for one.
        encode_answer(answer)
    served = Served(version, model, _arrays(folder, model))
    _log.info("loaded %s in %.2f s", version.key, time.perf_counter() - begin)
    return served


def _arrays(folder: Path, model: PyFuncModel) -> tuple[ArrayReader, Predictor] | None:
    """The fast road, if the model says that it has one and, asked its input example, answers the
    same on both.
    """
    reader = array_reader(model.input_schema)
    text = load_serving_example(folder, model.metadata)
    if reader is None or text is None:
        return None
    predictor = model.array_predictor(reader.columns)
    rows = None if predictor is None else reader.read(text.encode())
    if predictor is None or rows is None:
        return None
    asked = read_body(text.encode(), "application/json", model.metadata)
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        try:
            fast = predictor.predict(rows, None)
        except Exception as error:  # noqa: BLE001 - then there is no such road
            _log.debug("%s takes no arrays: %s", folder, error)
            return None
    same = _same(fast, model.predict(asked.data, asked.params))
    return (reader, predictor) if same and not heard else None


def _same(left: Any, right: Any) -> bool:
    import numpy as np

    if not (isinstance(left, np.ndarray) and isinstance(right, np.ndarray)):
        return False
    if left.dtype != right.dtype or left.shape != right.shape:
        return False
    if left.dtype.kind in "fc":
        return bool(np.array_equal(left, right, equal_nan=True))
    return bool(np.array_equal(left, right))
