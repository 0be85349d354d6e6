"""CatBoost classifiers, regressors, rankers and plain ``CatBoost``.

Formats: CatBoost's binary ``cbm`` (the default), JSON, Core ML and ONNX, all written by CatBoost
itself; loading runs no code. Two of them lose something: Core ML the names of features, so that it
takes arrays only; ONNX the shape of a classifier's answer, which becomes a column. Files and
entries as ``mlflow.catboost`` of MLflow 3 has them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Final, Literal, get_args

from assay.errors import InvalidInput, InvalidModel
from assay.flavors.base import Flavor, Predictor, Saved, framework
from assay.flavors.options import refuse
from assay.flavors.reading import reading
from assay.models.folder import inside

Format = Literal["cbm", "json", "coreml", "onnx"]
FILE: Final = "model.cb"
_CLASSES: Final = ("CatBoost", "CatBoostClassifier", "CatBoostRanker", "CatBoostRegressor")
_TREES: Final = frozenset({"TreeEnsembleClassifier", "TreeEnsembleRegressor"})


class CatboostFlavor(Flavor):
    """``catboost``."""

    name: ClassVar[str] = "catboost"
    title: ClassVar[str] = "CatBoost"
    packages: ClassVar[tuple[str, ...]] = ("catboost",)
    loader_module: ClassVar[str] = "mlflow.catboost"
    argument: ClassVar[str] = "cb_model"

    def save(
        self,
        model: Any,
        folder: Path,
        *,
        format: Format = "cbm",
        export_parameters: Mapping[str, Any] | None = None,
        pool: Any = None,
        **options: Any,
    ) -> Saved:
        """Write ``model.cb``; ``pool`` is for JSON of models with categories."""
        refuse(self, options)
        if format not in get_args(Format):
            raise InvalidInput(
                f"format must be one of {', '.join(get_args(Format))}, not {format!r}: CatBoost"
                " can't read the others."
            )
        catboost = framework("catboost", flavor=self)
        if type(model) not in [getattr(catboost, name, None) for name in _CLASSES]:
            raise InvalidInput(
                f"{type(model).__name__} is none of {', '.join(_CLASSES)}: wrap it in an"
                " assay.pyfunc.PythonModel."
            )
        try:
            model.save_model(
                str(folder / FILE),
                format=format,
                export_parameters=None if export_parameters is None else dict(export_parameters),
                pool=pool,
            )
        except catboost.CatBoostError as error:
            raise InvalidInput(f"CatBoost can't keep this model as {format}: {error}") from error
        facts = {
            "catboost_version": catboost.__version__,
            "data": FILE,
            "model_type": type(model).__name__,
            "save_format": format,
            "code": None,
        }
        return Saved(facts, {"data": FILE})

    def load(self, folder: Path, facts: Mapping[str, Any], **options: Any) -> Any:
        """The model, of the class that it had."""
        refuse(self, options)
        catboost = framework("catboost", flavor=self, facts=facts)
        path = inside(folder, facts.get("data", FILE))
        kind, form = facts.get("model_type"), facts.get("save_format") or "cbm"
        if kind not in _CLASSES:
            raise InvalidModel(str(folder), f"{kind!r} is none of {', '.join(_CLASSES)}")
        if form not in get_args(Format):
            raise InvalidModel(str(folder), f"CatBoost can't read the format {form!r}")
        with reading(folder, path, f"a CatBoost model ({form})"):
            _check(path, str(form), self)
            model = getattr(catboost, kind)()
            model.load_model(str(path.absolute()), form)
        return model

    def hazards(self, folder: Path, facts: Mapping[str, Any]) -> list[str]:
        """None: all formats hold plain data."""
        return []

    def predictor(self, model: Any, facts: Mapping[str, Any]) -> Predictor:
        """``predict``."""
        return _Predictor(model)


class _Predictor:
    def __init__(self, model: Any) -> None:
        self._model = model

    def predict(self, data: Any, params: dict[str, Any] | None = None) -> Any:
        return self._model.predict(data)


def _check(path: Path, form: str, flavor: Flavor) -> None:
    """See that a file is whole where CatBoost doesn't.

    Seen with CatBoost 1.2: JSON that was cut, or that has no trees, is taken for a model
    of fewer, and ONNX without a tree node takes the process down.
    """
    if form == "json":
        content = json.loads(path.read_bytes())
        if not ("oblivious_trees" in content or "trees" in content):
            raise ValueError("it has no trees")
    elif form == "onnx":
        onnx = framework("onnx", flavor=flavor)
        model = onnx.load(path)
        onnx.checker.check_model(model)
        if not any(node.op_type in _TREES for node in model.graph.node):
            raise ValueError("it has no trees")
