from __future__ import annotations

import dataclasses
import datetime
import enum
import logging
from typing import Annotated, Any, Literal, NewType, NotRequired, TypedDict

import numpy as np
import pandas as pd
import pydantic
import pytest

from assay.errors import InvalidInput
from assay.models.signatures.data_types import (
    AnyType,
    Array,
    ColumnType,
    DataType,
    Map,
    Object,
    Property,
)
from assay.models.signatures.schema import ColSpec, Schema
from assay.models.signatures.type_hints import (
    hints_of_predict,
    schema_from_type_hint,
    signature_from_type_hints,
)


class Person(pydantic.BaseModel):
    name: str
    age: int = 3
    nick: str | None = None
    tags: list[dict[str, float]] = []


@dataclasses.dataclass
class Point:
    x: float
    y: float | None


class Row(TypedDict):
    id: int
    note: NotRequired[str]


@dataclasses.dataclass
class Node:
    children: list[Node]


class Colour(enum.Enum):
    RED = 1


UserId = NewType("UserId", int)


@pytest.mark.parametrize(
    ("hint", "kind"),
    [
        (list[str], DataType.string),
        (list[int], DataType.long),
        (list[float], DataType.double),
        (list[bool], DataType.boolean),
        (list[bytes], DataType.binary),
        (list[datetime.datetime], DataType.datetime),
        (list[Any], AnyType()),
        (list[list[str]], Array("string")),
        (list[tuple[int, ...]], Array("long")),
        (list[dict[str, float]], Map("double")),
        (list[dict[str, list[Any]]], Map(Array(AnyType()))),
        (list[int | str], AnyType()),
        (list[UserId], DataType.long),
        (list[Annotated[str, "text"]], DataType.string),
        (list[Literal["a", "b"]], DataType.string),
        (list[Literal["a", 1]], AnyType()),
        (
            list[Person],
            Object(
                [
                    Property("name", "string"),
                    Property("age", "long"),
                    Property("nick", "string", required=False),
                    Property("tags", Array(Map("double"))),
                ]
            ),
        ),
        (
            list[Point],
            Object([Property("x", "double"), Property("y", "double", required=False)]),
        ),
        (
            list[Row],
            Object([Property("id", "long"), Property("note", "string", required=False)]),
        ),
    ],
)
def test_items_of_the_list_are_the_type_of_the_column(hint: Any, kind: ColumnType) -> None:
    assert schema_from_type_hint(hint) == Schema([ColSpec(kind)])


@pytest.mark.parametrize(
    ("hint", "message"),
    [
        (str, r"write list\[str\] instead of str"),
        (dict[str, int], r"list\[dict\[str, int\]\]"),
        (list, "must name the one type of its items"),
        (list[str | None], "can't be optional"),
        (list[str] | None, "must be a list"),
        (list[dict[int, str]], "must be str"),
        (list[set], "No type of a signature describes set"),
        (list[Colour], "describes Colour"),
        (list[pd.DataFrame], "describes DataFrame"),
        (list[Node], "refers to itself"),
        (list[tuple[int, str]], "must name the one type"),
    ],
)
def test_hint_that_no_schema_describes_is_refused(hint: Any, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        schema_from_type_hint(hint)


def test_optional_pydantic_field_needs_a_default() -> None:
    class Loose(pydantic.BaseModel):
        name: str | None

    with pytest.raises(InvalidInput, match=r"'name' of .*Loose has no default"):
        schema_from_type_hint(list[Loose])


def test_signature_of_a_function() -> None:
    def predict(model_input: list[str]) -> list[dict[str, float]]:
        return []

    signature = signature_from_type_hints(predict)

    assert signature is not None
    assert signature.inputs == Schema([ColSpec("string")])
    assert signature.outputs == Schema([ColSpec(Map("double"))])


def test_output_without_a_usable_hint_is_any() -> None:
    def bare(model_input: list[str]):  # type: ignore[no-untyped-def]
        return None

    def arrays(model_input: list[str]) -> np.ndarray:
        return np.zeros(1)

    def one(model_input: list[str]) -> str:
        return ""

    def maybe(model_input: list[str]) -> str | None:
        return ""

    outputs = [signature_from_type_hints(f) for f in (bare, arrays, one, maybe)]

    assert [s.outputs.input_types() for s in outputs if s and s.outputs] == [
        [AnyType()],
        [AnyType()],
        [DataType.string],
        [AnyType()],
    ]


def test_input_is_found_after_self_and_context() -> None:
    class Model:
        def predict(self, context: Any, model_input: list[int], params: Any = None) -> list[int]:
            return model_input

    class Short:
        def predict(self, model_input: list[int], params: Any = None) -> list[int]:
            return model_input

    class Called:
        def __call__(self, rows: list[int]) -> list[int]:
            return rows

    for function in (Model().predict, Model.predict, Short().predict, Short.predict, Called()):
        assert hints_of_predict(function).input == list[int]


def test_frames_and_absent_hints_give_no_signature(caplog: pytest.LogCaptureFixture) -> None:
    def frame(model_input: pd.DataFrame) -> pd.DataFrame:
        return model_input

    def bare(model_input, params=None):  # type: ignore[no-untyped-def]
        return model_input

    with caplog.at_level(logging.INFO):
        assert signature_from_type_hints(frame) is None
        assert signature_from_type_hints(bare) is None
    assert not caplog.records


def test_unusable_hint_gives_no_signature_and_the_log_says_why(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def predict(model_input: str) -> str:
        return model_input

    def unknown(model_input: "list[Nowhere]") -> str:  # type: ignore[name-defined] # noqa: F821, UP037
        return ""

    assert signature_from_type_hints(predict) is None
    assert "list[str]" in caplog.text
    assert signature_from_type_hints(unknown) is None
    assert "Nowhere" in caplog.text
