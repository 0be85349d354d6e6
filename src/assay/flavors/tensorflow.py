"""TensorFlow modules, and Keras models in the layout of ``mlflow.tensorflow``.

Formats: ``tf.Module`` as SavedModel, a graph that TensorFlow runs, so loading it needs trust; Keras
models as ``.keras`` (plain data, unless layers hold code of the user) or HDF5. Estimators of
TensorFlow 1 that MLflow kept are read. Files and entries as ``mlflow.tensorflow`` of MLflow 3 has
them.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Final

from assay.errors import InvalidInput, InvalidModel, MissingFramework
from assay.flavors.base import Flavor, Predictor, Saved, framework
from assay.flavors.keras import KerasPredictor
from assay.flavors.keras_archive import (
    MODEL,
    is_keras_model,
    keras_hazards,
    program_hazards,
    read_model,
    write_archive,
    write_custom_objects,
)
from assay.models.folder import inside

_DATA: Final = "data"
_PROGRAM: Final = "tf2model"
_KERAS: Final = "keras"
_MODULE: Final = "tf2-module"
_ESTIMATOR: Final = "tf1-estimator"


class TensorflowFlavor(Flavor):
    """``tensorflow``."""

    name: ClassVar[str] = "tensorflow"
    title: ClassVar[str] = "TensorFlow"
    packages: ClassVar[tuple[str, ...]] = ("tensorflow",)
    loader_module: ClassVar[str] = "mlflow.tensorflow"

    def save(
        self,
        model: Any,
        folder: Path,
        *,
        custom_objects: Mapping[str, Any] | None = None,
        saved_model_kwargs: Mapping[str, Any] | None = None,
        keras_model_kwargs: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> Saved:
        """Write the module or Keras model.

        Args:
            model: a ``tf.Module`` that can be called, or a model of Keras 3.
            folder: where to.
            custom_objects: classes and functions of the user in a Keras model by name; found where
                left out.
            saved_model_kwargs: arguments of ``tf.saved_model.save``.
            keras_model_kwargs: arguments of ``model.save``; ``save_format="h5"`` writes HDF5.
            options: there are no others.
        """
        if options:
            raise InvalidInput(f"TensorFlow models have no option {sorted(options)[0]!r}.")
        tensorflow = framework("tensorflow", flavor=self)
        if is_keras_model(model):
            return self._save_keras(
                tensorflow, model, folder, custom_objects, dict(keras_model_kwargs or {})
            )
        if not self.accepts(model):
            raise InvalidInput(f"This is no tf.Module or Keras model, but {type(model).__name__}.")
        try:
            tensorflow.saved_model.save(model, str(folder / _PROGRAM), **(saved_model_kwargs or {}))
        except Exception as error:
            raise InvalidInput(f"TensorFlow can't keep this module: {error}") from error
        facts = {"saved_model_dir": _PROGRAM, "model_type": _MODULE, "code": None}
        return Saved({**facts, "tensorflow_version": tensorflow.__version__}, {})

    def _save_keras(
        self, tensorflow: Any, model: Any, folder: Path, custom_objects: Any, kwargs: dict[str, Any]
    ) -> Saved:
        kind = str(kwargs.pop("save_format", "tf"))
        data = folder / _DATA
        data.mkdir()
        if kind == "h5":
            model.save(data / f"{MODEL}.h5", **kwargs)
            write_custom_objects(data, custom_objects)
        else:
            write_archive(self, model, data, custom_objects=custom_objects, kwargs=kwargs)
        # The pyfunc loader of MLflow is given this folder only, and looks into these.
        (data / "keras_module.txt").write_text("tensorflow.keras", encoding="utf-8")
        (data / "save_format.txt").write_text(kind, encoding="utf-8")
        facts = {
            "data": _DATA,
            "model_type": _KERAS,
            "keras_version": tensorflow.__version__,
            "tensorflow_version": tensorflow.__version__,
            "save_format": kind,
            "code": None,
        }
        return Saved(facts, {"data": _DATA})

    def load(
        self,
        folder: Path,
        facts: Mapping[str, Any],
        *,
        saved_model_kwargs: Mapping[str, Any] | None = None,
        keras_model_kwargs: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> Any:
        """What ``tf.saved_model.load`` gives, the Keras model, or an estimator's signature."""
        if options:
            raise InvalidInput(f"Loading TensorFlow models has no option {sorted(options)[0]!r}.")
        tensorflow = framework("tensorflow", flavor=self, facts=facts)
        kind = _kind(facts)
        try:
            if kind == _KERAS:
                data = inside(folder, facts.get("data"))
                return read_model(self, data, facts, **(keras_model_kwargs or {}))
            path = str(inside(folder, facts.get("saved_model_dir")))
            if kind == _MODULE:
                return tensorflow.saved_model.load(path, **(saved_model_kwargs or {}))
            loaded = tensorflow.saved_model.load(path, tags=facts.get("meta_graph_tags"))
            return _Estimator(loaded, str(facts.get("signature_def_key")))
        except (MissingFramework, InvalidModel, MemoryError):
            raise
        except Exception as error:
            raise InvalidModel(str(folder), f"TensorFlow can't read it: {error}") from error

    def hazards(self, folder: Path, facts: Mapping[str, Any]) -> list[str]:
        """Programs, layers that hold code, and pickled classes of the user."""
        if _kind(facts) == _KERAS:
            return keras_hazards(inside(folder, facts.get("data")))
        return program_hazards(inside(folder, facts.get("saved_model_dir")))

    def predictor(self, model: Any, facts: Mapping[str, Any]) -> Predictor:
        """``predict`` of Keras models; modules are called."""
        kind = _kind(facts)
        if kind == _KERAS:
            return KerasPredictor(model)
        tensorflow = framework("tensorflow", flavor=self, facts=facts)
        if kind == _ESTIMATOR:
            return _EstimatorPredictor(tensorflow, model)
        return _ModulePredictor(tensorflow, model)

    def accepts(self, model: Any) -> bool:
        """``tf.Module`` and what ``tf.saved_model.load`` gives, but no Keras models."""
        bases = [(kind.__module__, kind.__name__) for kind in type(model).__mro__]
        if any(module.split(".")[0] == "keras" for module, _ in bases):
            return False
        wanted = {
            ("tensorflow.python.module.module", "Module"),
            ("tensorflow.python.trackable.autotrackable", "AutoTrackable"),
        }
        return not wanted.isdisjoint(bases)


class _Estimator:
    """The signature of an estimator; it holds the model, whose variables die with it."""

    def __init__(self, loaded: Any, key: str) -> None:
        if key not in loaded.signatures:
            raise KeyError(f"it has no signature {key!r}, but {sorted(loaded.signatures)}")
        self._loaded = loaded
        self._call = loaded.signatures[key]

    def __call__(self, **inputs: Any) -> Any:
        return self._call(**inputs)

    def dtype_of(self, name: str) -> Any:
        spec = self._call.structured_input_signature[1].get(name)
        return None if spec is None else spec.dtype


class _ModulePredictor:
    def __init__(self, tensorflow: Any, model: Any) -> None:
        self._tensorflow = tensorflow
        self._model = model

    def predict(self, data: Any, params: dict[str, Any] | None = None) -> Any:
        """Arrays become one tensor, frames one of float32, dicts of arrays tensors by name."""
        import numpy as np

        tensor = self._tensorflow.convert_to_tensor
        if isinstance(data, Mapping):
            return _arrays(self._model({name: tensor(value) for name, value in data.items()}))
        if hasattr(data, "iloc"):
            return _arrays(self._model(tensor(data.to_numpy(dtype=np.float32))))
        array = np.asarray(data)
        try:
            return _arrays(self._model(tensor(array)))
        except (TypeError, ValueError, self._tensorflow.errors.InvalidArgumentError):
            if array.dtype != np.float64:
                raise
            # Most modules are traced for float32, and NumPy's default isn't.
            return _arrays(self._model(tensor(array.astype(np.float32))))


class _EstimatorPredictor:
    def __init__(self, tensorflow: Any, model: Any) -> None:
        self._tensorflow = tensorflow
        self._model = model

    def predict(self, data: Any, params: dict[str, Any] | None = None) -> Any:
        """Columns are inputs by name, and outputs columns."""
        import numpy as np
        import pandas as pd

        framed = hasattr(data, "iloc")
        columns = {}
        for name in data:
            value = data[name].tolist() if framed else data[name]
            # The dtype that the graph takes: NumPy's default is another.
            dtype = self._model.dtype_of(name)
            columns[name] = self._tensorflow.constant(np.array(value), dtype)
        outputs = {name: _flat(value.numpy()) for name, value in self._model(**columns).items()}
        return pd.DataFrame(outputs) if framed else outputs


def _flat(array: Any) -> Any:
    single = array.ndim != 1 and all(len(row) == 1 for row in array)
    return array.ravel() if single else array.tolist()


def _arrays(output: Any) -> Any:
    if isinstance(output, Mapping):
        return {name: _arrays(value) for name, value in output.items()}
    if isinstance(output, list | tuple):
        return [_arrays(value) for value in output]
    return output.numpy() if hasattr(output, "numpy") else output


def _kind(facts: Mapping[str, Any]) -> str:
    """As MLflow tells it; models of its first versions name none."""
    kind = facts.get("model_type") or (_KERAS if facts.get("keras_version") else _ESTIMATOR)
    if kind not in (_KERAS, _MODULE, _ESTIMATOR):
        raise InvalidModel("tensorflow", f"it is of the type {kind!r}, which is none of TensorFlow")
    return str(kind)
