"""The face that all models share: ``predict(data, params=None)``, checked by the signature."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from assay.errors import InvalidInput
from assay.flavors.base import PYTHON_FUNCTION, Predictor, SupportsArrays, SupportsStream
from assay.models.input_example import Example, load_example
from assay.models.mlmodel import Model
from assay.models.signatures.enforce import Enforcer, enforce_params
from assay.models.signatures.schema import ParamSchema, Schema


class PyFuncModel:
    """A loaded model of any flavor.

    Inputs are checked against the signature and cast without loss; without a signature they go to
    the model as they are. Thread-safe as far as the framework's own ``predict`` is.
    """

    def __init__(
        self,
        predictor: Predictor,
        metadata: Model,
        *,
        path: Path,
        native: Any = None,
        model_config: dict[str, Any] | None = None,
    ) -> None:
        self._predictor = predictor
        self._native = native
        self.metadata = metadata
        """What ``MLmodel`` says."""
        self.path = path
        """The folder on this machine that it was loaded from."""
        self.model_config = model_config or {}
        """Settings that it was loaded with."""
        signature = metadata.signature
        inputs = None if signature is None else signature.inputs
        self._enforce = None if inputs is None else Enforcer(inputs)
        self._params = None if signature is None else signature.params

    def predict(self, data: Any, params: dict[str, Any] | None = None) -> Any:
        """Predictions for ``data``.

        Args:
            data: what the signature says, or what casts to it without loss: a pandas or Polars
                DataFrame, an array, a dict, a list.
            params: values of the signature's params; those left out have their defaults.

        Raises:
            SignatureMismatch: naming each column that doesn't fit.
            InvalidInput: a param that the signature doesn't have, or of another type.
        """
        if self._enforce is not None:
            data = self._enforce(data)
        if params is not None or self._params is not None:
            params = enforce_params(params, self._params)
        return self._predictor.predict(data, params)

    __call__ = predict

    def predict_stream(self, data: Any, params: dict[str, Any] | None = None) -> Iterator[Any]:
        """The answer to one input, piece by piece, from models that give it so.

        Args:
            data: one input: a text, a dict, or what holds a single one. As with MLflow the model
                gets that one itself, a row of a frame as a dict.
            params: values of the signature's params.

        Raises:
            InvalidInput: this model doesn't, or there are several inputs.
            SignatureMismatch: naming each column that doesn't fit.
        """
        predictor = self._predictor
        if not isinstance(predictor, SupportsStream):
            raise InvalidInput(
                "This model gives its answer at once: use predict. A PythonModel that defines"
                " predict_stream can stream."
            )
        if self._enforce is not None:
            data = self._enforce(data)
        if params is not None or self._params is not None:
            params = enforce_params(params, self._params)
        return iter(predictor.predict_stream(_single(data), params))

    @property
    def streams(self) -> bool:
        """Whether it gives its answer piece by piece, to ``predict_stream``."""
        return isinstance(self._predictor, SupportsStream)

    def array_predictor(self, columns: list[str]) -> Predictor | None:
        """What predicts arrays with these columns as ``predict`` does frames of them; ``None``
        where the model has no such face, or takes params.
        """
        if self._params is not None or not isinstance(self._predictor, SupportsArrays):
            return None
        return self._predictor.from_arrays(columns)

    @property
    def model_id(self) -> str | None:
        """Id of the logged model, where it is one."""
        return self.metadata.model_id

    @property
    def loader_module(self) -> str:
        """What MLflow would load it with."""
        return str((self.metadata.python_function or {}).get("loader_module", ""))

    @property
    def input_schema(self) -> Schema | None:
        """Schema of the inputs, if there is one."""
        return self.metadata.get_input_schema()

    @property
    def output_schema(self) -> Schema | None:
        """Schema of the outputs, if there is one."""
        return self.metadata.get_output_schema()

    @property
    def params_schema(self) -> ParamSchema | None:
        """Schema of the params, if there is one."""
        return self._params

    @property
    def input_example(self) -> Example | None:
        """The input example that was saved with it."""
        return load_example(self.path, self.metadata)

    def get_raw_model(self) -> Any:
        """The framework's own object."""
        return self._native

    def unwrap_python_model(self) -> Any:
        """The ``PythonModel`` behind the face.

        Raises:
            InvalidInput: it is a model of a framework.
        """
        if set(self.metadata.flavors) != {PYTHON_FUNCTION}:
            raise InvalidInput(
                "This is no PythonModel: get_raw_model() gives the framework's object."
            )
        return self._native

    def __repr__(self) -> str:
        flavors = ", ".join(sorted(set(self.metadata.flavors) - {"python_function"}))
        return f"PyFuncModel({flavors or 'python_function'}, {str(self.path)!r})"

    def _repr_html_(self) -> str:
        return self.metadata._repr_html_()


def _single(data: Any) -> Any:
    """The one input that a stream is for, in the form that MLflow gives it to models."""
    if type(data).__module__.split(".")[0] == "polars":
        data = data.to_pandas()
    if type(data).__module__.split(".")[0] == "pandas" and getattr(data, "ndim", 0) == 2:
        nameless = list(data.columns) == [0]
        data = data[0].tolist() if nameless else data.to_dict(orient="records")
    elif hasattr(data, "tolist"):
        data = data.tolist()
    if not isinstance(data, list):
        return data
    if len(data) != 1:
        raise InvalidInput(f"A stream answers one input, got {len(data)}.")
    return data[0]
