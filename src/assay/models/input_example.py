"""Input examples: a few rows that a model takes, kept beside it as MLflow 3 lays them out.

The example is what requirements are inferred with, what golden predictions are made of, and what
people try a served model with. Values are JSON: bytes as base64, times as ISO 8601. The dtypes that
JSON can't tell are noted with the example, so it comes back as it was given.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from assay.errors import InvalidInput, InvalidModel
from assay.models.folder import inside
from assay.models.mlmodel import Model

FILE: Final = "input_example.json"
SERVING_FILE: Final = "serving_input_example.json"
MAX_FILE_BYTES: Final = 64 << 20
"""An example is a few rows; a larger file is a data set."""


class Example(NamedTuple):
    """What a model is tried with."""

    data: Any
    params: dict[str, Any] | None = None


class _Kept(NamedTuple):
    info: dict[str, Any]
    content: Any
    serving: Any


def split_example(example: Any) -> Example:
    """An example as users give it: the data, or a tuple of data and params."""
    if isinstance(example, tuple) and len(example) == 2 and isinstance(example[1], dict):
        return Example(*example)
    return Example(example)


def save_example(folder: Path, example: Example) -> dict[str, Any]:
    """Write the example's files; returns what ``MLmodel`` says of them.

    Raises:
        InvalidInput: data of this kind can't be kept as an example.
    """
    kept = _kept(example.data)
    content, serving = kept.content, kept.serving
    info: dict[str, Any] = {"artifact_path": FILE, "serving_input_path": SERVING_FILE, **kept.info}
    if example.params is not None:
        info["params"] = "true"
        content = {"inputs": content, "params": example.params}
        serving = {**serving, "params": example.params}
    (folder / FILE).write_text(_to_json(content), encoding="utf-8")
    (folder / SERVING_FILE).write_text(_to_json(serving, indent=2), encoding="utf-8")
    return info


def load_example(path: str | Path, model: Model | None = None) -> Example | None:
    """The example of a model's folder as it was given; ``None`` if there is none.

    Raises:
        InvalidModel: its files are missing or damaged.
    """
    folder = Path(path)
    facts = (model or Model.load(folder)).saved_input_example_info
    if facts is None:
        return None
    content = _read(inside(folder, facts.get("artifact_path")))
    params = None
    if facts.get("params"):
        content, params = content["inputs"], content["params"]
    try:
        return Example(_restored(content, facts), params)
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidModel(str(folder), f"its input example is damaged: {error}") from error


def load_serving_example(path: str | Path, model: Model | None = None) -> str | None:
    """The example as the body of a request to a scoring server; ``None`` if there is none."""
    folder = Path(path)
    facts = (model or Model.load(folder)).saved_input_example_info or {}
    name = facts.get("serving_input_path")
    return None if name is None else inside(folder, name).read_text(encoding="utf-8")


def serving_text(example: Any, *, indent: int | None = 2) -> str:
    """An example as users give it, as the body of a request to a scoring server.

    Raises:
        InvalidInput: data of this kind have no JSON form.
    """
    data, params = split_example(example)
    serving = _kept(data).serving
    return _to_json(serving if params is None else {**serving, "params": params}, indent=indent)


def _read(file: Path) -> Any:
    if file.stat().st_size > MAX_FILE_BYTES:
        raise InvalidModel(str(file), f"it is larger than {MAX_FILE_BYTES >> 20} MB")
    try:
        # Not msgspec: MLflow writes NaN and Infinity as Python does.
        return json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise InvalidModel(str(file), f"it is no JSON: {error}") from None


def _kept(data: Any) -> _Kept:
    kind = type(data)
    root = kind.__module__.split(".")[0]
    if root == "polars":
        data = data.to_pandas()
        root = "pandas"
    if root == "pandas":
        if kind.__name__ == "Series":
            data = data.to_frame(data.name if data.name is not None else 0)
        return _frame(data)
    if root == "scipy":
        return _sparse(data)
    data = _tensor_as_array(data)
    if _is_array(data):
        return _Kept(_array_info(data), data.tolist(), {"inputs": data.tolist()})
    if isinstance(data, dict) and any(_is_array(value) for value in data.values()):
        if not all(_is_array(value) for value in data.values()):
            raise InvalidInput("An input example of arrays by name must have arrays only.")
        lists = {name: array.tolist() for name, array in data.items()}
        dtypes = {name: str(array.dtype) for name, array in data.items()}
        return _Kept({"type": "ndarray", "dtypes": dtypes}, lists, {"inputs": lists})
    plain = msgspec.to_builtins(data, enc_hook=_plain) if not _is_scalar(data) else data
    return _Kept({"type": "json_object"}, plain, {"inputs": plain})


def _is_scalar(data: Any) -> bool:
    return isinstance(data, str | int | float | bool | datetime | bytes)


def _is_array(data: Any) -> bool:
    return type(data).__module__ == "numpy" and type(data).__name__ == "ndarray"


def _tensor_as_array(data: Any) -> Any:
    root = type(data).__module__.split(".")[0]
    if root == "torch":
        return data.detach().cpu().numpy()
    if root in ("tensorflow", "jax", "jaxlib"):
        import numpy as np

        return np.asarray(data)
    return data


def _array_info(array: Any) -> dict[str, Any]:
    # The tf-serving form that MLflow names is what its loader expects of an array.
    return {"type": "ndarray", "format": "tf-serving", "dtypes": str(array.dtype)}


def _frame(frame: Any) -> _Kept:
    columns = [str(name) for name in frame.columns]
    plain = frame.astype(object).where(frame.notna(), None)
    split: dict[str, Any] = {"data": plain.to_numpy().tolist()}
    named = any(not isinstance(name, int) for name in frame.columns)
    if named:
        split = {"columns": columns, **split}
    info: dict[str, Any] = {
        "type": "dataframe",
        "pandas_orient": "split" if named else "values",
        "dtypes": [str(dtype) for dtype in frame.dtypes],
    }
    binary = [
        i for i, name in enumerate(frame.columns) if _first_value_is(frame[name], bytes | bytearray)
    ]
    if binary:
        info["binary"] = binary
    return _Kept(info, split, {"dataframe_split": split})


def _first_value_is(column: Any, kinds: Any) -> bool:
    if column.dtype != object:
        return False
    present = column.dropna()
    return len(present) > 0 and isinstance(present.iloc[0], kinds)


def _sparse(matrix: Any) -> _Kept:
    kind = getattr(matrix, "format", "")
    if kind not in ("csr", "csc"):
        raise InvalidInput("A sparse input example must be a CSR or CSC matrix.")
    content = {
        "data": matrix.data.tolist(),
        "indices": matrix.indices.tolist(),
        "indptr": matrix.indptr.tolist(),
        "shape": list(matrix.shape),
    }
    info = {"type": f"sparse_matrix_{kind}", "dtypes": str(matrix.dtype)}
    return _Kept(info, content, {"inputs": matrix.toarray().tolist()})


def _to_json(content: Any, *, indent: int | None = None) -> str:
    return json.dumps(content, default=_plain, indent=indent, ensure_ascii=False)


def _plain(value: Any) -> Any:
    """JSON's form of what JSON has no type for."""
    if isinstance(value, bytes | bytearray):
        return base64.b64encode(value).decode()
    if isinstance(value, datetime | date):
        return value.isoformat()
    if hasattr(value, "tolist"):
        return value.tolist()
    if hasattr(value, "model_dump"):
        return value.model_dump()
    if hasattr(value, "__dataclass_fields__"):
        return {name: getattr(value, name) for name in value.__dataclass_fields__}
    raise InvalidInput(
        f"An input example can't hold {type(value).__name__}: give a DataFrame, an array, a list,"
        " a dict or plain values."
    )


def _restored(content: Any, facts: Mapping[str, Any]) -> Any:
    kind = facts.get("type")
    dtypes = facts.get("dtypes")
    if kind == "json_object":
        return content
    if kind == "dataframe":
        return _restored_frame(content, facts)
    import numpy as np

    if kind == "ndarray":
        if isinstance(content, dict) and "inputs" in content and not isinstance(dtypes, dict):
            content = content["inputs"]
        if isinstance(content, dict):
            named = dtypes or {}
            return {name: np.array(rows, named.get(name)) for name, rows in content.items()}
        return np.array(content, dtypes)
    if kind in ("sparse_matrix_csr", "sparse_matrix_csc"):
        from scipy import sparse

        make = sparse.csr_matrix if kind.endswith("csr") else sparse.csc_matrix
        parts = (
            np.array(content["data"], dtypes),
            np.array(content["indices"], np.int32),
            np.array(content["indptr"], np.int32),
        )
        return make(parts, shape=tuple(content["shape"]))
    raise ValueError(f"its kind {kind!r} is unknown")


def _restored_frame(content: Any, facts: Mapping[str, Any]) -> Any:
    import pandas as pd

    columns = content.get("columns") if isinstance(content, dict) else None
    rows = content["data"] if isinstance(content, dict) else content
    frame = pd.DataFrame(rows, columns=columns)
    for index in facts.get("binary") or ():
        frame.isetitem(index, [_bytes(value) for value in frame.iloc[:, index]])
    for index, dtype in enumerate(facts.get("dtypes") or ()):
        column = frame.iloc[:, index]
        if str(column.dtype) != dtype and dtype != "object":
            frame.isetitem(index, _cast(column, dtype))
    return frame


def _cast(column: Any, dtype: str) -> Any:
    import pandas as pd

    if dtype.startswith("datetime64"):
        return pd.to_datetime(column).astype(dtype)
    return column.astype(dtype)


def _bytes(value: Any) -> Any:
    return base64.b64decode(value) if isinstance(value, str) else value
