"""Models of the user's own: a class with ``predict``, or a plain function.

``assay.pyfunc.PythonModel`` is the base class; a class that derives from MLflow's works as well. A
model may also be a Python file that calls ``assay.models.set_model``: then its source is kept and
no pickle is made.
"""

from __future__ import annotations

import inspect
import sys
import types
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from assay.errors import InvalidInput, InvalidModel
from assay.models.signatures.type_hints import (
    PredictHints,
    hints_of_predict,
    is_pydantic,
    is_record,
)

_chosen: list[Any] = []
"""What ``set_model`` was called with in the file that is being run."""
_config: list[Mapping[str, Any]] = []
"""The settings of the model whose file is being run."""


class PythonModelContext:
    """What a model finds beside itself when it is loaded."""

    def __init__(
        self, artifacts: Mapping[str, str], model_config: Mapping[str, Any] | None = None
    ) -> None:
        self._artifacts = dict(artifacts)
        self._model_config = dict(model_config or {})

    @property
    def artifacts(self) -> dict[str, str]:
        """Path on this machine of each artifact by name."""
        return self._artifacts

    @property
    def model_config(self) -> dict[str, Any]:
        """The settings that it was saved with, or loaded with."""
        return self._model_config


class PythonModel:
    """Base of models that users write.

    Define ``predict``; it may take the context first and ``params`` last. ``load_context`` reads
    what is needed once. With ``predict_stream`` the answer comes piece by piece. Type hints of
    ``predict``, such as ``list[str]``, become the signature.
    """

    def load_context(self, context: PythonModelContext) -> None:
        """Called once after the model was loaded; ``context.artifacts`` has paths by name."""

    def predict(self, context: Any, model_input: Any, params: dict[str, Any] | None = None) -> Any:
        """Predictions for ``model_input``."""
        raise NotImplementedError(f"{type(self).__name__} must define predict.")

    def predict_stream(
        self, context: Any, model_input: Any, params: dict[str, Any] | None = None
    ) -> Iterator[Any]:
        """The answer to one input, such as a text or a dict, piece by piece."""
        raise NotImplementedError(f"{type(self).__name__} doesn't define predict_stream.")

    @property
    def predict_type_hints(self) -> Any:
        """Type hints of input and output, which MLflow asks for."""
        hints = hints_of_predict(self.predict)
        return SimpleNamespace(input=hints.input, output=hints.output)


class FunctionModel(PythonModel):
    """A plain function as a model."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        parameters = list(inspect.signature(function).parameters)
        self._takes_params = "params" in parameters
        if not parameters or len([p for p in parameters if p != "params"]) != 1:
            raise InvalidInput(
                "A function that is a model takes the input, and params if it wants them:"
                f" {getattr(function, '__name__', function)!r} takes ({', '.join(parameters)})."
            )

    def predict(self, model_input: Any, params: dict[str, Any] | None = None) -> Any:  # type: ignore[override]
        """Predictions for ``model_input``."""
        if self._takes_params:
            return self.function(model_input, params=params)
        return self.function(model_input)

    @property
    def predict_type_hints(self) -> Any:
        """Type hints of the function."""
        hints = hints_of_predict(self.function)
        return SimpleNamespace(input=hints.input, output=hints.output)


class PythonPredictor:
    """A ``PythonModel`` behind the face that all models share."""

    def __init__(self, model: Any, context: PythonModelContext) -> None:
        self._model = model
        self._context = context
        self._hint = _hints(model).input
        self._predict = _call(model.predict, context)
        if streams(model):
            self.predict_stream = self._stream

    def predict(self, data: Any, params: dict[str, Any] | None = None) -> Any:
        """Predictions, the data in the form that the type hint says."""
        return self._predict(as_hinted(data, self._hint), params)

    def _stream(self, data: Any, params: dict[str, Any] | None = None) -> Any:
        # One input: the type hint says what a list of them is.
        (one,) = as_hinted([data], self._hint)
        return _call(self._model.predict_stream, self._context)(one, params)


def as_python_model(model: Any) -> Any:
    """A class's instance as it is, a function as a model.

    Raises:
        InvalidInput: it is neither.
    """
    if inspect.isclass(model):
        raise InvalidInput(f"Give an instance, {model.__name__}(), not the class.")
    if callable(getattr(model, "predict", None)):
        return model
    if callable(model):
        return FunctionModel(model)
    raise InvalidInput(f"{type(model).__name__} is no model: it has no predict.")


def streams(model: Any) -> bool:
    """Whether a model defines ``predict_stream`` itself."""
    method = getattr(type(model), "predict_stream", None)
    return method is not None and not method.__module__.startswith(
        ("assay.models.", "mlflow.pyfunc.")
    )


def as_hinted(data: Any, hint: Any) -> Any:
    """Data in the form that a type hint ``list[…]`` says; without such a hint as it is."""
    if getattr(hint, "__origin__", None) is not list:
        return data
    item = hint.__args__[0]
    if type(data).__module__.startswith("pandas"):
        if getattr(data, "ndim", 1) == 1 or (
            data.shape[1] == 1 and not (is_record(item) or _is_dict(item))
        ):
            data = (data if data.ndim == 1 else data.iloc[:, 0]).tolist()
        else:
            data = data.to_dict(orient="records")
    elif hasattr(data, "tolist"):
        data = data.tolist()
    if is_pydantic(item):
        return [one if isinstance(one, item) else item.model_validate(one) for one in data]
    if inspect.isclass(item) and hasattr(item, "__dataclass_fields__"):
        return [item(**one) if isinstance(one, Mapping) else one for one in data]
    return data


def _is_dict(item: Any) -> bool:
    return item is dict or getattr(item, "__origin__", None) is dict


def _hints(model: Any) -> PredictHints:
    function = model.function if isinstance(model, FunctionModel) else model.predict
    return hints_of_predict(function)


def _call(method: Callable[..., Any], context: PythonModelContext) -> Callable[[Any, Any], Any]:
    """``method`` with what it takes of context, input and params."""
    parameters = list(inspect.signature(method).parameters)
    takes_context = "context" in parameters
    takes_params = "params" in parameters

    def call(data: Any, params: dict[str, Any] | None) -> Any:
        rest = {"params": params} if takes_params else {}
        return method(context, data, **rest) if takes_context else method(data, **rest)

    return call


def set_model(model: Any) -> None:
    """Say which object of a Python file is the model, where the file is kept as the model.

    MLflow hears it too, if it is what runs the file.
    """
    _chosen.append(as_python_model(model) if not hasattr(model, "invoke") else model)
    mlflow_model = sys.modules.get("mlflow.models.model")
    if mlflow_model is not None:
        mlflow_model.__dict__["__mlflow_model__"] = model


class ModelConfig:
    """Settings of a model that is kept as a Python file, as they are while the file is run."""

    def __init__(self, *, development_config: Mapping[str, Any] | None = None) -> None:
        self._values = dict(_config[-1] if _config and _config[-1] else development_config or {})

    def get(self, key: str) -> Any:
        """The setting.

        Raises:
            InvalidInput: there is none of this name.
        """
        if key not in self._values:
            has = ", ".join(sorted(self._values)) or "none"
            raise InvalidInput(f"The model has no setting {key!r}; it has {has}.")
        return self._values[key]

    def to_dict(self) -> dict[str, Any]:
        """All settings."""
        return dict(self._values)


def run_model_file(file: Path, config: Mapping[str, Any] | None = None) -> Any:
    """Run a Python file that calls ``set_model``, Assay's or MLflow's; returns the model.

    Raises:
        InvalidModel: it fails, or sets no model.
    """
    mlflow_model = sys.modules.get("mlflow.models.model")
    if mlflow_model is not None:
        mlflow_model.__dict__["__mlflow_model__"] = None
    name = f"assay_code_model_{uuid.uuid4().hex}"
    module = types.ModuleType(name)
    module.__file__ = str(file)
    sys.modules[name] = module
    with _collecting(config) as chosen:
        try:
            # The source itself, never a compiled file beside it: digests don't cover those.
            exec(compile(file.read_bytes(), str(file), "exec"), module.__dict__)  # noqa: S102
        except Exception as error:
            del sys.modules[name]
            raise InvalidModel(str(file), f"running it fails: {error}") from error
        told = getattr(sys.modules.get("mlflow.models.model"), "__mlflow_model__", None)
        if chosen:
            return chosen[-1]
        if told is not None:
            return as_python_model(told)
    del sys.modules[name]
    raise InvalidModel(str(file), "it must say which object is the model: assay.models.set_model")


@contextmanager
def _collecting(config: Mapping[str, Any] | None) -> Iterator[list[Any]]:
    before = list(_chosen)
    _chosen.clear()
    _config.append(config or {})
    try:
        yield _chosen
    finally:
        _chosen[:] = before
        _config.pop()
