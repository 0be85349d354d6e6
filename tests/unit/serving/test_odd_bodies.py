"""Odd requests to models of columns and of tensors: refused for what is wrong, never a 500."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, MutableMapping
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

import assay
from assay.serving.app import Application
from assay.serving.gaps import gap_in
from assay.serving.host import Host
from assay.serving.process.plan import Plan, Route, Version
from assay.serving.settings import ServingSettings


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    """The event loop of the module's application."""
    with asyncio.Runner() as made:
        yield made


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory, runner: asyncio.Runner) -> Iterator[Application]:
    """An application in this process, with a model of columns and one of tensors."""
    folder = tmp_path_factory.mktemp("models")
    frame = pd.DataFrame({"a": [1.0, 2.0], "b": [0.0, 1.0]})
    for name, example in (("columns", frame), ("tensor", frame.to_numpy())):
        assay.sklearn.save_model(
            LogisticRegression().fit(example, [0, 1]),
            folder / name,
            input_example=example,
            pip_requirements=["scikit-learn"],
        )
    names = ("columns", "tensor")
    versions = [Version(key=name, name=name, folder=str(folder / name)) for name in names]
    routes = [Route(name=name, source=name, main=name) for name in names]
    host = Host(ServingSettings())
    assert runner.run(host.prepare(Plan(number=1, versions=versions, routes=routes))) == {}
    host.use(1)
    yield Application(host)
    host.close()


def _post(runner: asyncio.Runner, app: Application, path: str, body: Any) -> tuple[int, Any]:
    sent: list[MutableMapping[str, Any]] = []
    scope = {
        "type": "http",
        "method": "POST",
        "path": path,
        "query_string": b"",
        "headers": [(b"host", b"localhost"), (b"content-type", b"application/json")],
    }

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": json.dumps(body).encode(), "more_body": False}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    runner.run(app(scope, receive, send))
    return sent[0]["status"], json.loads(sent[1]["body"])


def test_a_good_request_is_answered(runner: asyncio.Runner, app: Application) -> None:
    body = {"dataframe_split": {"columns": ["a", "b"], "data": [[1, 2]], "index": [7]}}

    assert _post(runner, app, "/models/columns/invocations", body)[0] == 200


@pytest.mark.parametrize(
    "split",
    [
        {"columns": ["a", "b"], "data": [[]]},
        {"columns": ["a", "b"], "data": [[1, 2], [1]]},
        {"columns": ["a", "b"], "data": [[1, 2], []]},
        {"columns": ["a", "b"], "data": {"a": [1], "b": [2]}},
        {"columns": ["a", "b"], "data": ["ab"]},
        {"columns": ["a", "b"], "data": [[1, 2]], "index": [1, 2, 3]},
        {"columns": [["a"], ["b"]], "data": [[1, 2]]},
        {"columns": [{}, {}], "data": [[1, 2]]},
        {"data": [[1, 2]]},
    ],
)
def test_rows_that_are_none_are_refused(
    runner: asyncio.Runner, app: Application, split: Any
) -> None:
    status, told = _post(runner, app, "/models/columns/invocations", {"dataframe_split": split})

    assert status == 400, told
    assert told["message"]


@pytest.mark.parametrize(
    "tensor",
    [
        {"shape": [], "datatype": "FP64", "data": 1},
        {"shape": [], "datatype": "BOOL", "data": False},
        {"shape": [1], "datatype": "FP64", "data": [1]},
        {"shape": [1, 3], "datatype": "FP64", "data": [1, 2, 3]},
        {"shape": [2, 2, 1], "datatype": "FP64", "data": [1, 2, 3, 4]},
        {"shape": [1, 2], "datatype": "BYTES", "data": ["a", "b"]},
        {"shape": [2**40, 2**40], "datatype": "FP64", "data": []},
    ],
)
@pytest.mark.parametrize("model", ["columns", "tensor"])
def test_tensors_of_other_shapes_are_refused(
    runner: asyncio.Runner, app: Application, tensor: Any, model: str
) -> None:
    body = {"inputs": [{"name": "x", **tensor}]}

    status, told = _post(runner, app, f"/v2/models/{model}/infer", body)

    assert status == 400, told
    assert told["error"]


def test_scalars_are_refused_where_rows_are_wanted(
    runner: asyncio.Runner, app: Application
) -> None:
    for content in (5, "x", None, True, []):
        status, _ = _post(runner, app, "/models/tensor/invocations", {"inputs": content})
        assert status == 400, content


def test_numbers_beyond_63_bits_are_exact() -> None:
    from assay.serving.protocols.tensors import Tensor, to_array

    given = [2**63, 2, 2**64 - 1]

    assert to_array(Tensor("x", [3], "UINT64", given), None).tolist() == given
    assert to_array(Tensor("x", [3], "UINT64", given), None).dtype == np.uint64


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ({"a": [1, None], "b": [1, 2]}, "missing values in 'a'"),
        ([{"a": 1}, {"a": float("nan"), "b": 2}], "missing values in 'a', 'b'"),
        (pd.DataFrame({"a": [1.0], "b": [None]}), "missing values in 'b'"),
        (np.array([[1.0, np.nan]]), "missing values in 'the input'"),
        ({"a": [], "b": []}, "no rows"),
        (pd.DataFrame({"a": []}), "no rows"),
        (np.zeros((0, 2)), "no rows"),
        ({"a": [1], "b": ["x"]}, None),
        ([[1, 2], ["x"]], None),
        ("text", None),
    ],
)
def test_gaps_in_data_are_told_by_their_column(data: Any, told: str | None) -> None:
    gap = gap_in(data)

    assert (gap is None) if told is None else (gap is not None and told in gap)


def test_gaps_in_optional_columns_are_none() -> None:
    assert gap_in({"a": [1], "b": [None]}, optional=["b"]) is None
    assert gap_in({"b": [None]}, optional=["b"]) is None


def test_a_model_that_takes_no_gaps_says_where_one_is(
    runner: asyncio.Runner, app: Application
) -> None:
    for body, told in (
        ({"inputs": {"a": [0.0], "b": [None]}}, "missing values in 'b'"),
        ({"dataframe_split": {"columns": ["a", "b"], "data": []}}, "no rows"),
    ):
        status, answer = _post(runner, app, "/models/columns/invocations", body)
        assert (status, told in answer["message"]) == (400, True), answer
