"""Assay's own routes, over HTTP, as other programs see them."""

from __future__ import annotations

import gzip
import json
import math
import struct
from collections.abc import Generator, Iterator
from typing import Any, NamedTuple

import msgspec
import pytest
import urllib3

from assay.entities.ids import ExperimentId, RunId, new_run_id, new_writer_id
from assay.entities.metrics import PointBatch, SeriesKey
from assay.entities.operations import Delivery, EnsureExperiment, LogPoints, StartRun
from assay.store.rest import RestStore, open_rest_store
from tests.services.mlflow_client import ServerProcess

JSON, MSGPACK = "application/json", "application/msgpack"
SPECIALS = (1.5, math.nan, math.inf, -math.inf, -0.0, 5e-324)


class Answer(NamedTuple):
    status: int
    body: Any
    headers: Any


class Api:
    def __init__(self, url: str) -> None:
        self.url = url + "/api/assay/v1"
        self.pool = urllib3.PoolManager()

    def __call__(
        self, path: str, request: Any = None, *, form: str = JSON, **headers: str
    ) -> Answer:
        raw = request
        if request is not None and not isinstance(request, bytes):
            encode = msgspec.json.encode if form == JSON else msgspec.msgpack.encode
            raw = encode(request)
        answer = self.pool.request(
            "GET" if request is None else "POST",
            self.url + path,
            body=raw,
            headers={"content-type": form, "accept": form, **headers},
        )
        decode = json.loads if JSON in answer.headers["content-type"] else msgspec.msgpack.decode
        return Answer(answer.status, decode(answer.data), answer.headers)


@pytest.fixture
def api(assay_server: ServerProcess) -> Iterator[Api]:
    api = Api(assay_server.url)
    yield api
    api.pool.clear()


@pytest.fixture
def store(assay_server: ServerProcess) -> Iterator[RestStore]:
    store = open_rest_store(assay_server.url)
    yield store
    store.close()


def batch(key: str, values: tuple[float, ...], first_step: int = 0) -> PointBatch:
    count = len(values)
    steps = range(first_step, first_step + count)
    return PointBatch(
        series=[SeriesKey(key)],
        index=bytes(4 * count),
        steps=struct.pack(f"<{count}q", *steps),
        timestamps=struct.pack(f"<{count}q", *(1_000 + step for step in steps)),
        values=struct.pack(f"<{count}d", *values),
    )


def delivered(api: Api, *batches: PointBatch) -> RunId:
    run_id = new_run_id()
    operations = [StartRun(run_id, 1_000, experiment_id="0")]
    delivery = Delivery(
        new_writer_id(), 0, 10, [*operations, *(LogPoints(run_id, b) for b in batches)]
    )
    assert api("/ingest", delivery, form=MSGPACK).status == 200
    return run_id


def test_a_server_says_what_it_is(api: Api) -> None:
    assert api("/info").body["name"] == "assay"


def test_a_delivery_is_applied_once(api: Api) -> None:
    writer, run_id = new_writer_id(), new_run_id()
    delivery = Delivery(
        writer,
        0,
        100,
        [StartRun(run_id, 1, experiment_id="0"), LogPoints(run_id, batch("loss", (1.0, 2.0)))],
    )
    first = api("/ingest", delivery, form=MSGPACK)
    again = api("/ingest", delivery, form=MSGPACK)
    assert first.body == {"applied": True, "position": 100, "refusals": []}
    assert again.body == {"applied": False, "position": 100, "refusals": []}
    assert api(f"/writers/{writer}/position").body == {"position": 100}


def test_a_delivery_that_overlaps_is_a_conflict_and_changes_nothing(api: Api) -> None:
    writer, run_id = new_writer_id(), new_run_id()
    api("/ingest", Delivery(writer, 0, 100, [StartRun(run_id, 1, experiment_id="0")]), form=MSGPACK)
    overlapping = Delivery(writer, 50, 150, [LogPoints(run_id, batch("loss", (1.0,)))])
    answer = api("/ingest", overlapping, form=MSGPACK)
    assert answer.status == 409
    assert answer.headers["x-assay-error"] == "Conflict"
    assert api(f"/writers/{writer}/position").body == {"position": 100}
    assert api("/runs/summaries", {"run_ids": [run_id]}).body["summaries"].get(run_id, []) == []


def test_an_unknown_writer_begins_at_zero(api: Api) -> None:
    assert api(f"/writers/{new_writer_id()}/position").body == {"position": 0}


def test_a_delivery_may_be_json_and_gzipped(api: Api) -> None:
    run_id = new_run_id()
    delivery = Delivery(new_writer_id(), 0, 1, [StartRun(run_id, 1, experiment_id="0")])
    raw = gzip.compress(msgspec.json.encode(delivery))
    assert api("/ingest", raw, **{"content-encoding": "gzip"}).status == 200
    assert api(f"/runs/get?run_id={run_id}").body["info"]["run_id"] == run_id


def test_an_experiment_at_a_forbidden_place_is_refused_alone(api: Api, store: RestStore) -> None:
    run_id = new_run_id()
    bad, good = f"bad {run_id}", f"good {run_id}"
    delivery = Delivery(
        new_writer_id(),
        0,
        1,
        [
            EnsureExperiment(bad, ExperimentId("123"), artifact_location="file:///etc"),
            StartRun(run_id, 1, experiment_name=bad),
            EnsureExperiment(good, ExperimentId("124")),
            StartRun(RunId(run_id + "b"), 1, experiment_name=good),
        ],
    )
    answer = api("/ingest", delivery, form=MSGPACK)
    assert answer.status == 200
    assert [refusal["index"] for refusal in answer.body["refusals"]] == [0, 1]
    assert store.experiments.find(bad) is None
    assert store.runs.get(RunId(run_id + "b")).info.run_id == run_id + "b"


def test_a_forbidden_place_is_refused_at_creation(api: Api, store: RestStore) -> None:
    name = f"bad {new_run_id()}"
    answer = api("/experiments/create", {"name": name, "artifact_location": "file:///etc"})
    assert answer.status == 400
    assert store.experiments.find(name) is None


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/ingest", b"{"),
        ("/ingest", b"[]"),
        ("/ingest", b'{"writer_id": 3}'),
        ("/ingest", b'{"writer_id":"w","start":0,"end":1,"operations":[{"type":"nonsense"}]}'),
        ("/series/query", b'{"run_ids": ["a"], "keys": ["b"], "count": 0}'),
        ("/series/query", b'{"run_ids": ["a"], "keys": ["b"], "count": 100000000}'),
        ("/series/query", b'{"run_ids": ["a"], "keys": ["b"], "scale": "cubic"}'),
        ("/series/query", json.dumps({"run_ids": ["a"] * 1_001, "keys": ["b"]}).encode()),
        ("/series/query", json.dumps({"run_ids": ["a"] * 900, "keys": ["b"] * 900}).encode()),
        (
            "/histories/query",
            json.dumps({"histories": [{"run_id": "a", "series": ["b"]}] * 1_001}).encode(),
        ),
        ("/runs/search", b'{"experiment_ids": ["0"], "filter": "metrics.a >"}'),
        ("/runs/search", b'{"experiment_ids": ["0"], "max_results": 0}'),
        ("/runs/search", b'{"experiment_ids": ["0"], "page_token": "zz"}'),
        ("/experiments/overview", b'{"max_results": 1000000}'),
    ],
)
def test_a_bad_request_is_a_400_that_says_why(api: Api, path: str, body: bytes) -> None:
    answer = api(path, body)
    assert answer.status == 400
    assert answer.body["error_code"] == "INVALID_PARAMETER_VALUE"
    assert answer.body["message"]


def test_columns_of_a_batch_that_differ_in_length_are_refused(api: Api) -> None:
    run_id = delivered(api)
    broken = msgspec.structs.replace(batch("loss", (1.0, 2.0)), values=bytes(8))
    answer = api("/metrics/append", {"run_id": run_id, "batch": broken}, form=MSGPACK)
    assert answer.status == 400
    assert api("/runs/summaries", {"run_ids": [run_id]}).body["summaries"].get(run_id, []) == []


def test_a_body_that_is_neither_json_nor_messagepack_is_a_415(api: Api) -> None:
    assert api("/ingest", b"x=1", **{"content-type": "text/plain"}).status == 415


def test_histories_keep_all_bits_in_messagepack(api: Api) -> None:
    run_id = delivered(api, batch("loss", SPECIALS))
    query = {"histories": [{"run_id": run_id, "series": ["loss", "", "", ""]}]}
    (history,) = api("/histories/query", query, form=MSGPACK).body["histories"]
    assert history["values"] == struct.pack("<6d", *SPECIALS)
    assert struct.unpack("<6q", history["steps"]) == tuple(range(6))


def test_histories_spell_what_json_lacks(api: Api) -> None:
    run_id = delivered(api, batch("loss", SPECIALS))
    query = {
        "histories": [{"run_id": run_id, "series": ["loss", "", "", ""]}],
        "first_step": 0,
        "last_step": 4,
    }
    (history,) = api("/histories/query", query).body["histories"]
    assert history["values"] == [1.5, "NaN", "Infinity", "-Infinity", -0.0]
    assert history["steps"] == [0, 1, 2, 3, 4]
    assert math.copysign(1, history["values"][4]) == -1


def test_series_come_in_buckets_in_both_forms(api: Api) -> None:
    values = tuple(float(i) for i in range(1_000))
    run_id = delivered(api, batch("loss", values))
    query = {"run_ids": [run_id], "keys": ["loss", "missing"], "count": 50}
    (listed,) = api("/series/query", query).body["series"]
    (packed,) = api("/series/query", query, form=MSGPACK).body["series"]
    assert len(listed["steps"]) <= 50
    assert sum(listed["counts"]) == 1_000
    assert (listed["min"][0], listed["max"][-1]) == (0.0, 999.0)
    assert struct.unpack(f"<{len(listed['mean'])}d", packed["mean"]) == tuple(listed["mean"])


def test_the_run_table_has_a_column_per_metric(api: Api, store: RestStore) -> None:
    experiment = store.experiments.create(f"table {new_run_id()}")
    for value in (math.inf, 2.0):
        made = api(
            "/runs/create",
            {
                "run_id": new_run_id(),
                "experiment_id": experiment.experiment_id,
                "start_time": 1,
            },
        ).body
        point = {"key": "acc", "value": value, "timestamp": 1, "step": 0}
        batch_ = {
            "run_id": made["info"]["run_id"],
            "metrics": [point],
            "params": [{"key": "lr", "value": str(value)}],
        }
        assert api("/runs/log-batch", batch_, form=MSGPACK).status == 200
    query = {"experiment_ids": [experiment.experiment_id], "order_by": ["metrics.acc ASC"]}
    listed = api("/runs/table", query).body
    packed = api("/runs/table", query, form=MSGPACK).body
    assert listed["metrics"]["acc"] == [2.0, "Infinity"]
    assert struct.unpack("<2d", packed["metrics"]["acc"]) == (2.0, math.inf)
    assert listed["params"]["lr"] == packed["params"]["lr"] == ["2.0", "inf"]


def test_experiments_come_with_the_number_of_their_runs(api: Api, store: RestStore) -> None:
    experiment = store.experiments.create(f"counted {new_run_id()}")
    for _ in range(3):
        api(
            "/runs/create",
            {
                "run_id": new_run_id(),
                "experiment_id": experiment.experiment_id,
                "start_time": 1,
            },
        )
    found = api("/experiments/overview", {"max_results": 1_000}).body["experiments"]
    mine = [one for one in found if one["experiment"]["name"] == experiment.name]
    assert mine[0]["runs"] == {"RUNNING": 3}


def events(api: Api, experiment_id: str) -> Generator[tuple[str, dict[str, Any]], None, None]:
    stream = api.pool.request(
        "GET", f"{api.url}/live?experiment_ids={experiment_id}", preload_content=False, timeout=20
    )
    assert stream.headers["content-type"] == "text/event-stream"
    text = b""
    try:
        for chunk in stream.stream(decode_content=False):
            text += chunk
            while b"\n\n" in text:
                event, text = text.split(b"\n\n", 1)
                lines = dict(line.split(": ", 1) for line in event.decode().splitlines())
                if "data" in lines:
                    yield lines["event"], json.loads(lines["data"])
                else:
                    yield "comment", {}
    finally:
        stream.close()
        stream.release_conn()


def test_changes_of_runs_are_told_as_they_happen(api: Api, store: RestStore) -> None:
    experiment = store.experiments.create(f"live {new_run_id()}").experiment_id
    heard = events(api, experiment)
    assert next(heard)[0] == "comment"
    run_id = new_run_id()
    api("/runs/create", {"run_id": run_id, "experiment_id": experiment, "start_time": 1})
    name, change = next(heard)
    assert (name, change["change"], change["run_id"]) == ("run", "new", run_id)
    point = {"key": "loss", "value": math.nan, "timestamp": 1, "step": 0}
    api("/runs/log-batch", {"run_id": run_id, "metrics": [point]}, form=MSGPACK)
    _, change = next(heard)
    assert (change["change"], change["metrics"]) == ("updated", {"loss": "NaN"})
    heard.close()


def test_live_updates_need_an_experiment(api: Api) -> None:
    assert api("/live").status == 400
