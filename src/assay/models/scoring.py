"""Input and output of scoring as MLflow's servers have it: one JSON text in, one out.

``{"dataframe_split": …}``, ``{"dataframe_records": …}``, ``{"instances": …}`` or ``{"inputs": …}``,
each with ``params`` beside it, is what a model is asked; ``{"predictions": …}`` is its answer.
Matched: mlflow/pyfunc/scoring_server of 3.17. A dict with none of the four keys is one record,
where the model's inputs have names.
"""

from __future__ import annotations

import json
from typing import Any, Final

from assay.errors import InvalidInput
from assay.models.input_example import Example
from assay.models.mlmodel import Model
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


def answer(predictions: Any) -> str:
    """The JSON text of an answer.

    Raises:
        InvalidInput: predictions of this kind have no JSON form.
    """
    # NaN and Infinity stay as Python writes them: MLflow's clients read them so.
    return json.dumps({"predictions": _jsonable(predictions)}, default=_plain)


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

    try:
        if form == "dataframe_records":
            if schema is not None and schema.has_input_names() and not schema.is_tensor_spec():
                return list(content)
            return pd.DataFrame(content)
        frame = pd.DataFrame(content["data"], columns=content.get("columns"))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InvalidInput(f"{form!r} can't be read as rows: {error}.") from None
    if "index" in content:
        frame.index = pd.Index(content["index"])
    if schema is not None and not schema.is_tensor_spec() and schema.has_input_names():
        # Values as they came: pandas would have made 1.0 of 1 beside a missing value.
        columns = list(frame.columns)
        if len(set(columns)) == len(columns):
            cells = zip(*content["data"], strict=True) if content["data"] else [()] * len(columns)
            return {name: list(column) for name, column in zip(columns, cells, strict=True)}
    return frame


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
