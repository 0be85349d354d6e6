"""ARIMA models and pipelines of pmdarima.

Format: pickle, the only one that pmdarima has, so loading runs code. Files and entries as
``mlflow.pmdarima`` of MLflow 3 has them.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Final

from assay.errors import InvalidInput
from assay.flavors import pickles
from assay.flavors.base import Flavor, Predictor, Saved, framework
from assay.flavors.options import refuse
from assay.models.folder import inside

FILE: Final = "model.pmd"
_ALPHA: Final = 0.05
"""Of confidence intervals, pmdarima's own default."""


class PmdarimaFlavor(Flavor):
    """``pmdarima``."""

    name: ClassVar[str] = "pmdarima"
    title: ClassVar[str] = "pmdarima"
    packages: ClassVar[tuple[str, ...]] = ("pmdarima",)
    loader_module: ClassVar[str] = "mlflow.pmdarima"
    argument: ClassVar[str] = "pmdarima_model"

    def save(self, model: Any, folder: Path, **options: Any) -> Saved:
        """Write a pickle."""
        refuse(self, options)
        pmdarima = framework("pmdarima", flavor=self)
        if not (self.accepts(model) and hasattr(model, "predict")):
            raise InvalidInput(f"{type(model).__name__} is no ARIMA or Pipeline of pmdarima.")
        pickles.write(model, folder / FILE)
        facts = {
            "pmdarima_version": pmdarima.__version__,
            "data": FILE,
            "model_type": type(model).__name__,
            "code": None,
        }
        return Saved(facts, {"data": FILE})

    def load(self, folder: Path, facts: Mapping[str, Any], **options: Any) -> Any:
        """The ``ARIMA`` or ``Pipeline``."""
        refuse(self, options)
        framework("pmdarima", flavor=self, facts=facts)
        return pickles.read(folder, inside(folder, facts.get("data", FILE)), title=self.title)

    def hazards(self, folder: Path, facts: Mapping[str, Any]) -> list[str]:
        """Always the pickle."""
        return [f"{facts.get('data', FILE)} is a pickle"]

    def predictor(self, model: Any, facts: Mapping[str, Any]) -> Predictor:
        """``predict`` with the arguments that the one row of a frame has as columns."""
        return _Predictor(model)


class _Predictor:
    """Columns are ``n_periods``, and on request ``X``, ``return_conf_int`` and ``alpha``."""

    def __init__(self, model: Any) -> None:
        self._model = model

    def predict(self, data: Any, params: dict[str, Any] | None = None) -> Any:
        import pandas as pd

        row = _only_row(data)
        periods = row.get("n_periods")
        if isinstance(periods, bool) or not isinstance(periods, int) or periods < 1:
            raise InvalidInput(
                f"pmdarima predicts from one row whose n_periods is how many: {periods!r} is no"
                " positive integer."
            )
        wants_interval = bool(row.get("return_conf_int", False))
        answer = self._model.predict(
            n_periods=periods,
            X=row.get("X"),
            return_conf_int=wants_interval,
            alpha=row.get("alpha", _ALPHA),
        )
        if not wants_interval:
            return pd.DataFrame({"yhat": answer})
        values, limits = answer
        return pd.DataFrame(
            {"yhat": values, "yhat_lower": limits[:, 0], "yhat_upper": limits[:, 1]}
        )


def _only_row(data: Any) -> dict[str, Any]:
    if isinstance(data, Mapping):
        return dict(data)
    rows = data.to_dict(orient="records") if hasattr(data, "to_dict") else data
    if not (isinstance(rows, list) and len(rows) == 1 and isinstance(rows[0], Mapping)):
        raise InvalidInput(
            "pmdarima predicts from a DataFrame of one row with the column n_periods."
        )
    return dict(rows[0])
