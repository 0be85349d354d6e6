"""Prophet forecasters.

Format: Prophet's own JSON; loading runs no code. Stan's object of the fit isn't kept, predicting
needs none. Files and entries as ``mlflow.prophet`` of MLflow 3 has them.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Final

from assay.errors import InvalidInput
from assay.flavors.base import Flavor, Predictor, Saved, framework
from assay.flavors.options import refuse
from assay.flavors.reading import reading
from assay.models.folder import inside

FILE: Final = "model.pr"
_SEED: Final = 0
"""Of the draws behind the uncertainty intervals; any fixed number will do."""
_global_generator = threading.Lock()


class ProphetFlavor(Flavor):
    """``prophet``."""

    name: ClassVar[str] = "prophet"
    title: ClassVar[str] = "Prophet"
    packages: ClassVar[tuple[str, ...]] = ("prophet",)
    loader_module: ClassVar[str] = "mlflow.prophet"
    argument: ClassVar[str] = "pr_model"

    def save(self, model: Any, folder: Path, **options: Any) -> Saved:
        """Write ``model.pr``."""
        refuse(self, options)
        prophet = framework("prophet", flavor=self)
        if not isinstance(model, prophet.Prophet):
            raise InvalidInput(f"{type(model).__name__} is no Prophet.")
        serialize = framework("prophet.serialize", flavor=self)
        try:
            text = serialize.model_to_json(model)
        except (TypeError, ValueError) as error:
            raise InvalidInput(f"Prophet can't keep this model: {error}") from error
        # The JSON text is itself a JSON string, as MLflow has it.
        (folder / FILE).write_text(json.dumps(text), encoding="utf-8")
        facts = {
            "prophet_version": prophet.__version__,
            "data": FILE,
            "model_type": type(model).__name__,
            "code": None,
        }
        return Saved(facts, {"data": FILE})

    def load(self, folder: Path, facts: Mapping[str, Any], **options: Any) -> Any:
        """The ``Prophet``."""
        refuse(self, options)
        framework("prophet", flavor=self, facts=facts)
        serialize = framework("prophet.serialize", flavor=self)
        path = inside(folder, facts.get("data", FILE))
        with reading(folder, path, "a Prophet model"):
            content = json.loads(path.read_text(encoding="utf-8"))
            text = content if isinstance(content, str) else json.dumps(content)
            return serialize.model_from_json(text)

    def hazards(self, folder: Path, facts: Mapping[str, Any]) -> list[str]:
        """None: the JSON holds numbers and texts."""
        return []

    def predictor(self, model: Any, facts: Mapping[str, Any]) -> Predictor:
        """``predict``, the same at every call."""
        return _Predictor(model)


class _Predictor:
    """Predicts with a seed of its own.

    Prophet draws its uncertainty intervals from NumPy's global generator, so that they would differ
    at every call; here they don't, and the generator is left as it was.
    """

    def __init__(self, model: Any) -> None:
        self._model = model

    def predict(self, data: Any, params: dict[str, Any] | None = None) -> Any:
        import numpy as np

        with _global_generator:
            before = np.random.get_state()
            np.random.seed(_SEED)
            try:
                return self._model.predict(data)
            finally:
                np.random.set_state(before)
