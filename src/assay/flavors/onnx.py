"""ONNX models, run by ONNX Runtime.

Formats: ONNX itself, large tensors in a file beside it; loading runs no code unless ``MLmodel``
hands options to ONNX Runtime that may load a library. The native object is the ``ModelProto``; the
face that all models share holds an ``InferenceSession``. Files and entries as ``mlflow.onnx`` of
MLflow 3 has them.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Final

from assay.errors import InvalidInput, InvalidModel
from assay.flavors.base import Flavor, Predictor, Saved, framework
from assay.flavors.onnx_session import Provider, check_options, open_session, session_hazards
from assay.flavors.options import refuse
from assay.flavors.reading import reading
from assay.models.folder import inside

FILE: Final = "model.onnx"
DATA_FILE: Final = "model.onnx.data"
DEFAULT_PROVIDERS: Final = ("CUDAExecutionProvider", "CPUExecutionProvider")
"""Those of MLflow: the GPU where there is one."""
MAX_BYTES_IN_MEMORY: Final = 1 << 30
"""Larger models reach ONNX Runtime through files, because protobuf ends at 2 GB."""


class OnnxFlavor(Flavor):
    """``onnx``."""

    name: ClassVar[str] = "onnx"
    title: ClassVar[str] = "ONNX"
    packages: ClassVar[tuple[str, ...]] = ("onnx", "onnxruntime")
    loader_module: ClassVar[str] = "mlflow.onnx"
    argument: ClassVar[str] = "onnx_model"

    def save(
        self,
        model: Any,
        folder: Path,
        *,
        onnx_execution_providers: Sequence[Provider] | None = None,
        onnx_session_options: Mapping[str, Any] | None = None,
        save_as_external_data: bool = True,
        size_threshold: int = 1024,
        **options: Any,
    ) -> Saved:
        """Write ``model.onnx``, and beside it the tensors of at least ``size_threshold`` bytes."""
        refuse(self, options)
        onnx = framework("onnx", flavor=self)
        if not isinstance(model, onnx.ModelProto):
            raise InvalidInput(
                f"{type(model).__name__} is no onnx.ModelProto: give what a converter or onnx.load"
                " returns."
            )
        check_options(onnx_session_options)
        _write(
            onnx, model, folder / FILE, threshold=size_threshold if save_as_external_data else None
        )
        providers = onnx_execution_providers or DEFAULT_PROVIDERS
        facts = {
            "onnx_version": onnx.__version__,
            "data": FILE,
            "providers": [one if isinstance(one, str) else list(one) for one in providers],
            "onnx_session_options": (
                None if onnx_session_options is None else dict(onnx_session_options)
            ),
            "code": None,
        }
        return Saved(facts, {"data": FILE})

    def load(self, folder: Path, facts: Mapping[str, Any], **options: Any) -> Any:
        """The ``ModelProto``, tensors from other files included; those stay inside the folder."""
        refuse(self, options)
        onnx = framework("onnx", flavor=self, facts=facts)
        path = inside(folder, facts.get("data"))
        with reading(folder, path, "ONNX"):
            onnx.checker.check_model(str(path))
            model = onnx.load(str(path))
        if not model.graph.node:
            raise InvalidModel(str(folder), f"{path.name} holds no graph")
        return model

    def hazards(self, folder: Path, facts: Mapping[str, Any]) -> list[str]:
        """Options that may have ONNX Runtime load a library."""
        return session_hazards(facts)

    def predictor(self, model: Any, facts: Mapping[str, Any]) -> Predictor:
        """ONNX Runtime, with the providers and options of the entry."""
        runtime = framework("onnxruntime", flavor=self)
        if _size(model) <= MAX_BYTES_IN_MEMORY:
            return OnnxPredictor(open_session(runtime, model.SerializeToString(), facts))
        onnx = framework("onnx", flavor=self)
        with tempfile.TemporaryDirectory(prefix="assay-onnx-") as place:
            path = Path(place) / FILE
            _write(onnx, model, path, threshold=1024)
            return OnnxPredictor(open_session(runtime, str(path), facts))


class OnnxPredictor:
    """Feeds a session from frames, arrays and dicts, as MLflow's wrapper does.

    A frame is answered by a frame, all else by a dict of arrays by output name. Numbers are cast to
    the type of the input that they go to.
    """

    def __init__(self, session: Any) -> None:
        self._session = session
        self._inputs = session.get_inputs()
        self._outputs = [one.name for one in session.get_outputs()]

    def predict(self, data: Any, params: dict[str, Any] | None = None) -> Any:
        """The model's outputs; params are ignored."""
        import pandas as pd

        is_frame = isinstance(data, pd.DataFrame)
        feed = self._feed_of_frame(data) if is_frame else self._feed(data)
        arrays = {one.name: _cast(feed[one.name], one) for one in self._inputs if one.name in feed}
        # An unknown name goes along, so that ONNX Runtime says what is wrong with it.
        answers = self._session.run(self._outputs, {**feed, **arrays})
        if is_frame:
            return _frame(dict(zip(self._outputs, answers, strict=True)), rows=len(data))
        return dict(zip(self._outputs, answers, strict=True))

    def _feed(self, data: Any) -> dict[str, Any]:
        import numpy as np

        if isinstance(data, Mapping):
            return {str(name): value for name, value in data.items()}
        if not isinstance(data, np.ndarray):
            raise InvalidInput(
                f"An ONNX model takes a DataFrame, an array or a dict, not {type(data).__name__}."
            )
        if len(self._inputs) != 1:
            names = ", ".join(one.name for one in self._inputs)
            raise InvalidInput(
                f"This ONNX model has {len(self._inputs)} inputs ({names}): give a dict or a"
                " DataFrame with these names."
            )
        return {self._inputs[0].name: data}

    def _feed_of_frame(self, data: Any) -> dict[str, Any]:
        if len(self._inputs) == 1:
            return {self._inputs[0].name: data.to_numpy()}
        missing = [one.name for one in self._inputs if one.name not in data.columns]
        if missing:
            raise InvalidInput(f"The DataFrame has no columns {', '.join(missing)}.")
        return {one.name: data[one.name].to_numpy() for one in self._inputs}


def _cast(value: Any, wanted: Any) -> Any:
    """``value`` as the input wants it: numbers of another width, a column as one of a matrix."""
    import numpy as np

    array = np.asarray(value)
    types = {"tensor(float)": "float32", "tensor(double)": "float64", "tensor(float16)": "float16"}
    floats = types.get(wanted.type)
    if floats is not None and array.dtype.kind in "fiub" and array.dtype != floats:
        array = array.astype(floats)
    elif wanted.type in ("tensor(int64)", "tensor(int32)") and array.dtype.kind in "iu":
        array = array.astype(wanted.type[7:-1])
    if array.ndim == 1 and len(wanted.shape or ()) == 2 and wanted.shape[1] == 1:
        array = array.reshape(-1, 1)
    return array


def _frame(answers: dict[str, Any], *, rows: int) -> Any:
    """A column for each output, flat; where the lengths then differ, a list for each row."""
    import numpy as np
    import pandas as pd

    flat: dict[str, Any] = {
        name: np.asarray(answer).reshape(-1) for name, answer in answers.items()
    }
    if len({len(column) for column in flat.values()}) > 1:
        for name, answer in answers.items():
            if len(flat[name]) != rows and len(answer) == rows:
                flat[name] = list(np.asarray(answer).reshape(rows, -1))
    return pd.DataFrame(flat)


def _write(onnx: Any, model: Any, path: Path, *, threshold: int | None) -> None:
    """Write a model, tensors of at least ``threshold`` bytes into a file of their own."""
    if any(
        one.data_location == onnx.TensorProto.EXTERNAL and not one.HasField("raw_data")
        for one in model.graph.initializer
    ):
        raise InvalidInput(
            "Tensors of this ONNX model lie in other files: load it with its external data."
        )
    if threshold is None:
        onnx.save_model(model, str(path))
        return
    # onnx takes the tensors out of the model that it writes, so it gets a copy.
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    onnx.save_model(
        copy, str(path), save_as_external_data=True, location=DATA_FILE, size_threshold=threshold
    )


def _size(model: Any) -> int:
    return sum(len(one.raw_data) for one in model.graph.initializer)
