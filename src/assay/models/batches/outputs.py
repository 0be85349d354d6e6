"""Predictions of a chunk as an Arrow table: a column for each output.

One output is the column ``prediction``; those of frames, dicts and lists of dicts keep their names;
the columns of an array are ``prediction_0``, ``prediction_1``, …; what has more axes is a column of
lists.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from assay.errors import InvalidInput
from assay.models.batches.reading import pyarrow
from assay.models.signatures.data_types import DataType
from assay.models.signatures.schema import Schema

PREDICTION: Final = "prediction"
_MAX_COLUMNS: Final = 1_000
"""An array with more columns (an embedding) becomes one column of lists."""


def output_table(output: Any, rows: int) -> Any:
    """The table of what ``predict`` gave for ``rows`` rows.

    Raises:
        InvalidInput: it has another number of rows, or no form that a table takes.
    """
    pa = pyarrow()
    try:
        table = pa.table(_columns(_plain(output)))
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
        raise InvalidInput(
            f"The predictions ({type(output).__name__}) can't become columns: {error}"
        ) from error
    if table.num_rows != rows:
        raise InvalidInput(
            f"The model gave {table.num_rows} predictions for {rows} rows; in files there must be"
            " one for each row."
        )
    return table


def no_outputs(schema: Schema | None) -> Any:
    """The table of a file without rows, with the columns that the signature tells."""
    pa = pyarrow()
    names: list[str] = [PREDICTION]
    types: list[Any] = [pa.null()]
    if schema is not None and not schema.is_tensor_spec():
        kinds = schema.input_types()
        if schema.has_input_names():
            names = [str(name) for name in schema.input_names()]
            types = [pa.null()] * len(names)
        for place, kind in enumerate(kinds[: len(names)]):
            if isinstance(kind, DataType) and kind is not DataType.datetime:
                types[place] = pa.from_numpy_dtype(kind.to_numpy())
    fields = [pa.field(name, kind) for name, kind in zip(names, types, strict=True)]
    return pa.schema(fields).empty_table()


def _plain(output: Any) -> Any:
    """Predictions of the frameworks as arrays, Arrow tables, or Python's own."""
    root = type(output).__module__.split(".")[0]
    if root == "torch":
        return output.detach().cpu().numpy()
    if root == "scipy":
        return output.toarray()
    if root in ("tensorflow", "jax", "jaxlib", "keras"):
        import numpy as np

        return np.asarray(output)
    if root == "polars":
        return output.to_arrow()
    return output


def _columns(output: Any) -> dict[str, Any]:
    kind = type(output).__name__
    root = type(output).__module__.split(".")[0]
    if root == "pandas" and kind == "DataFrame":
        return _of_frame(output)
    if root == "pyarrow" and kind == "Table":
        return {name: output[name] for name in output.column_names}
    if isinstance(output, Mapping):
        return _of_mapping(output)
    if root == "numpy" and kind in ("ndarray", "matrix"):
        return _of_array(output, PREDICTION)
    if isinstance(output, list | tuple):
        return _of_list(list(output))
    if root in ("pandas", "pyarrow"):
        return {PREDICTION: _array(output)}
    if hasattr(output, "__array__"):
        import numpy as np

        return _of_array(np.asarray(output), PREDICTION)
    raise InvalidInput(
        f"Predictions of a file must be one for each row, as an array, a frame or a list; the model"
        f" gave {kind}."
    )


def _of_frame(frame: Any) -> dict[str, Any]:
    # A frame with the one column 0 is what some models make of an array.
    if [*frame.columns] == [0]:
        return {PREDICTION: _array(frame.iloc[:, 0])}
    names = [f"{PREDICTION}_{n}" if isinstance(n, int) else str(n) for n in frame.columns]
    if len(set(names)) < len(names):
        raise InvalidInput("The predictions have a column of the same name more than once.")
    return {name: _array(frame.iloc[:, place]) for place, name in enumerate(names)}


def _of_mapping(output: Mapping[Any, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, values in output.items():
        plain = _plain(values)
        if type(plain).__module__.split(".")[0] == "numpy":
            found.update(_of_array(plain, str(name)))
        else:
            found[str(name)] = _array(plain)
    return found


def _of_array(array: Any, name: str) -> dict[str, Any]:
    if array.ndim == 1:
        return {name: _array(array)}
    if array.ndim == 0:
        raise InvalidInput("Predictions of a file must be one for each row; the model gave one.")
    width = array.shape[1]
    if array.ndim == 2 and width == 1:
        return {name: _array(array[:, 0])}
    if array.ndim == 2 and width <= _MAX_COLUMNS:
        return {f"{name}_{place}": _array(array[:, place]) for place in range(width)}
    return {name: pyarrow().array(array.tolist())}


def _of_list(rows: list[Any]) -> dict[str, Any]:
    if rows and all(isinstance(row, Mapping) for row in rows):
        names = dict.fromkeys(name for row in rows for name in row)
        return {str(name): _array([row.get(name) for row in rows]) for name in names}
    return {PREDICTION: _array([_cell(row) for row in rows])}


def _cell(value: Any) -> Any:
    plain = _plain(value)
    if type(plain).__module__.split(".")[0] == "numpy":
        return plain.tolist()
    return plain


def _array(values: Any) -> Any:
    pa = pyarrow()
    made = (
        values
        if isinstance(values, pa.ChunkedArray | pa.Array)
        else pa.array(values, from_pandas=False)
    )
    # Text of pandas 3 is large_string, which CSV and other readers know less well.
    return made.cast(pa.string()) if made.type == pa.large_string() else made
