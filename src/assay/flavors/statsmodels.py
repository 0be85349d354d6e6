"""Results of statsmodels.

Format: pickle, the only one that statsmodels has, so loading runs code. Files and entries as
``mlflow.statsmodels`` of MLflow 3 has them.
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Final

from assay.errors import InvalidInput
from assay.flavors import pickles
from assay.flavors.base import Flavor, Predictor, Saved, framework
from assay.flavors.options import refuse
from assay.models.folder import inside

FILE: Final = "model.statsmodels"


class StatsmodelsFlavor(Flavor):
    """``statsmodels``."""

    name: ClassVar[str] = "statsmodels"
    title: ClassVar[str] = "statsmodels"
    packages: ClassVar[tuple[str, ...]] = ("statsmodels",)
    loader_module: ClassVar[str] = "mlflow.statsmodels"
    argument: ClassVar[str] = "statsmodels_model"

    def save(self, model: Any, folder: Path, *, remove_data: bool = False, **options: Any) -> Saved:
        """Write a pickle; ``remove_data`` leaves out the arrays that the model was fitted to."""
        refuse(self, options)
        statsmodels = framework("statsmodels", flavor=self)
        if not (self.accepts(model) and hasattr(model, "predict") and hasattr(model, "model")):
            raise InvalidInput(
                f"{type(model).__name__} holds no results of statsmodels: give what fit() returns."
            )
        pickles.write(_without_data(model) if remove_data else model, folder / FILE)
        facts = {"statsmodels_version": statsmodels.__version__, "data": FILE, "code": None}
        return Saved(facts, {"data": FILE})

    def load(self, folder: Path, facts: Mapping[str, Any], **options: Any) -> Any:
        """The results."""
        refuse(self, options)
        framework("statsmodels", flavor=self, facts=facts)
        return pickles.read(folder, inside(folder, facts.get("data", FILE)), title=self.title)

    def hazards(self, folder: Path, facts: Mapping[str, Any]) -> list[str]:
        """Always the pickle."""
        return [f"{facts.get('data', FILE)} is a pickle"]

    def predictor(self, model: Any, facts: Mapping[str, Any]) -> Predictor:
        """``predict``; of time series from ``start`` to ``end``, columns of a frame of one row."""
        base = framework("statsmodels.tsa.base.tsa_model", flavor=self)
        return _Predictor(model, is_series=isinstance(model.model, base.TimeSeriesModel))


class _Predictor:
    def __init__(self, model: Any, *, is_series: bool) -> None:
        self._model = model
        self._is_series = is_series

    def predict(self, data: Any, params: dict[str, Any] | None = None) -> Any:
        if not self._is_series:
            return self._model.predict(data)
        columns = list(getattr(data, "columns", ()))
        if len(data) != 1 or "start" not in columns or "end" not in columns:
            raise InvalidInput(
                "A time series model predicts from a DataFrame of one row with the columns start"
                " and end."
            )
        return self._model.predict(start=data["start"].iloc[0], end=data["end"].iloc[0])


def _without_data(model: Any) -> Any:
    """A copy without the arrays of the fit: statsmodels would take them from the model itself."""
    try:
        copy = pickle.loads(pickle.dumps(model))  # noqa: S301 - made a moment ago
        copy.remove_data()
    except Exception as error:
        raise InvalidInput(
            f"remove_data can't be done for {type(model).__name__}: {error}"
        ) from error
    return copy
