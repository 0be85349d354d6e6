"""Input and output of scoring as MLflow's servers have it: one JSON text in, one out.

``{"dataframe_split": …}``, ``{"dataframe_records": …}``, ``{"instances": …}`` or ``{"inputs": …}``,
each with ``params`` beside it, is what a model is asked; ``{"predictions": …}`` is its answer.
Matched: mlflow/pyfunc/scoring_server of 3.17. A dict with none of the four keys is one record,
where the model's inputs have names.
"""

from __future__ import annotations

import json
from typing import Any, Final

from assay.errors import InvalidInput, MissingExtra
from assay.models.input_example import Example
from assay.models.mlmodel import Model
from assay.models.signatures.data_types import DataType
from assay.models.signatures.schema import Schema

FORMS: Final = ("dataframe_split", "dataframe_records", "instances", "inputs")
"""Keys of which a request has one."""
PARAMS: Final = "params"


def parse_request(text: str | bytes | dict[str, Any], model: Model) -> Example:
    """The data and params that a request holds.

    Raises:
        InvalidInput: it is no JSON, or has none of the forms.
    """
    body = text
    if not isinstance(body, dict):
        try:
            body = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise InvalidInput(f"The input is no JSON: {error}.") from None
    schema = model.get_input_schema()
    found = [key for key in FORMS if isinstance(body, dict) and key in body]
    if not isinstance(body, dict) or len(found) > 1:
        raise InvalidInput(_expected(body))
    if not found:
        return _record(body, model)
    params = body.get(PARAMS)
    if params is not None and not isinstance(params, dict):
        raise InvalidInput(f"The params of the input must be an object, got {params!r}.")
    form = found[0]
    if form.startswith("dataframe"):
        return Example(_frame(form, body[form], schema), params)
    # Where type hints say what comes in, the model makes it of plain values itself.
    plain = model.is_signature_from_type_hint
    return Example(body[form] if plain else _values(form, body[form], schema), params)


def parse_csv(text: bytes, model: Model) -> Example:
    """The rows of a CSV with a header; text stays text where the signature says so.

    Raises:
        InvalidInput: it is no CSV in UTF-8.
    """
    import io

    import pandas as pd

    schema = model.get_input_schema()
    texts = {
        spec.name: str
        for spec in (() if schema is None or schema.is_tensor_spec() else schema)
        if spec.name is not None and spec.type == DataType.string
    }
    try:
        return Example(pd.read_csv(io.BytesIO(text), dtype=texts), None)
    except (ValueError, UnicodeDecodeError) as error:
        raise InvalidInput(f"The input is no CSV with a header: {error}.") from None


def parse_parquet(content: bytes) -> Example:
    """The rows of a Parquet file.

    Raises:
        InvalidInput: it is no Parquet file.
        MissingExtra: PyArrow isn't installed.
    """
    import io

    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise MissingExtra("pyarrow", extra="parquet", purpose="Reading Parquet") from None
    try:
        return Example(pq.read_table(io.BytesIO(content)).to_pandas(), None)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise InvalidInput(f"The input is no Parquet file: {error}.") from None


def answer(predictions: Any) -> str:
    """The JSON text of an answer.

    Raises:
        InvalidInput: predictions of this kind have no JSON form.
    """
    # NaN and Infinity stay as Python writes them: MLflow's clients read them so.
    return json.dumps({"predictions": _jsonable(predictions)}, default=_plain)


def json_text(value: Any) -> str:
    """One value that a model gave, as JSON: a piece of an answer that is streamed.

    Raises:
        InvalidInput: values of this kind have no JSON form.
    """
    return json.dumps(_jsonable(value), default=_plain)


def _expected(body: Any) -> str:
    got = (
        f"the keys {', '.join(map(repr, body))}" if isinstance(body, dict) else type(body).__name__
    )
    return f"The input must be a JSON object with exactly one of {', '.join(FORMS)}; got {got}."


def _record(body: dict[str, Any], model: Model) -> Example:
    schema = model.get_input_schema()
    if schema is None or schema.is_tensor_spec() or not schema.has_input_names():
        raise InvalidInput(_expected(body))
    known = {spec.name for spec in model.get_params_schema() or ()}
    inputs = {name: value for name, value in body.items() if name not in known}
    if not set(inputs) & set(schema.input_names()):
        raise InvalidInput(_expected(body))
    params = {name: value for name, value in body.items() if name in known}
    return Example([inputs], params or None)


def _frame(form: str, content: Any, schema: Schema | None) -> Any:
    import pandas as pd

    is_named = schema is not None and not schema.is_tensor_spec() and schema.has_input_names()
    try:
        if form == "dataframe_records":
            return list(content) if is_named else pd.DataFrame(content)
        rows, columns, index = content["data"], content.get("columns"), content.get("index")
        if is_named and isinstance(columns, list) and len(set(columns)) == len(columns):
            if index is not None and len(index) != len(rows):
                raise ValueError(f"{len(index)} names of rows for {len(rows)} rows")
            # Values as they came: pandas would have made 1.0 of 1 beside a missing value.
            return _columns(rows, columns)
        return pd.DataFrame(rows, columns=columns, index=index)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InvalidInput(f"{form!r} can't be read as rows: {error}.") from None


def _columns(rows: Any, columns: list[Any]) -> dict[Any, list[Any]]:
    if not isinstance(rows, list) or any(
        not isinstance(row, list) or len(row) != len(columns) for row in rows
    ):
        raise ValueError(f"each must be a list of {len(columns)} values, one for each column")
    return {name: [row[at] for row in rows] for at, name in enumerate(columns)}


def _values(form: str, content: Any, schema: Schema | None) -> Any:
    import numpy as np

    if schema is not None and not schema.is_tensor_spec():
        return content
    try:
        if form == "instances" and content and all(isinstance(row, dict) for row in content):
            content = {name: [row[name] for row in content] for name in content[0]}
        if isinstance(content, dict):
            return {name: np.array(values) for name, values in content.items()}
        return np.array(content)
    except (KeyError, ValueError, TypeError) as error:
        raise InvalidInput(f"{form!r} can't be read as arrays: {error!r}.") from None


def _jsonable(predictions: Any) -> Any:
    root = type(predictions).__module__.split(".")[0]
    if root == "polars":
        predictions, root = predictions.to_pandas(), "pandas"
    if root == "pandas":
        if type(predictions).__name__ == "Series":
            predictions = predictions.to_frame()
        return predictions.to_dict(orient="records")
    if isinstance(predictions, dict):
        return {key: _jsonable(value) for key, value in predictions.items()}
    if isinstance(predictions, list | tuple):
        return [_jsonable(value) for value in predictions]
    return predictions


def _plain(value: Any) -> Any:
    root = type(value).__module__.split(".")[0]
    if root == "torch":
        return value.detach().cpu().tolist()
    if root == "scipy":
        return value.toarray().tolist()
    if isinstance(value, bytes | bytearray):
        import base64

        return base64.b64encode(value).decode()
    for method in ("tolist", "isoformat", "model_dump", "to_dict"):
        if hasattr(value, method):
            return getattr(value, method)()
    if hasattr(value, "__array__"):
        import numpy as np

        return np.asarray(value).tolist()
    raise InvalidInput(f"Predictions of {type(value).__name__} have no JSON form.")
