"""XGBoost boosters and estimators of its scikit-learn API.

Formats: UBJSON (the default), JSON and the old ending ``xgb``, all written by XGBoost itself;
loading runs no code. Of estimators they keep what predicting needs, not every constructor
argument. Files and entries as ``mlflow.xgboost`` of MLflow 3 has them.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar, Final, Literal, get_args

from assay.errors import InvalidInput, InvalidModel
from assay.flavors.base import Flavor, Predictor, Saved, flavor_named, framework
from assay.flavors.options import refuse
from assay.flavors.reading import reading
from assay.flavors.ubjson import check_whole
from assay.models.folder import inside

Format = Literal["ubj", "json", "xgb"]
_BOOSTER: Final = "xgboost.core.Booster"
_OWN_MODULES: Final = frozenset({"xgboost", "xgboost.core", "xgboost.sklearn", "xgboost.dask"})
"""Where XGBoost's own classes are; a class from elsewhere is code that came with the model."""
_log = logging.getLogger(__name__)


class XgboostFlavor(Flavor):
    """``xgboost``."""

    name: ClassVar[str] = "xgboost"
    title: ClassVar[str] = "XGBoost"
    packages: ClassVar[tuple[str, ...]] = ("xgboost",)
    loader_module: ClassVar[str] = "mlflow.xgboost"
    argument: ClassVar[str] = "xgb_model"

    def save(
        self, model: Any, folder: Path, *, model_format: Format = "ubj", **options: Any
    ) -> Saved:
        """Write one file, ``model.ubj`` unless another format is asked for."""
        refuse(self, options)
        if model_format not in get_args(Format):
            raise InvalidInput(
                f"model_format must be one of {', '.join(get_args(Format))}, not {model_format!r}."
            )
        xgboost = framework("xgboost", flavor=self)
        if not isinstance(model, (xgboost.Booster, xgboost.XGBModel)):
            raise InvalidInput(
                f"{type(model).__name__} is no XGBoost model: give a Booster or an estimator."
            )
        file = f"model.{model_format}"
        try:
            # XGBoost 2 and later write the old ending as UBJSON as well, but complain of it.
            kind = "ubj" if model_format == "xgb" else model_format
            model.save_model(folder / f"model.{kind}")
            (folder / f"model.{kind}").replace(folder / file)
        except Exception as error:
            # An estimator that wasn't fitted has nothing to write.
            raise InvalidInput(f"XGBoost can't keep {type(model).__name__}: {error}") from error
        facts = {
            "xgb_version": xgboost.__version__,
            "data": file,
            "model_class": f"{type(model).__module__}.{type(model).__name__}",
            "model_format": model_format,
            "code": None,
        }
        return Saved(facts, {"data": file})

    def load(self, folder: Path, facts: Mapping[str, Any], **options: Any) -> Any:
        """The booster or estimator."""
        refuse(self, options)
        version = {"xgboost_version": facts.get("xgb_version")}
        xgboost = framework("xgboost", flavor=self, facts=version)
        path = inside(folder, facts.get("data"))
        module, name = _class_of(facts)
        if module == "xgboost.sklearn":
            framework("sklearn", flavor=flavor_named("sklearn"))
        kind = getattr(framework(module, flavor=self), name, None)
        if not (isinstance(kind, type) and issubclass(kind, (xgboost.Booster, xgboost.XGBModel))):
            raise InvalidModel(str(folder), f"{module}.{name} is no class of XGBoost models")
        with reading(folder, path, "an XGBoost model"):
            content = path.read_bytes()
            if content.startswith(b"{") and content[1:2] in b"iUIlL":
                check_whole(content)
            model = kind()
            # Of other endings XGBoost guesses the format and complains; of bytes it doesn't.
            known = path.suffix in (".ubj", ".json")
            model.load_model(path if known else bytearray(content))
        return model

    def hazards(self, folder: Path, facts: Mapping[str, Any]) -> list[str]:
        """None, unless the model is of a class that isn't XGBoost's own."""
        module, name = _class_of(facts)
        return [] if module in _OWN_MODULES else [f"it imports {name} from the module {module!r}"]

    def predictor(self, model: Any, facts: Mapping[str, Any]) -> Predictor:
        """``predict``; params are those of XGBoost's method, others are ignored."""
        xgboost = framework("xgboost", flavor=self)
        if not isinstance(model, xgboost.Booster):
            return _Predictor(model.predict, lambda data: data)
        return _Predictor(
            model.predict, lambda data: xgboost.DMatrix(data, enable_categorical=True)
        )


class _Predictor:
    def __init__(self, predict: Callable[..., Any], convert: Callable[[Any], Any]) -> None:
        self._predict = predict
        self._convert = convert
        self._known = set(inspect.signature(predict).parameters)

    def predict(self, data: Any, params: dict[str, Any] | None = None) -> Any:
        known = {name: value for name, value in (params or {}).items() if name in self._known}
        if params and len(known) < len(params):
            _log.warning("XGBoost's predict knows no %s.", ", ".join(sorted({*params} - {*known})))
        return self._predict(self._convert(data), **known)


def _class_of(facts: Mapping[str, Any]) -> tuple[str, str]:
    """Module and name of the model's class."""
    # Models of MLflow before 1.23 name no class: those were boosters.
    whole = facts.get("model_class") or _BOOSTER
    module, _, name = str(whole).rpartition(".")
    if not (module and name.isidentifier() and all(p.isidentifier() for p in module.split("."))):
        raise InvalidModel(str(facts.get("data")), f"model_class {whole!r} names no class")
    return module, name
