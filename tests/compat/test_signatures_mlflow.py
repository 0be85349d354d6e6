"""Signatures beside those of the real MLflow: what is inferred, written, read and let through."""

from __future__ import annotations

import datetime
import logging
import warnings
from collections.abc import Iterator
from typing import Any

import mlflow.models
import numpy as np
import pandas as pd
import pydantic
import pytest
from mlflow.exceptions import MlflowException
from mlflow.models.signature import ModelSignature as MlflowSignature
from mlflow.models.utils import _enforce_schema
from mlflow.types.type_hints import _infer_schema_from_list_type_hint
from scipy import sparse

from assay.errors import InvalidInput, SignatureMismatch
from assay.models.signatures.enforce import enforce
from assay.models.signatures.infer import infer_schema, infer_signature
from assay.models.signatures.schema import Signature
from assay.models.signatures.type_hints import schema_from_type_hint

pytestmark = pytest.mark.mlflow


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """MLflow warns of every integer column, and logs what it gives up."""
    logger = logging.getLogger("mlflow")
    level = logger.level
    logger.setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
    logger.setLevel(level)


def _pandas(dtype: str, values: list[Any]) -> pd.DataFrame:
    return pd.DataFrame({"c": pd.array(values, dtype=dtype)})


MOMENT = datetime.datetime(2024, 1, 2, 3, 4, 5)

DATA: dict[str, Any] = {
    "plain frame": pd.DataFrame(
        {
            "i": [1, 2],
            "f": [0.5, np.nan],
            "s": ["x", None],
            "b": [True, False],
            "t": pd.to_datetime(["2024-01-01", None]),
            "y": [b"x", b"y"],
        }
    ),
    "small dtypes": pd.DataFrame(
        {
            kind: np.array([1, 2], kind)
            for kind in ("int8", "int16", "uint8", "uint16", "uint32", "float16", "float32")
        }
    ),
    "Int64": _pandas("Int64", [1, None]),
    "boolean": _pandas("boolean", [True, None]),
    "Float32": _pandas("Float32", [1.5, None]),
    "string": _pandas("string", ["a", None]),
    "categories": pd.DataFrame({"s": pd.Categorical(["x", "y"]), "i": pd.Categorical([1, 2])}),
    "nested": pd.DataFrame(
        {
            "l": [[1], [2, 3]],
            "o": [{"a": 1}, {"a": 2, "b": "x"}],
            "n": [None, [1.0]],
            "ll": [[["a"]], [[]]],
            "arrays": [np.array([1.0]), np.array([2.0, 3.0])],
        }
    ),
    "columns of numbers": pd.DataFrame([[1, 2.0]]),
    "no rows": pd.DataFrame({"a": pd.Series([], dtype=object)}),
    "no values": pd.DataFrame({"a": [None, None]}),
    "dates": pd.DataFrame(
        {
            "d": [datetime.date(2024, 1, 1)],
            "t": [MOMENT],
            "z": pd.to_datetime(["2024-01-01"]).tz_localize("UTC"),
        }
    ),
    "series": pd.Series([1.0, 2.0], name="y"),
    "series without a name": pd.Series([1, 2]),
    "series of texts": pd.Series(["a", "b"]),
    "array": np.zeros((3, 4), np.float32),
    "array of texts": np.array(["a", "bb"]),
    "array of objects": np.array(["a", 1], dtype=object),
    "array of three axes": np.zeros((2, 3, 4), int),
    "array of bytes": np.array([b"a"]),
    "arrays by name": {"a": np.zeros((2, 3)), "b": np.array(["x"])},
    "csr": sparse.csr_matrix(np.eye(3)),
    "csc": sparse.csc_matrix(np.eye(3, dtype=np.float32)),
    "rows": [{"a": 1, "b": "x"}, {"a": None, "b": "y", "c": [1.0]}],
    "rows of objects": [{"a": {"k": 1}}, {"a": {"k": 2, "j": None}}],
    "rows of lists": [{"a": [1]}, {"a": []}],
    "rows of nothing": [{"a": None}],
    "texts": ["a", "b"],
    "numbers": [1, 2],
    "number and nothing": [1, None],
    "lists": [[1, 2], [3]],
    "lists of objects": [[{"a": 1}], [{"a": 2, "b": 3}]],
    "empty list": [],
    "empty dict": {},
    "mixed list": [1, "a"],
    "dict": {"a": 1, "b": "x", "c": None, "d": [1, None], "e": [], "f": {}, "g": [[1.0], []]},
    "dict with an array": {"a": np.array([1.0]), "b": "x"},
    "text": "x",
    "integer": 1,
    "float": 1.5,
    "truth": True,
    "bytes": b"x",
    "NumPy's float32": np.float32(1),
    "NumPy's int32": np.int32(3),
    "datetime": MOMENT,
    "date": datetime.date(2024, 1, 1),
}

PARAMS: list[dict[str, Any]] = [
    {"a": 1, "b": "x", "c": 1.5, "d": True, "e": [1, 2], "f": ["a"], "g": [1.0, 2]},
    {"t": MOMENT, "d": datetime.date(2024, 1, 2), "l": [datetime.date(2024, 1, 2)]},
    {"o": {"a": 1, "b": ["x"]}},
    {"n": np.float32(1.5), "m": np.int64(3), "l": np.array([1, 2])},
]


@pytest.mark.parametrize("name", DATA)
def test_inferred_signature_is_mlflows(name: str) -> None:
    data = DATA[name]

    theirs = mlflow.models.infer_signature(data, data)

    assert infer_signature(data, data).to_dict() == theirs.to_dict()


@pytest.mark.parametrize("params", PARAMS)
def test_inferred_params_are_mlflows(params: dict[str, Any]) -> None:
    theirs = mlflow.models.infer_signature(params=params)

    assert infer_signature(params=params).to_dict() == theirs.to_dict()


@pytest.mark.parametrize(
    "data",
    [
        pytest.param({"t": pd.Timestamp(MOMENT)}, id="pandas' moment"),
        pytest.param([{"i": np.int8(1)}], id="small integers in rows"),
        pytest.param(pd.DataFrame({"a": [1, "x"], "b": [1, 2]}), id="one mixed column"),
        pytest.param(pd.DataFrame({"a": [(1, 2)]}), id="tuples"),
        pytest.param(pd.DataFrame({"a": np.array([1], "uint64")}), id="uint64"),
        pytest.param(pd.Series([1.0, None]), id="missing value without a name"),
    ],
)
def test_what_mlflow_gives_up_keeps_its_types(data: Any) -> None:
    theirs = mlflow.models.infer_signature(data)
    ours = infer_signature(data)

    assert theirs.to_dict()["inputs"] == '[{"type": "any", "required": true}]'
    assert ours.to_dict() != theirs.to_dict()
    assert MlflowSignature.from_dict(ours.to_dict()).to_dict() == ours.to_dict()


@pytest.mark.parametrize("name", DATA)
def test_either_reads_what_the_other_writes(name: str) -> None:
    ours = infer_signature(DATA[name], params=PARAMS[0])
    theirs = MlflowSignature.from_dict(ours.to_dict())

    assert theirs.to_dict() == ours.to_dict()
    assert Signature.from_dict(theirs.to_dict()) == ours
    assert repr(theirs) == repr(ours)
    assert theirs.inputs.input_names() == (ours.inputs.input_names() if ours.inputs else None)


FRAMES = [
    name
    for name, data in DATA.items()
    # MLflow refuses the very frames that it inferred these from, or casts their zone away.
    if isinstance(data, pd.DataFrame)
    and name not in ("categories", "dates", "no values", "boolean", "string", "Int64", "nested")
]


@pytest.mark.parametrize("name", FRAMES)
def test_both_let_the_same_frame_through(name: str) -> None:
    frame = DATA[name]
    ours = infer_signature(frame)

    theirs = _enforce_schema(frame, MlflowSignature.from_dict(ours.to_dict()).inputs)

    assert ours.inputs is not None
    out = enforce(frame, ours.inputs)
    # MLflow casts moments to nanoseconds; here they keep their unit.
    pd.testing.assert_frame_equal(out.astype(theirs.dtypes.to_dict()), theirs)


@pytest.mark.parametrize("name", ["categories", "Int64", "boolean", "nested", "no values"])
def test_frame_fits_the_signature_inferred_from_it(name: str) -> None:
    frame = DATA[name]

    assert enforce(frame, infer_schema(frame)) is frame


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([0.5], "long"),
        ([True], "long"),
        ([True], "double"),
        ([1], "boolean"),
        (["a"], "double"),
        ([1], "string"),
        ([0.1], "float"),
        ([2**53 + 1], "double"),
        ([1], "datetime"),
    ],
)
def test_both_refuse_what_would_change_a_value(values: list[Any], kind: str) -> None:
    inputs = f'[{{"type": "{kind}", "name": "c", "required": true}}]'
    frame = pd.DataFrame({"c": values})

    with pytest.raises(MlflowException):
        _enforce_schema(frame, MlflowSignature.from_dict({"inputs": inputs}).inputs)
    with pytest.raises(SignatureMismatch):
        enforce(frame, infer_schema(frame).from_json(inputs))


class Person(pydantic.BaseModel):
    name: str
    age: int = 3
    nick: str | None = None
    tags: list[dict[str, float]] = []


@pytest.mark.parametrize(
    "hint",
    [
        list[str],
        list[int],
        list[float],
        list[bytes],
        list[datetime.datetime],
        list[list[bool]],
        list[dict[str, float]],
        list[dict[str, list[str]]],
        list[int | str],
        list[Any],
        list[Person],
    ],
)
def test_type_hint_gives_mlflows_schema(hint: Any) -> None:
    theirs = _infer_schema_from_list_type_hint(hint)

    assert schema_from_type_hint(hint).to_json() == theirs.to_json()


@pytest.mark.parametrize("hint", [list, list[str | None], list[dict[int, str]], list[set], str])
def test_both_refuse_the_same_hints(hint: Any) -> None:
    with pytest.raises(MlflowException):
        _infer_schema_from_list_type_hint(hint)
    with pytest.raises(InvalidInput):
        schema_from_type_hint(hint)
