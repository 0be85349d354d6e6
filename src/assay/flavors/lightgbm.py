"""LightGBM boosters and estimators of its scikit-learn API.

Formats: LightGBM's own text for boosters; for estimators skops (the default where it can keep the
model; loading runs no code), cloudpickle and pickle on request. Files and entries as
``mlflow.lightgbm`` of MLflow 3 has them.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Final, Literal

from assay.errors import InvalidInput, InvalidModel
from assay.flavors import pickles, skops_file
from assay.flavors.base import Flavor, Predictor, Saved, framework
from assay.flavors.options import refuse
from assay.flavors.reading import reading
from assay.models.folder import inside

Format = Literal["auto", "skops", "cloudpickle", "pickle"]
_FILES: Final = {"skops": "model.skops", "cloudpickle": "model.pkl", "pickle": "model.pkl"}
_BOOSTER: Final = "lightgbm.basic.Booster"
KNOWN_TYPES: Final = frozenset(
    {
        "collections.OrderedDict",
        _BOOSTER,
        "lightgbm.sklearn.LGBMClassifier",
        "lightgbm.sklearn.LGBMModel",
        "lightgbm.sklearn.LGBMRanker",
        "lightgbm.sklearn.LGBMRegressor",
    }
)
"""Types that skops may make without being asked: they take their state from plain data."""
_log = logging.getLogger(__name__)


class LightgbmFlavor(Flavor):
    """``lightgbm``."""

    name: ClassVar[str] = "lightgbm"
    title: ClassVar[str] = "LightGBM"
    packages: ClassVar[tuple[str, ...]] = ("lightgbm",)
    loader_module: ClassVar[str] = "mlflow.lightgbm"
    argument: ClassVar[str] = "lgb_model"

    def save(
        self,
        model: Any,
        folder: Path,
        *,
        serialization_format: Format | None = None,
        skops_trusted_types: Sequence[str] | None = None,
        **options: Any,
    ) -> Saved:
        """Write one file; the format is for estimators, boosters are always text."""
        refuse(self, options)
        lightgbm = framework("lightgbm", flavor=self)
        kind: str = serialization_format or "auto"
        if kind not in ("auto", *_FILES):
            raise InvalidInput(
                f"serialization_format must be one of auto, {', '.join(_FILES)}, not {kind!r}."
            )
        types: list[str] | None = None
        if isinstance(model, lightgbm.Booster):
            kind, file = "text", "model.lgb"
            model.save_model(folder / file)
        elif isinstance(model, lightgbm.LGBMModel):
            types = sorted(KNOWN_TYPES | set(skops_trusted_types or ()))
            kind = self._write(model, folder, kind, types)
            file = _FILES[kind]
        else:
            raise InvalidInput(
                f"{type(model).__name__} is no LightGBM model: give a Booster or an estimator."
            )
        facts = {
            "lgb_version": lightgbm.__version__,
            "data": file,
            "model_class": f"{type(model).__module__}.{type(model).__name__}",
            "code": None,
        }
        if kind != "text":
            facts["serialization_format"] = kind
            facts["skops_trusted_types"] = types if kind == "skops" else None
        return Saved(facts, {"data": file})

    def _write(self, model: Any, folder: Path, kind: str, types: list[str]) -> str:
        """Write an estimator; the format that was used."""
        if kind in ("auto", "skops"):
            why = skops_file.write(model, folder / _FILES["skops"], types=types)
            if why is None:
                return "skops"
            if kind == "skops":
                raise skops_file.refused(why)
            _log.info("Saved with cloudpickle, whose loading runs code: skops %s.", why)
            kind = "cloudpickle"
        pickles.write(model, folder / _FILES[kind], pickler=framework(kind, flavor=self))
        return kind

    def load(self, folder: Path, facts: Mapping[str, Any], **options: Any) -> Any:
        """The booster or estimator."""
        refuse(self, options)
        version = {"lightgbm_version": facts.get("lgb_version")}
        lightgbm = framework("lightgbm", flavor=self, facts=version)
        path = inside(folder, facts.get("data"))
        kind = _format_of(facts)
        if kind == "text":
            with reading(folder, path, "a LightGBM model"):
                _check_text(path)
                return lightgbm.Booster(model_file=path)
        if kind == "skops":
            trusted = sorted(KNOWN_TYPES.union(_types_of(facts)))
            io = framework("skops.io", flavor=self)
            with reading(folder, path, "skops"):
                return io.load(path, trusted=trusted)
        return pickles.read(folder, path, title=self.title)

    def hazards(self, folder: Path, facts: Mapping[str, Any]) -> list[str]:
        """Pickles, and skops files that name types of their own to trust."""
        name, kind = facts.get("data"), _format_of(facts)
        if kind == "text":
            return []
        if kind != "skops":
            return [f"{name} is a pickle ({kind})"]
        types = sorted(set(_types_of(facts)) - KNOWN_TYPES)
        return [f"{name} holds the types {', '.join(types)}"] if types else []

    def predictor(self, model: Any, facts: Mapping[str, Any]) -> Predictor:
        """``predict``."""
        return _Predictor(model)


class _Predictor:
    def __init__(self, model: Any) -> None:
        self._model = model

    def predict(self, data: Any, params: dict[str, Any] | None = None) -> Any:
        return self._model.predict(data)


def _format_of(facts: Mapping[str, Any]) -> str:
    # Models of MLflow before 1.23 name no class: those were boosters.
    if (facts.get("model_class") or _BOOSTER) == _BOOSTER:
        return "text"
    # Estimators without a format were pickled by cloudpickle.
    kind = facts.get("serialization_format") or "cloudpickle"
    if kind not in _FILES:
        raise InvalidModel(
            str(facts.get("data")), f"the format {kind!r} is none of {', '.join(_FILES)}"
        )
    return str(kind)


def _types_of(facts: Mapping[str, Any]) -> list[str]:
    types = facts.get("skops_trusted_types") or []
    return [str(one) for one in types] if isinstance(types, list) else [str(types)]


def _check_text(path: Path) -> None:
    """See that the text is whole.

    LightGBM reads past the end of a file that was cut and takes the process down. The header says
    how many bytes the trees have, so that their end is known (``GBDT::SaveModelToString``); the
    last line has the categories of pandas, which Python always writes.
    """
    content = path.read_bytes()
    json.loads(content.rpartition(b"\npandas_categorical:")[2])
    if not content.startswith(b"tree"):
        raise ValueError("it doesn't begin as one")
    header, found, trees = content.partition(b"\nTree=0")
    if not found:
        # A model without trees predicts a constant.
        if b"\nend of trees" not in content:
            raise ValueError("it has no end")
        return
    sizes = [line[11:] for line in header.splitlines() if line.startswith(b"tree_sizes=")]
    if not sizes:
        if b"\nend of trees" not in trees:
            raise ValueError("its trees have no end")
        return
    expected = sum(int(size) for size in sizes[0].split()) - len(b"Tree=0")
    if not trees[expected:].startswith(b"end of trees"):
        raise ValueError("its trees are cut or altered")
