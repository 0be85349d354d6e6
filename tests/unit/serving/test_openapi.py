"""The description of a scoring server: valid, complete, and as strict as the model is."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import pandas as pd
import pytest
import schemathesis
from jsonschema_rs import Draft202012Validator
from sklearn.dummy import DummyClassifier

import assay
from assay.models.signatures.schema import ColSpec, ParamSchema, ParamSpec, Schema, TensorSpec
from assay.serving.app import ROUTES
from assay.serving.host import Host
from assay.serving.page.json_schemas import answer_schema, body_forms
from assay.serving.page.openapi import describe
from assay.serving.process.plan import Plan, Route, Version
from assay.serving.settings import ServingSettings

_NAMES = ("odd {name}% é", "other")


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The description of a server with two models, one of which has an odd name."""
    folder = tmp_path_factory.mktemp("models") / "model"
    frame = pd.DataFrame({"<b>": [1.0, 2.0]})
    assay.sklearn.save_model(
        DummyClassifier().fit(frame, [0, 1]),
        folder,
        input_example=frame,
        pip_requirements=["scikit-learn"],
    )
    versions = [Version(key=name, name=name, folder=str(folder)) for name in _NAMES]
    routes = [Route(name=name, source=str(folder), main=name) for name in _NAMES]

    async def routes_of() -> dict[str, Any]:
        host = Host(ServingSettings())
        assert await host.prepare(Plan(number=1, versions=versions, routes=routes)) == {}
        host.use(1)
        made = describe(host.routes(), needs_token=True)
        host.close()
        return made

    return asyncio.run(routes_of())


def test_description_is_valid(described: dict[str, Any]) -> None:
    schemathesis.openapi.from_dict(described).validate()
    assert described["openapi"] == "3.1.0"


def test_every_route_is_described(described: dict[str, Any]) -> None:
    one = "odd%20%7Bname%7D%25%20%C3%A9"
    # With several models served, /invocations alone names none of them.
    pages = {"/", "/page.js", "/page_fields.js", "/page.css", "/invocations"}
    for route in ROUTES:
        if route.path in pages:
            continue
        path = route.path.replace("{version}", "0")
        fixed = "openapi.json" in path or "repository" in path
        path = path if fixed else path.replace("{name}", one)
        assert route.method.lower() in described["paths"].get(path, {}), route.path
    assert "/invocations" not in described["paths"]


def test_what_is_open_without_a_token_is_said_to_be(described: dict[str, Any]) -> None:
    assert described["security"] == [{"bearer": []}]
    for route in ROUTES:
        operation = described["paths"].get(route.path, {}).get(route.method.lower())
        if operation is not None:
            assert (operation.get("security") == []) == route.is_open, route.path


def _accepts(forms: list[dict[str, Any]], body: Any) -> bool:
    return Draft202012Validator({"oneOf": forms}).is_valid(body)


_COLUMNS = Schema([ColSpec("double", "x"), ColSpec("string", "s", required=False)])
_PARAMS = ParamSchema([ParamSpec("depth", "long", 2), ParamSpec("stop", "string", ["."], (-1,))])


@pytest.mark.parametrize(
    "body",
    [
        {"dataframe_split": {"columns": ["x", "s"], "data": [[1, "a"], [2.5, None]]}},
        {"dataframe_records": [{"x": 1}, {"x": 2, "s": "a", "more": 1}]},
        {"inputs": {"x": [1, 2]}},
        {"inputs": [{"x": 1}], "params": {"depth": 3, "stop": ["a", "b"]}},
    ],
)
def test_what_the_signature_takes_is_described(body: Any) -> None:
    assert _accepts(body_forms(_COLUMNS, _PARAMS), body)


@pytest.mark.parametrize(
    "body",
    [
        {"dataframe_split": {"columns": ["x", "s"], "data": [[1]]}},
        {"dataframe_split": {"columns": ["x", "s"], "data": [["1", "a"]]}},
        {"dataframe_records": [{"s": "a"}]},
        {"dataframe_records": [], "inputs": []},
        {"inputs": [{"x": 1}], "params": {"depth": "deep"}},
        {"inputs": [{"x": 1}], "params": {"width": 1}},
        [],
    ],
)
def test_what_the_signature_refuses_is_not(body: Any) -> None:
    assert not _accepts(body_forms(_COLUMNS, _PARAMS), body)


def test_tensors_are_lists_of_their_shape() -> None:
    forms = body_forms(Schema([TensorSpec(np.dtype("uint8"), (-1, 2))]), None)

    assert _accepts(forms, {"inputs": [[0, 255], [1, 2]]})
    assert _accepts(forms, {"instances": [[0, 255]]})
    for wrong in ([[0, 256]], [[1]], [1, 2], [[0.5, 1]]):
        assert not _accepts(forms, {"inputs": wrong})


def test_named_tensors_travel_by_column_or_by_row() -> None:
    named = [TensorSpec(np.dtype("float32"), (-1, 2), "a"), TensorSpec(np.dtype("?"), (-1,), "b")]
    forms = body_forms(Schema(named), None)

    assert _accepts(forms, {"inputs": {"a": [[1, 2]], "b": [True]}})
    assert _accepts(forms, {"instances": [{"a": [1, 2], "b": True}]})
    assert not _accepts(forms, {"inputs": {"a": [[1, 2]]}})


def test_answers_of_several_columns_are_rows() -> None:
    outputs = Schema([ColSpec("long", "label"), ColSpec("double", "sure")])
    validator = Draft202012Validator(answer_schema(outputs))

    assert validator.is_valid({"predictions": [{"label": 1, "sure": 0.5}]})
    assert not validator.is_valid({"predictions": [{"label": "one"}]})


def test_a_model_without_a_signature_takes_all_forms() -> None:
    forms = body_forms(None, None)

    assert [form["title"] for form in forms] == [
        "dataframe_split",
        "dataframe_records",
        "inputs",
        "instances",
    ]
    assert _accepts(forms, {"inputs": "anything"})
