"""scikit-learn estimators and pipelines.

Formats: skops (the default where every type of the model is known to it; loading runs no code),
cloudpickle, pickle and joblib on request. Files and entries as ``mlflow.sklearn`` of MLflow 3 has
them; joblib, which MLflow doesn't know, is read there through ``assay.mlflow_loader``.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from copy import copy
from pathlib import Path
from typing import Any, ClassVar, Final, Literal

from assay.errors import InvalidInput, InvalidModel
from assay.flavors import pickles, skops_file
from assay.flavors.base import FOREIGN_LOADER, Flavor, Predictor, Saved, framework
from assay.flavors.options import refuse
from assay.flavors.reading import reading
from assay.models.folder import inside

Format = Literal["auto", "skops", "cloudpickle", "pickle", "joblib"]
_FILES: Final = {
    "skops": "model.skops",
    "cloudpickle": "model.pkl",
    "pickle": "model.pkl",
    "joblib": "model.joblib",
}
_PREDICT_METHODS: Final = (
    "predict",
    "predict_proba",
    "predict_log_proba",
    "predict_joint_log_proba",
    "score",
)
_CHOOSE_COLUMNS: Final = frozenset({"ColumnTransformer", "FeatureUnion", "FunctionTransformer"})
"""Estimators whose answer may depend on the names of columns."""
_log = logging.getLogger(__name__)


class SklearnFlavor(Flavor):
    """``sklearn``."""

    name: ClassVar[str] = "sklearn"
    title: ClassVar[str] = "scikit-learn"
    packages: ClassVar[tuple[str, ...]] = ("scikit-learn",)
    loader_module: ClassVar[str] = "mlflow.sklearn"
    argument: ClassVar[str] = "sk_model"
    is_base: ClassVar[bool] = True

    def save(
        self,
        model: Any,
        folder: Path,
        *,
        serialization_format: Format = "auto",
        pyfunc_predict_fn: str = "predict",
        skops_trusted_types: Sequence[str] | None = None,
        **options: Any,
    ) -> Saved:
        """Write one file; ``auto`` is skops where that can keep the model, else cloudpickle."""
        refuse(self, options)
        sklearn = framework("sklearn", flavor=self)
        _check_method(model, pyfunc_predict_fn)
        types = list(skops_trusted_types) if skops_trusted_types else None
        chosen = _write(model, folder, serialization_format, types)
        file = _FILES[chosen]
        facts = {
            "pickled_model": file,
            "serialization_format": chosen,
            "sklearn_version": sklearn.__version__,
            "skops_trusted_types": types if chosen == "skops" else None,
            "code": None,
        }
        if not hasattr(model, pyfunc_predict_fn):
            return Saved(facts)
        face: dict[str, Any] = {"predict_fn": pyfunc_predict_fn}
        if chosen == "joblib":
            face["loader_module"] = FOREIGN_LOADER
        else:
            face["model_path"] = file
        return Saved(facts, face)

    def load(self, folder: Path, facts: Mapping[str, Any], **options: Any) -> Any:
        """The estimator."""
        refuse(self, options)
        framework("sklearn", flavor=self, facts=facts)
        path = inside(folder, facts.get("pickled_model"))
        kind = _format_of(facts)
        if kind == "skops":
            io = framework("skops.io", flavor=self)
            with reading(folder, path, kind):
                return io.load(path, trusted=facts.get("skops_trusted_types") or None)
        if kind == "joblib":
            joblib = framework("joblib", flavor=self)
            with reading(folder, path, kind):
                return joblib.load(path)
        return pickles.read(folder, path, title=self.title)

    def hazards(self, folder: Path, facts: Mapping[str, Any]) -> list[str]:
        """Pickles, and skops files that name types of their own to trust."""
        name, kind = facts.get("pickled_model"), _format_of(facts)
        if kind != "skops":
            return [f"{name} is a pickle ({kind})"]
        types = facts.get("skops_trusted_types")
        return [f"{name} holds the types {', '.join(map(str, types))}"] if types else []

    def predictor(self, model: Any, facts: Mapping[str, Any]) -> Predictor:
        """``predict``, or the method that was named when the model was saved."""
        method = str(facts.get("predict_fn") or "predict")
        _check_method(model, method)
        return _SklearnPredictor(model, method)


class _SklearnPredictor:
    def __init__(self, model: Any, method: str) -> None:
        self._model, self._method = model, method
        self._call = getattr(model, method)

    def predict(self, data: Any, params: dict[str, Any] | None = None) -> Any:
        return self._call(data)

    def from_arrays(self, columns: list[str]) -> Predictor | None:
        """A copy that has forgotten the names of its features: others than scikit-learn's own
        estimators, and those that choose columns, keep them.
        """
        nameless = _without_names(self._model, columns)
        return None if nameless is None else _SklearnPredictor(nameless, self._method)


def _without_names(model: Any, columns: list[str]) -> Any:
    """A shallow copy, without the names that scikit-learn compares with those of a frame and warns
    about where an array has none; ``None`` where names may mean more than that.
    """
    kind = type(model)
    if not kind.__module__.startswith("sklearn.") or kind.__name__ in _CHOOSE_COLUMNS:
        return None
    known = getattr(model, "feature_names_in_", None)
    if known is not None and list(known) != columns:
        return None
    nameless = copy(model)
    if "feature_names_in_" in vars(nameless):
        del nameless.feature_names_in_
    if kind.__name__ == "Pipeline":
        # The later steps have the names that the earlier ones gave the columns; arrays between
        # them have none, as they had when the pipeline was fitted on a frame.
        steps = [(name, _step(step, columns)) for name, step in model.steps]
        if any(step is None for _, step in steps):
            return None
        nameless.steps = steps
    return nameless


def _step(step: Any, columns: list[str]) -> Any:
    if step is None or isinstance(step, str):
        return step or "passthrough"
    return _without_names(step, columns)


def _format_of(facts: Mapping[str, Any]) -> str:
    # Models of MLflow 1 name no format: those were pickles.
    kind = facts.get("serialization_format") or "pickle"
    if kind not in _FILES:
        raise InvalidModel(
            str(facts.get("pickled_model")), f"the format {kind!r} is none of {', '.join(_FILES)}"
        )
    return str(kind)


def _check_method(model: Any, method: str) -> None:
    if method not in _PREDICT_METHODS:
        raise InvalidInput(
            f"pyfunc_predict_fn must be one of {', '.join(_PREDICT_METHODS)}, not {method!r}."
        )
    if method != "predict" and not hasattr(model, method):
        raise InvalidInput(f"{type(model).__name__} has no method {method!r}.")


def _write(model: Any, folder: Path, kind: str, types: list[str] | None) -> str:
    """Write the model's file; the format that was used."""
    if kind not in ("auto", *_FILES):
        raise InvalidInput(
            f"serialization_format must be one of auto, {', '.join(_FILES)}, not {kind!r}."
        )
    if kind in ("auto", "skops"):
        why = skops_file.write(model, folder / _FILES["skops"], types=types or ())
        if why is None:
            return "skops"
        if kind == "skops":
            raise skops_file.refused(why)
        _log.info("Saved with cloudpickle, whose loading runs code: skops %s.", why)
        kind = "cloudpickle"
    path = folder / _FILES[kind]
    pickler = framework(kind, flavor=SklearnFlavor())
    if kind == "joblib":
        pickler.dump(model, path)
    else:
        pickles.write(model, path, pickler=pickler)
    return kind
