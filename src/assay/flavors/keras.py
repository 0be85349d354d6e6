"""Keras 3 models, on any backend.

Format: ``.keras`` (plain data, unless layers hold code of the user); with ``save_exported_model``
TensorFlow's SavedModel, as Keras exports it for serving. Files and entries as ``mlflow.keras`` of
MLflow 3 has them. Classes of the user are kept beside the model as cloudpickle; MLflow doesn't know
those and reads such models through ``assay.mlflow_loader``.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Final

from assay.errors import InvalidInput, InvalidModel, MissingFramework
from assay.flavors.base import FOREIGN_LOADER, Flavor, Predictor, Saved, framework
from assay.flavors.keras_archive import (
    CUSTOM_OBJECTS,
    MODEL,
    is_keras_model,
    keras_hazards,
    read_model,
    write_archive,
)
from assay.models.folder import inside

_DATA: Final = "data"


class KerasFlavor(Flavor):
    """``keras``."""

    name: ClassVar[str] = "keras"
    title: ClassVar[str] = "Keras"
    packages: ClassVar[tuple[str, ...]] = ("keras",)
    loader_module: ClassVar[str] = "mlflow.keras"

    def save(
        self,
        model: Any,
        folder: Path,
        *,
        save_exported_model: bool = False,
        custom_objects: Mapping[str, Any] | None = None,
        save_model_kwargs: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> Saved:
        """Write the model.

        Args:
            model: a model of Keras 3.
            folder: where to.
            save_exported_model: as a SavedModel with the endpoint ``serve``.
            custom_objects: classes and functions of the user by name; found where left out.
            save_model_kwargs: arguments of ``model.save``.
            options: there are no others.
        """
        if options:
            raise InvalidInput(f"Keras models have no option {sorted(options)[0]!r}.")
        keras = framework("keras", flavor=self)
        if not is_keras_model(model):
            raise InvalidInput(f"This is no model of Keras 3, but {type(model).__name__}.")
        data = folder / _DATA
        data.mkdir()
        (data / "keras_module.txt").write_text("keras", encoding="utf-8")
        facts = {
            "data": _DATA,
            "keras_version": keras.__version__,
            "keras_backend": keras.backend.backend(),
            "save_exported_model": save_exported_model,
        }
        if save_exported_model:
            _export(self, model, data / MODEL)
            return Saved(facts, {})
        custom = write_archive(
            self, model, data, custom_objects=custom_objects, kwargs=save_model_kwargs or {}
        )
        if custom:
            return Saved(
                {**facts, "custom_objects": CUSTOM_OBJECTS}, {"loader_module": FOREIGN_LOADER}
            )
        return Saved(facts, {})

    def load(
        self,
        folder: Path,
        facts: Mapping[str, Any],
        *,
        custom_objects: Mapping[str, Any] | None = None,
        load_model_kwargs: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> Any:
        """The model; of an exported one, what ``tf.saved_model.load`` gives."""
        if options:
            raise InvalidInput(f"Loading Keras models has no option {sorted(options)[0]!r}.")
        framework("keras", flavor=self, facts=facts)
        data = inside(folder, facts.get("data"))
        try:
            return read_model(
                self, data, facts, custom_objects=custom_objects, **(load_model_kwargs or {})
            )
        except (MissingFramework, InvalidModel, MemoryError):
            raise
        except Exception as error:
            raise InvalidModel(str(folder), f"Keras can't read it: {error}") from error

    def hazards(self, folder: Path, facts: Mapping[str, Any]) -> list[str]:
        """Layers that hold code, pickled classes of the user, and exported programs."""
        return keras_hazards(inside(folder, facts.get("data")))

    def predictor(self, model: Any, facts: Mapping[str, Any]) -> Predictor:
        """``model.predict``, or ``serve`` of an exported one."""
        return KerasPredictor(model)

    def accepts(self, model: Any) -> bool:
        """Models of Keras 3."""
        return is_keras_model(model)


class KerasPredictor:
    """Arrays in, arrays out; frames in, frames out. The flavor ``tensorflow`` uses it too."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self._exported = not hasattr(model, "predict")

    def predict(self, data: Any, params: dict[str, Any] | None = None) -> Any:
        """Predictions without a progress bar."""
        if hasattr(data, "iloc"):
            import pandas as pd

            return pd.DataFrame(self._call(data.to_numpy()), index=data.index)
        return self._call(data)

    def _call(self, data: Any) -> Any:
        if not self._exported:
            return self._model.predict(data, verbose=0)
        import numpy as np

        # Programs take the dtype that they were traced with, which is Keras' float.
        data = np.asarray(data)
        return _arrays(self._model.serve(data.astype("float32") if data.dtype == "f8" else data))


def _arrays(output: Any) -> Any:
    if isinstance(output, Mapping):
        return {name: _arrays(value) for name, value in output.items()}
    if isinstance(output, list | tuple):
        return [_arrays(value) for value in output]
    return output.numpy()


def _export(flavor: Flavor, model: Any, path: Path) -> None:
    keras = framework("keras", flavor=flavor)
    tensorflow = framework("tensorflow", flavor=flavor)
    inputs = getattr(model, "inputs", None)
    if not inputs:
        raise InvalidInput("Exporting needs a model that knows its inputs: give it an Input.")
    specs = [tensorflow.TensorSpec(one.shape, one.dtype, name=one.name) for one in inputs]
    archive = keras.export.ExportArchive()
    archive.track(model)
    archive.add_endpoint(
        name="serve", fn=model.call, input_signature=specs if len(specs) == 1 else [specs]
    )
    archive.write_out(str(path), verbose=False)
