"""fastai learners. Written from the published format; not run by the tests.

Format: ``Learner.export``, a pickle of PyTorch, so loading runs code. Files and entries as
``mlflow.fastai`` of MLflow 1 and 2 had them; MLflow 3 dropped this flavor and reads what is written
here through ``assay.mlflow_loader``.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Final

from assay.errors import InvalidInput
from assay.flavors.base import FOREIGN_LOADER, Flavor, Predictor, Saved, framework
from assay.flavors.options import refuse
from assay.flavors.reading import reading
from assay.models.folder import inside

FILE: Final = "model.fastai"


class FastaiFlavor(Flavor):
    """``fastai``."""

    name: ClassVar[str] = "fastai"
    title: ClassVar[str] = "fastai"
    packages: ClassVar[tuple[str, ...]] = ("fastai",)
    loader_module: ClassVar[str] = "mlflow.fastai"
    argument: ClassVar[str] = "fastai_learner"

    def save(self, model: Any, folder: Path, **options: Any) -> Saved:
        """Write ``model.fastai``."""
        refuse(self, options)
        fastai = framework("fastai", flavor=self)
        learner = framework("fastai.learner", flavor=self)
        if not isinstance(model, learner.Learner):
            raise InvalidInput(f"{type(model).__name__} is no fastai Learner.")
        # Schedulers can't be pickled; predicting needs none.
        schedule = framework("fastai.callback.schedule", flavor=self)
        schedulers = [one for one in model.cbs if isinstance(one, schedule.ParamScheduler)]
        model.remove_cbs(schedulers)
        try:
            model.export(folder / FILE)
        finally:
            model.add_cbs(schedulers)
        facts = {"fastai_version": fastai.__version__, "data": FILE, "code": None}
        return Saved(facts, {"loader_module": FOREIGN_LOADER})

    def load(self, folder: Path, facts: Mapping[str, Any], **options: Any) -> Any:
        """The ``Learner``, on the CPU."""
        refuse(self, options)
        learner = framework("fastai.learner", flavor=self, facts=facts)
        path = inside(folder, facts.get("data", FILE))
        with reading(folder, path, "a fastai learner"):
            return learner.load_learner(path)

    def hazards(self, folder: Path, facts: Mapping[str, Any]) -> list[str]:
        """Always the pickle."""
        return [f"{facts.get('data', FILE)} is a pickle of PyTorch"]

    def predictor(self, model: Any, facts: Mapping[str, Any]) -> Predictor:
        """Predictions of a frame's rows, as a frame with the column ``predictions``."""
        return _Predictor(model)


class _Predictor:
    def __init__(self, learner: Any) -> None:
        self._learner = learner

    def predict(self, data: Any, params: dict[str, Any] | None = None) -> Any:
        import pandas as pd

        answers, _ = self._learner.get_preds(dl=self._learner.dls.test_dl(data))
        return pd.DataFrame({"predictions": list(answers.numpy())})
