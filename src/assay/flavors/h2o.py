"""H2O models. Written from the published format; not run by the tests, which have no Java.

Format: H2O's binary model, read by the H2O server that this process is connected to, or that is
started with the settings kept beside it; so loading counts as running code. Files and entries as
``mlflow.h2o`` of MLflow 3 has them.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Final

from assay.errors import InvalidInput, InvalidModel
from assay.flavors.base import Flavor, Predictor, Saved, framework
from assay.flavors.options import refuse
from assay.flavors.reading import reading
from assay.models.folder import inside

FOLDER: Final = "model.h2o"
SETTINGS: Final = "h2o.yaml"


class H2oFlavor(Flavor):
    """``h2o``."""

    name: ClassVar[str] = "h2o"
    title: ClassVar[str] = "H2O"
    packages: ClassVar[tuple[str, ...]] = ("h2o",)
    loader_module: ClassVar[str] = "mlflow.h2o"
    argument: ClassVar[str] = "h2o_model"

    def save(
        self,
        model: Any,
        folder: Path,
        *,
        settings: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> Saved:
        """Fetch the model from its server; ``settings["init"]`` goes to ``h2o.init`` on loading."""
        import yaml

        refuse(self, options)
        h2o = framework("h2o", flavor=self)
        if not self.accepts(model):
            raise InvalidInput(f"{type(model).__name__} is no H2O model.")
        place = folder / FOLDER
        place.mkdir()
        written = Path(h2o.download_model(model=model, path=str(place)))
        # MLflow adds absolute paths of this machine, which nothing reads.
        kept = {**(settings or {}), "model_file": written.name}
        (place / SETTINGS).write_text(yaml.safe_dump(kept), encoding="utf-8")
        facts = {"h2o_version": h2o.__version__, "data": FOLDER, "code": None}
        return Saved(facts, {"data": FOLDER})

    def load(
        self, folder: Path, facts: Mapping[str, Any], *, init: bool | None = None, **options: Any
    ) -> Any:
        """The model, put into the H2O server of this process.

        ``init``: start or join a server first, with the model's settings; ``None``: if this process
        has none.
        """
        import yaml

        refuse(self, options)
        h2o = framework("h2o", flavor=self, facts=facts)
        place = inside(folder, facts.get("data", FOLDER))
        path = inside(place, SETTINGS)
        with reading(folder, path, "settings"):
            settings = yaml.safe_load(path.read_bytes())
        if not isinstance(settings, dict):
            raise InvalidModel(str(folder), f"{SETTINGS} holds no settings")
        file = inside(place, settings.get("model_file"))
        if init or (init is None and h2o.connection() is None):
            h2o.init(**(settings.get("init") or {}))
            h2o.no_progress()
        with reading(folder, file, "an H2O model"):
            return h2o.upload_model(str(file))

    def hazards(self, folder: Path, facts: Mapping[str, Any]) -> list[str]:
        """Always the model, and the settings that may start a Java process."""
        place = facts.get("data", FOLDER)
        return [
            f"{place} is deserialized by H2O's Java server",
            f"{place}/{SETTINGS} holds arguments of h2o.init",
        ]

    def predictor(self, model: Any, facts: Mapping[str, Any]) -> Predictor:
        """``predict``, from a frame to a frame."""
        return _Predictor(model, framework("h2o", flavor=self))


class _Predictor:
    def __init__(self, model: Any, h2o: Any) -> None:
        self._model = model
        self._h2o = h2o

    def predict(self, data: Any, params: dict[str, Any] | None = None) -> Any:
        answer = self._model.predict(self._h2o.H2OFrame(data)).as_data_frame()
        if hasattr(data, "index"):
            answer.index = data.index
        return answer
