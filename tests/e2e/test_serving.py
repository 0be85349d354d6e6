"""Serving: real servers, asked over HTTP; the registry changes what they answer with."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression

import assay
from assay.client.client import Client
from assay.registry import promote_trial, traffic_of, try_version
from tests.services.scoring import ScoringServer, free_port, wait_until
from tests.services.webhook_receiver import make_certificate

_COLUMNS = ["a", "b"]
_FRAME = pd.DataFrame(np.random.default_rng(5).normal(size=(60, 2)), columns=_COLUMNS)
_ROW = {"dataframe_split": {"columns": _COLUMNS, "data": [[3.0, 3.0]]}}


class Registry:
    """A registry with versions of one model that answer 1, 2, 3 … to everything."""

    def __init__(self, folder: Path, uri: str | None = None) -> None:
        self.folder = folder
        self.uri = uri or f"sqlite:///{folder}/assay.db"
        assay.set_tracking_uri(self.uri)
        self.client = Client(self.uri)

    def add(self, answer: int, *, alias: str | None = None) -> str:
        model = DummyClassifier(strategy="constant", constant=answer)
        model.fit(_FRAME, [answer, answer + 1] * 30)
        with assay.start_run():
            logged = assay.sklearn.log_model(
                model,
                name="model",
                input_example=_FRAME.head(2),
                pip_requirements=["scikit-learn"],
                registered_model_name="digits",
            )
        version = str(logged.registered_model_version)
        if alias is not None:
            self.client.set_registered_model_alias("digits", alias, version)
        return version

    def serve(self, *uris: str, options: tuple[str, ...] = (), **env: str) -> ScoringServer:
        named = uris or ("models:/digits@champion",)
        more = ("--env-manager", "local", "--follow", "0.1", *options)
        return ScoringServer(self.folder, *named, options=more, ASSAY_TRACKING_URI=self.uri, **env)


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    made = Registry(tmp_path)
    yield made
    made.client.close()
    assay.set_tracking_uri("")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "signs"
    estimator = LogisticRegression().fit(_FRAME, (_FRAME.a + _FRAME.b > 0).astype(int))
    assay.sklearn.save_model(
        estimator, path, input_example=_FRAME.head(2), pip_requirements=["scikit-learn"]
    )
    return path


@pytest.fixture(scope="module")
def server(model: Path) -> Iterator[ScoringServer]:
    options = ("--env-manager", "local", "--max-rows", "1000", "--max-body-mb", "1")
    with ScoringServer(model.parent, str(model), options=options) as running:
        yield running


def _answer(server: ScoringServer) -> int:
    response = server.post("/invocations", _ROW)
    assert response.status == 200, response.data
    return int(response.json()["predictions"][0])


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({"dataframe_split": {"columns": ["a", "b"], "data": [[1, 1], [-1, -1]]}}, None),
        ({"dataframe_split": {"columns": ["b", "a"], "data": [[1, 1], [-1.5, -1]]}}, None),
        ({"dataframe_split": {"columns": ["b", "a", "c"], "data": [[1, 1, 0], [-1, -1, 0]]}}, None),
        ({"dataframe_records": [{"a": 1, "b": 1}, {"a": -1, "b": -1}]}, None),
        ({"dataframe_records": [{"b": 1, "a": 1}, {"a": -1, "b": -1, "x": 5}]}, None),
        ({"inputs": {"a": [1, -1], "b": [1, -1]}}, None),
        (b"a,b\n1,1\n-1,-1\n", "text/csv"),
        (b"a,b\n1,1\n-1,-1\n", "text/csv; charset=utf-8"),
    ],
)
def test_every_form_of_a_request_is_answered(server: ScoringServer, body: Any, kind: str) -> None:
    headers = {} if kind is None else {"content_type": kind}

    response = server.post("/invocations", body, **headers)

    assert (response.status, response.json()) == (200, {"predictions": [1, 0]})
    assert response.headers["content-type"] == "application/json"
    assert response.headers["x-assay-model"] == "signs"


@pytest.mark.parametrize(
    ("body", "status", "told"),
    [
        (b"{bad", 400, "no JSON"),
        (b"[]", 400, "dataframe_split"),
        ({"inputs": [[1]], "instances": [[1]]}, 400, "exactly one"),
        ({"dataframe_split": {"columns": ["a"], "data": [[1]]}}, 400, "Missing column: 'b'"),
        ({"dataframe_records": [{"a": "x", "b": 1}]}, 400, "'a'"),
        ({"dataframe_split": {"columns": ["a", "b"], "data": [[1]]}}, 400, "dataframe_split"),
        ({"dataframe_records": [{"a": 1, "b": 1}] * 1001}, 400, "1,001 rows"),
        (b" " * 1_100_000, 413, "1048576"),
        (b"\xff\xfe", 400, "no JSON"),
        (b"[" * 100_000, 400, "no JSON"),
    ],
)
def test_bad_requests_are_told_what_is_wrong(
    server: ScoringServer, body: Any, status: int, told: str
) -> None:
    response = server.post("/invocations", body)

    assert response.status == status
    assert told in response.json()["message"]
    assert response.json()["error_code"]
    assert b"Traceback" not in response.data
    assert _answer(server) == 1


def test_other_types_paths_methods_and_hosts_are_refused(server: ScoringServer) -> None:
    assert server.post("/invocations", b"x", content_type="text/plain").status == 415
    latin = server.post("/invocations", b"{}", content_type="application/json; charset=latin-1")
    assert latin.status == 415
    assert server.get("/invocations").status == 405
    assert server.get("/nowhere").status == 404
    assert server.post("/models/other/invocations", _ROW).status == 404
    assert server.get("/ping", host="evil.example").status == 403
    foreign = server.post("/invocations", _ROW, origin="https://evil.example")
    assert foreign.status == 403


def test_it_says_that_it_is_there(server: ScoringServer) -> None:
    for path in ("/ping", "/health", "/version", "/v2/health/live", "/v2/health/ready"):
        assert server.get(path).status == 200, path


def test_many_clients_at_once_each_get_their_own_answers(server: ScoringServer) -> None:
    rows = [[float(i % 7) - 3.2, float(i % 5) - 2.1] for i in range(400)]
    wrong: list[Any] = []

    def ask() -> None:
        for row in rows:
            body = {"dataframe_split": {"columns": _COLUMNS, "data": [row]}}
            response = server.post("/invocations", body)
            if response.status != 200 or response.json()["predictions"] != [int(sum(row) > 0)]:
                wrong.append((row, response.status, response.data))

    expected = LogisticRegression().fit(_FRAME, (_FRAME.a + _FRAME.b > 0).astype(int))
    sure = expected.predict(pd.DataFrame(rows, columns=_COLUMNS))
    rows = [row for row, label in zip(rows, sure, strict=True) if label == int(sum(row) > 0)]
    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert not wrong


def test_the_open_inference_protocol_is_spoken_with_its_own_client(server: ScoringServer) -> None:
    from tritonclient.http import InferenceServerClient, InferInput, InferRequestedOutput
    from tritonclient.utils import InferenceServerException

    with InferenceServerClient(server.url.removeprefix("http://")) as client:
        assert client.is_server_ready()
        assert client.is_model_ready("signs")
        facts = client.get_model_metadata("signs")
        assert [one["name"] for one in facts["inputs"]] == _COLUMNS
        rows = np.array([[1.0, 1.0], [-1.0, -1.0]])
        together = InferInput("rows", rows.shape, "FP64")
        columns = [InferInput(name, [2], "FP64") for name in _COLUMNS]
        for binary in (True, False):
            together.set_data_from_numpy(rows, binary_data=binary)
            for at, one in enumerate(columns):
                one.set_data_from_numpy(rows[:, at].copy(), binary_data=binary)
            wanted = [InferRequestedOutput("predict", binary_data=binary)]
            for inputs in ([together], columns):
                answer = client.infer("signs", inputs, outputs=wanted, request_id="7")
                assert answer.as_numpy("predict").tolist() == [1, 0]
                assert answer.get_response()["id"] == "7"
        with pytest.raises(InferenceServerException, match="No model 'nope'"):
            client.infer("nope", [together])
        wrong = InferInput("rows", [1, 3], "FP64")
        wrong.set_data_from_numpy(np.zeros((1, 3)))
        with pytest.raises(InferenceServerException, match="2 columns"):
            client.infer("signs", [wrong])


def test_versions_change_under_load_without_a_request_lost(registry: Registry) -> None:
    registry.add(1, alias="champion")
    with registry.serve(options=("--workers", "2")) as server:
        seen: set[int] = set()
        failed: list[Any] = []
        done = threading.Event()

        def ask() -> None:
            while not done.is_set():
                response = server.post("/invocations", _ROW)
                if response.status != 200:
                    failed.append(response.data)
                    continue
                answer = int(response.json()["predictions"][0])
                assert response.headers["x-assay-version"] == str(answer)
                seen.add(answer)

        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        try:
            wait_until(lambda: 1 in seen, "the first version")
            registry.add(2, alias="champion")
            wait_until(lambda: 2 in seen, "the second version")
            wait_until(lambda: {_answer(server) for _ in range(40)} == {2}, "all workers")
            before = set(server.workers())
            server.process.send_signal(signal.SIGHUP)
            wait_until(lambda: before.isdisjoint(server.workers()), "new workers")
            # A restart amid a change: the new workers have to learn of both versions.
            before = set(server.workers())
            registry.add(3, alias="champion")
            server.process.send_signal(signal.SIGHUP)
            wait_until(lambda: before.isdisjoint(server.workers()), "new workers again")
            wait_until(lambda: 3 in seen, "the third version")
            wait_until(lambda: {_answer(server) for _ in range(40)} == {3}, "all workers")
        finally:
            done.set()
            for thread in threads:
                thread.join()
        assert not failed
        assert seen == {1, 2, 3}


def test_a_version_that_is_not_what_was_saved_takes_no_traffic(registry: Registry) -> None:
    registry.add(1, alias="champion")
    with registry.serve() as server:
        version = registry.add(2)
        model_id = registry.client.get_model_version("digits", version).model_id
        (golden,) = registry.folder.rglob(f"{model_id}/artifacts/golden.json")
        golden.write_text(golden.read_text().replace("base64", "base65"))
        registry.client.set_registered_model_alias("digits", "champion", version)

        refused = wait_until(lambda: server.get("/models").json()["not_served"], "the reason")

        assert "golden.json" in refused[0]
        assert _answer(server) == 1


def test_a_worker_that_dies_is_replaced_while_others_answer(registry: Registry) -> None:
    registry.add(1, alias="champion")
    with registry.serve(options=("--workers", "2")) as server:
        before = set(server.workers())
        os.kill(min(before), signal.SIGKILL)

        wait_until(lambda: len(set(server.workers()) - before) == 1, "a new worker")

        assert _answer(server) == 1


def test_canaries_answer_their_share_and_shadows_none(registry: Registry) -> None:
    registry.add(1, alias="champion")
    registry.add(2, alias="challenger")
    registry.add(3, alias="next")
    try_version("digits", "@challenger", 30, sticky="x-user")
    try_version("digits", "@next", 100, shadow=True)
    with registry.serve() as server:
        answers = [_answer(server) for _ in range(300)]
        assert set(answers) == {1, 2}
        assert 50 <= answers.count(2) <= 130
        mine = {server.post("/invocations", _ROW, x_user="ann").data for _ in range(10)}
        assert len(mine) == 1

        def shadows() -> list[dict[str, Any]]:
            route = server.get("/models").json()["routes"][0]
            return [one for one in route["versions"] if one["is_shadow"] and one["disagreed"]]

        assert wait_until(shadows, "answers of the shadow")[0]["version"] == "3"

        def told() -> dict[int, str]:
            figures = registry.client.store.deployments.figures(name="digits")
            return {one.version: one.part.value for one in figures if one.minutes}

        parts = {1: "main", 2: "canary", 3: "shadow"}
        wait_until(lambda: told() == parts, "figures in the registry")
        assert 'version="3",same="false"' in server.get("/metrics").data.decode()

        promote_trial("digits", "@challenger", to="@champion")

        wait_until(lambda: {_answer(server) for _ in range(20)} == {2}, "the promoted version")
        assert traffic_of("digits").canaries == {}
        assert list(traffic_of("digits").shadows) == ["@next"]


def test_only_those_with_the_token_are_answered(model: Path) -> None:
    options = ("--env-manager", "local")
    secret = "a-token-of-some-length"
    with ScoringServer(model.parent, str(model), options=options, ASSAY_SERVE_TOKEN=secret) as one:
        assert one.get("/ping").status == 200
        assert one.post("/invocations", _ROW).status == 401
        assert one.post("/invocations", _ROW, authorization="Bearer no").status == 401
        assert one.post("/invocations", _ROW, authorization=f"Bearer {secret}").status == 200


def test_connections_are_encrypted_where_files_say_how(model: Path, tmp_path: Path) -> None:
    from tritonclient.grpc import InferenceServerClient, InferInput
    from tritonclient.utils import InferenceServerException

    file = str(make_certificate(tmp_path))
    port = free_port()
    options = ("--env-manager", "local", "--tls-certificate", file, "--tls-key", file)
    options = (*options, "--grpc-port", str(port))
    rows = InferInput("rows", [1, 2], "FP64").set_data_from_numpy(np.ones((1, 2)))
    with ScoringServer(model.parent, str(model), options=options, authority=file) as server:
        assert server.url.startswith("https://")
        assert _answer(server) == 1
        over = f"127.0.0.1:{port}"
        with InferenceServerClient(over, ssl=True, root_certificates=file) as client:
            assert client.infer("signs", [rows]).as_numpy("predict").tolist() == [1]
        with InferenceServerClient(over) as plain, pytest.raises(InferenceServerException):
            plain.infer("signs", [rows], client_timeout=10)


def test_more_predictions_at_once_than_the_limit_are_asked_to_come_again(tmp_path: Path) -> None:
    code = tmp_path / "slow.py"
    code.write_text(
        "import time\n"
        "from assay.models import set_model\n"
        "from assay.pyfunc import PythonModel\n"
        "class Slow(PythonModel):\n"
        "    def predict(self, context, model_input: list[str], params=None) -> list[str]:\n"
        "        time.sleep(1)\n"
        "        return model_input\n"
        "set_model(Slow())\n"
    )
    assay.pyfunc.save_model(tmp_path / "model", python_model=str(code), pip_requirements=["pandas"])
    options = ("--env-manager", "local", "--max-concurrency", "2")
    with ScoringServer(tmp_path, "./model", options=options) as server:
        with ThreadPoolExecutor(6) as clients:
            asked = [
                clients.submit(server.post, "/invocations", {"inputs": ["a"]}) for _ in range(6)
            ]
            found = [one.result() for one in asked]
        refused = [one for one in found if one.status == 503]
        assert [one.status for one in found].count(200) == 2
        assert len(refused) == 4
        assert {one.headers["retry-after"] for one in refused} == {"1"}
        assert server.post("/invocations", {"inputs": ["a"]}).status == 200


def test_what_cannot_be_served_is_said_in_one_line(model: Path, tmp_path: Path) -> None:
    for arguments, told in (
        ([str(model), "--env-manager", "local", "--require-signature"], "key"),
        (["./nowhere"], "nowhere"),
        (["./nowhere", "--host", "0.0.0.0"], "--insecure"),
        (["./nowhere", "--tls-key", __file__], "TLS needs both"),
    ):
        with pytest.raises(AssertionError) as refused:
            ScoringServer(tmp_path, *arguments).__enter__()
        assert told in str(refused.value)
        assert "Traceback" not in str(refused.value)


def test_a_model_answers_from_its_own_environment(tmp_path: Path) -> None:
    code = tmp_path / "where.py"
    code.write_text(
        "import sys\n"
        "from assay.models import set_model\nfrom assay.pyfunc import PythonModel\n"
        "class Where(PythonModel):\n"
        "    def predict(self, context, model_input: list[str], params=None) -> list[str]:\n"
        "        return [f'{text} {sys.prefix}' for text in model_input]\n"
        "set_model(Where())\n"
    )
    model = tmp_path / "model"
    assay.pyfunc.save_model(
        model,
        python_model=str(code),
        input_example=["a"],
        pip_requirements=["pandas"],
        golden=False,
    )
    with ScoringServer(tmp_path, "./model", options=("--env-manager", "uv")) as server:
        (answer,) = server.post("/invocations", {"inputs": ["hello"]}).json()["predictions"]

    word, prefix = answer.split(" ", 1)
    assert word == "hello"
    assert Path(prefix) != Path(sys.prefix)
    assert (Path(prefix) / "lib").is_dir()
