"""The scoring server's other faces: its description, streams, models loaded by request, and what it
does about clients and models that are slow, hang or die.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings

import assay
from assay.models.signatures.schema import ColSpec, Schema, Signature
from assay.pyfunc import PythonModel
from tests.e2e.test_serving import Registry
from tests.services.mlflow_client import ROOT
from tests.services.scoring import ScoringServer, free_port, wait_until

_TIMEOUT_S = 2.5
_TOKEN = "a-token-of-some-length"
_BEARER = {"authorization": f"Bearer {_TOKEN}"}
_ROW = {"dataframe_split": {"columns": ["a", "b"], "data": [[3.0, 3.0]]}}
_HEAD = "POST /invocations HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"


class Acts(PythonModel):
    """Does what its input says."""

    def predict(self, context: Any, model_input: pd.DataFrame, params: Any = None) -> Any:
        what = model_input["text"][0]
        if what == "hang":
            time.sleep(3_600)
        if what == "exit":
            os._exit(3)
        if what == "long":
            return ["x" * 8_000_000]
        return [os.getpid() if what == "who" else 0] * len(model_input)

    def predict_stream(self, context: Any, model_input: dict[str, Any], params: Any = None) -> Any:
        what = model_input["text"]
        if what == "fail at once":
            raise RuntimeError("secret of the model")
        try:
            for number in range(1_000_000):
                if number == 2 and what == "fail":
                    raise RuntimeError("secret of the model")
                if number == 2 and what == "hang":
                    time.sleep(2 * _TIMEOUT_S)
                if number == 3 and what == "three":
                    return
                yield {"number": number, "text": "x" * 200_000 if what == "unread" else "a\nb"}
        finally:
            Path(f"closed {what}").touch()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ScoringServer]:
    folder = tmp_path_factory.mktemp("acts")
    columns = Schema([ColSpec("string", "text"), ColSpec("double", "x", required=False)])
    assay.pyfunc.save_model(
        folder / "acts",
        python_model=Acts(),
        signature=Signature(columns, Schema([ColSpec("long")])),
        input_example=pd.DataFrame({"text": ["three"], "x": [1.5]}),
        pip_requirements=["pandas"],
    )
    options = ("--env-manager", "local", "--trust", "--workers", "2", "--threads", "1")
    options = (*options, "--timeout", str(_TIMEOUT_S))
    logging = ("--log-predictions", str(folder / "log"), "--log-every", "0.1")
    options = (*options, *logging, "--log-redact", "text")
    path = os.pathsep.join([str(ROOT), *sys.path])
    with ScoringServer(folder, str(folder / "acts"), options=options, PYTHONPATH=path) as running:
        yield running


def _body(text: str, **more: Any) -> dict[str, Any]:
    return {"dataframe_records": [{"text": text}], **more}


def _connect(server: ScoringServer) -> socket.socket:
    parts = urlsplit(server.url)
    assert parts.hostname is not None
    made = socket.create_connection((parts.hostname, parts.port or 0), timeout=10)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    return made


def _send(connection: socket.socket, body: Any, *, request_id: str = "") -> None:
    content = json.dumps(body).encode()
    head = f"{_HEAD}X-Request-Id: {request_id}\r\nContent-Length: {len(content)}\r\n\r\n"
    connection.sendall(head.encode() + content)


def _received(connection: socket.socket) -> bytes:
    """All that comes until the server hangs up."""
    parts = []
    while part := connection.recv(65_536):
        parts.append(part)
    return b"".join(parts)


def test_requests_made_from_the_description_are_answered(server: ScoringServer) -> None:
    described = schemathesis.openapi.from_dict(server.get("/openapi.json").json())
    described.validate()
    sent: list[str] = []

    @given(case=described["/invocations"]["POST"].as_strategy())
    @settings(
        max_examples=20, deadline=None, database=None, suppress_health_check=list(HealthCheck)
    )
    def ask(case: Any) -> None:
        if case.media_type == "application/json":
            case.body.pop("stream", None)
            response = server.post("/invocations", case.body)
            assert response.status == 200, (case.body, response.data)
            sent.append(next(iter(case.body)))

    ask()

    assert len(set(sent)) > 1


def test_description_has_the_example_and_one_model_has_its_own(server: ScoringServer) -> None:
    paths = server.get("/models/acts/openapi.json").json()["paths"]

    content = paths["/invocations"]["post"]["requestBody"]["content"]["application/json"]
    assert content["example"]["dataframe_split"]["data"] == [["three", 1.5]]
    assert server.get("/models/none/openapi.json").status == 404


def test_a_model_streams_its_answer_as_events(server: ScoringServer) -> None:
    response = server.post("/invocations", _body("three", stream=True))

    events = response.data.decode().split("\n\n")
    assert response.headers["content-type"].startswith("text/event-stream")
    assert response.headers["x-assay-model"] == "acts"
    pieces = [json.loads(event.removeprefix("data: ")) for event in events[:-2]]
    assert pieces == [{"number": number, "text": "a\nb"} for number in range(3)]
    assert events[-2:] == ["data: [DONE]", ""]


def test_without_the_wish_the_same_model_answers_at_once(server: ScoringServer) -> None:
    for body in (_body("three"), _body("three", stream=False)):
        assert list(server.post("/invocations", body).json()) == ["predictions"]


def test_a_stream_that_fails_says_so_by_status_or_by_event(server: ScoringServer) -> None:
    refused = server.post("/invocations", {"dataframe_records": [{"t": "x"}], "stream": True})
    assert (refused.status, "'text'" in refused.json()["message"]) == (400, True)
    two = server.post("/invocations", {"dataframe_records": [{"text": "x"}] * 2, "stream": True})
    assert (two.status, "one input" in two.json()["message"]) == (400, True)
    at_once = server.post("/invocations", _body("fail at once", stream=True))
    assert at_once.status == 500
    for text, code in (("fail", "INTERNAL_ERROR"), ("hang", "DEADLINE_EXCEEDED")):
        response = server.post("/invocations", _body(text, stream=True))
        events = response.data.decode().split("\n\n")
        assert response.status == 200
        assert len([one for one in events if one.startswith('data: {"number"')]) == 2
        name, data = events[2].split("\n")
        assert name == "event: error"
        assert json.loads(data.removeprefix("data: "))["error_code"] == code
        assert events[3] == "data: [DONE]"
    assert b"secret" not in at_once.data


def test_streams_are_logged_when_they_have_ended(server: ScoringServer) -> None:
    whole = server.post("/invocations", _body("three", stream=True), x_request_id="whole")
    failed = server.post("/invocations", _body("fail", stream=True), x_request_id="failed")
    server.post("/invocations", _body("fail at once", stream=True), x_request_id="none")
    with _connect(server) as connection:
        _send(connection, _body("for ever", stream=True), request_id="left")
        assert b"x-assay-prediction-id: left" in connection.recv(4_096)

    def logged() -> Any:
        parts = [pq.read_table(one).to_pandas() for one in (server.folder / "log").rglob("*.parq*")]
        rows = pd.concat(parts).set_index("prediction_id") if parts else pd.DataFrame()
        return [rows] if {"whole", "failed", "none", "left"} <= set(rows.index) else None

    (rows,) = wait_until(logged, "the log of the streams")
    assert [one.headers["x-assay-prediction-id"] for one in (whole, failed)] == ["whole", "failed"]
    facts = rows[["outcome", "pieces", "is_cut"]]
    assert facts.loc["whole"].tolist() == ["answered", 3, False]
    assert facts.loc["failed"].tolist() == ["failed", 2, True]
    assert facts.loc["none"].tolist() == ["failed", 0, True]
    assert facts.loc["left", "is_cut"]
    assert list(rows.loc["whole", "output.pieces.number"]) == [0, 1, 2]
    assert list(rows.loc["failed", "output.pieces.number"]) == [0, 1]
    assert len(rows.loc["left", "output.pieces.number"]) <= 1_000
    # What is left out of inputs and answers is left out of the pieces.
    assert not [name for name in rows if "text" in name]


def test_the_generator_is_closed_when_the_client_has_gone(server: ScoringServer) -> None:
    closed = server.folder / "closed for ever"
    connection = _connect(server)
    _send(connection, _body("for ever", stream=True))
    assert b"text/event-stream" in connection.recv(4_096)

    connection.close()

    wait_until(closed.exists, "the end of the generator")


def test_a_stream_that_nobody_reads_is_ended(server: ScoringServer) -> None:
    closed = server.folder / "closed unread"
    connection = _connect(server)
    _send(connection, _body("unread", stream=True))

    wait_until(closed.exists, "the end of the generator")

    connection.close()


def test_a_client_that_reads_no_answer_is_dropped(server: ScoringServer) -> None:
    connection = _connect(server)
    _send(connection, _body("long"))
    assert connection.recv(12, socket.MSG_PEEK) == b"HTTP/1.1 200"

    def is_dropped() -> bool:
        return not _established(connection)

    wait_until(is_dropped, "the end of the connection")
    connection.close()


def _established(connection: socket.socket) -> bool:
    """Whether the other side still holds the connection, without reading from it."""
    port = f"{connection.getsockname()[1]:04X}"
    there = Path("/proc/net/tcp").read_text().splitlines()[1:]
    rows = [row.split() for row in there]
    return any(row[2].endswith(f":{port}") and row[3] == "01" for row in rows)


def test_requests_that_do_not_arrive_are_ended(server: ScoringServer) -> None:
    beginnings = (_HEAD + "Content-Length: 100\r\n\r\n{", _HEAD, "")
    waiting = [_connect(server) for _ in beginnings]
    for connection, sent in zip(waiting, beginnings, strict=True):
        connection.sendall(sent.encode())

    for connection in waiting:
        answer = _received(connection)
        connection.close()
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert b'"error_code":"REQUEST_TIMEOUT"' in answer


def test_workers_that_hang_or_die_are_replaced_while_others_answer(server: ScoringServer) -> None:
    before = set(server.workers())
    late = server.post("/invocations", _body("hang"))
    assert (late.status, late.json()["error_code"]) == (504, "DEADLINE_EXCEEDED")

    def is_replaced() -> bool:
        # The other process answers; while one has hung, its clients are told within the limit.
        server.pool.clear()
        assert server.post("/invocations", _body("x")).status in (200, 504)
        return len(set(server.workers()) - before) == 1 and len(server.workers()) == 2

    wait_until(is_replaced, "a worker in place of the one that hangs")
    assert "all threads of worker" in server.log.read_text()

    before = set(server.workers())
    with _connect(server) as connection:
        _send(connection, _body("exit"))
        assert connection.recv(100) == b""
    wait_until(lambda: set(server.workers()) - before, "a worker in place of the one that died")
    assert "ended with status 3" in server.log.read_text()
    wait_until(lambda: len(_answering(server)) == 2, "answers of both workers")


def test_a_worker_that_says_nothing_any_more_is_replaced(server: ScoringServer) -> None:
    before = set(server.workers())
    stopped = min(before)
    os.kill(stopped, signal.SIGSTOP)

    wait_until(lambda: set(server.workers()) - before, "a worker in place of the one that stands")

    assert f"worker {stopped} says nothing any more" in server.log.read_text()
    wait_until(lambda: len(_answering(server)) == 2, "answers of both workers")


def _answering(server: ScoringServer) -> set[int]:
    """The processes that answer."""
    found = set()
    for _ in range(20):
        server.pool.clear()
        response = server.post("/invocations", _body("who"))
        assert response.status == 200
        found.add(response.json()["predictions"][0])
    return found


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """Two versions of a model; the first is the champion."""
    made = Registry(tmp_path_factory.mktemp("registry"))
    made.add(1, alias="champion")
    made.add(2)
    yield made
    made.client.close()
    assay.set_tracking_uri("")


class Loading(ScoringServer):
    """A server that loads what it is asked to, and speaks gRPC."""

    grpc = ""


@pytest.fixture(scope="module")
def loading(registry: Registry) -> Iterator[Loading]:
    port = free_port()
    options = ("--workers", "2", "--follow", "0", "--max-rows", "50", "--env-manager", "local")
    options = (*options, "--allow-load", "--grpc-port", str(port))
    env = {"ASSAY_TRACKING_URI": registry.uri, "ASSAY_SERVE_TOKEN": _TOKEN}
    with Loading(registry.folder, "models:/digits@champion", options=options, **env) as running:
        running.grpc = f"127.0.0.1:{port}"
        yield running


def test_the_open_inference_protocol_is_spoken_over_grpc(loading: Loading) -> None:
    from tritonclient.grpc import InferenceServerClient, InferInput, InferRequestedOutput
    from tritonclient.utils import InferenceServerException

    with InferenceServerClient(loading.grpc) as client:
        assert client.is_server_live()
        assert client.is_server_ready()
        with pytest.raises(InferenceServerException, match="token"):
            client.is_model_ready("digits")
        assert client.is_model_ready("digits", headers=_BEARER)
        facts = client.get_model_metadata("digits", headers=_BEARER)
        assert [(one.name, one.datatype, list(one.shape)) for one in facts.inputs] == [
            ("a", "FP64", [-1]),
            ("b", "FP64", [-1]),
        ]
        assert list(facts.versions) == ["1"]

        rows = InferInput("rows", [3, 2], "FP64").set_data_from_numpy(np.zeros((3, 2)))
        wanted = [InferRequestedOutput("predict")]
        answer = client.infer("digits", [rows], outputs=wanted, headers=_BEARER, request_id="5")
        assert answer.as_numpy("predict").tolist() == [1, 1, 1]
        assert (answer.get_response().id, answer.get_response().model_version) == ("5", "1")

        wide = InferInput("rows", [1, 3], "FP64").set_data_from_numpy(np.zeros((1, 3)))
        many = InferInput("rows", [60, 2], "FP64").set_data_from_numpy(np.zeros((60, 2)))
        for name, version, given_, code in (
            ("nope", "", rows, "NOT_FOUND"),
            ("digits", "9", rows, "NOT_FOUND"),
            ("digits", "", wide, "INVALID_ARGUMENT"),
            ("digits", "", many, "INVALID_ARGUMENT"),
        ):
            with pytest.raises(InferenceServerException) as refused:
                client.infer(name, [given_], version, headers=_BEARER)
            assert code in str(refused.value.status()), refused.value
        counted = b'version="1",outcome="answered"} 1'
        wait_until(lambda: counted in loading.get("/metrics", **_BEARER).data, "the counts")


def test_models_are_loaded_and_unloaded_by_request(loading: Loading) -> None:
    from tritonclient.http import InferenceServerClient
    from tritonclient.utils import InferenceServerException

    load = "/v2/repository/models/second/load"
    wish = {"parameters": {"uri": "models:/digits/2"}}
    assert loading.post(load, wish).status == 401

    done = loading.post(load, wish, **_BEARER)

    assert (done.status, done.json()) == (200, {"name": "second", "load": True})
    for _ in range(10):
        loading.pool.clear()
        answer = loading.post("/models/second/invocations", _ROW, **_BEARER)
        assert (answer.status, answer.json()) == (200, {"predictions": [2]})
    with InferenceServerClient(loading.url.removeprefix("http://")) as client:
        index = client.get_model_repository_index(headers=_BEARER)
        assert {(one["name"], one["version"], one["state"]) for one in index} == {
            ("digits", "1", "READY"),
            ("second", "2", "READY"),
        }
        client.unload_model("second", headers=_BEARER)
        assert not client.is_model_ready("second", headers=_BEARER)
        with pytest.raises(InferenceServerException, match="only model"):
            client.unload_model("digits", headers=_BEARER)
    assert loading.post("/models/second/invocations", _ROW, **_BEARER).status == 404


@pytest.mark.parametrize(
    ("uri", "told"),
    [
        ("/", "Only versions of the registry"),
        ("http://127.0.0.1:1/x", "Only versions of the registry"),
        ("runs:/0/model", "Only versions of the registry"),
        ("models:/m-0123456789abcdef0123456789abcdef", "Only versions of the registry"),
        ("models:/digits/9", "9"),
        (5, "must be text"),
    ],
)
def test_only_what_the_registry_has_is_loaded(loading: Loading, uri: Any, told: str) -> None:
    wish = {"parameters": {"uri": uri}}

    refused = loading.post("/v2/repository/models/other/load", wish, **_BEARER)

    assert refused.status == 400
    assert told in refused.json()["error"]
    assert loading.post("/models/other/invocations", _ROW, **_BEARER).status == 404


def test_a_model_that_can_not_be_loaded_changes_nothing(
    registry: Registry, loading: Loading
) -> None:
    version = registry.add(3)
    model_id = registry.client.get_model_version("digits", version).model_id
    (golden,) = registry.folder.rglob(f"{model_id}/artifacts/golden.json")
    good = golden.read_text()
    golden.write_text(good.replace("base64", "base65"))
    load = "/v2/repository/models/digits/load"
    wish = {"parameters": {"uri": f"models:/digits/{version}"}}

    refused = loading.post(load, wish, **_BEARER)

    assert (refused.status, "golden.json" in refused.json()["error"]) == (400, True)
    answer = loading.post("/models/digits/invocations", _ROW, **_BEARER)
    assert answer.json() == {"predictions": [1]}
    golden.write_text(good)
    assert loading.post(load, wish, **_BEARER).status == 200
    answer = loading.post("/models/digits/invocations", _ROW, **_BEARER)
    assert answer.json() == {"predictions": [3]}


def test_models_are_not_loaded_unless_that_was_asked_for(server: ScoringServer) -> None:
    for path in ("index", "models/digits/load", "models/acts/unload"):
        refused = server.post(f"/v2/repository/{path}", {})
        assert (refused.status, "--allow-load" in refused.json()["error"]) == (403, True)
