"""The table of runs over HTTP, as the web interface asks for it."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import urlencode

import pytest
import urllib3
from pyarrow import parquet

from assay.entities.ids import RunId, new_run_id
from assay.entities.metrics import Metric
from assay.entities.params import Param
from assay.entities.runs import NewRun
from assay.entities.tags import Tag
from assay.store.rest import RestStore, open_rest_store
from tests.services.mlflow_client import ServerProcess

LOSS = {"kind": "metric", "key": "loss"}
LR = {"kind": "param", "key": "lr"}
LAST = {"stat": "last", "of": None}
HOSTILE = "<img src=x onerror=alert(1)>\u202e 🦦 '\"; --"


class Answer(NamedTuple):
    status: int
    data: bytes
    headers: Any

    @property
    def body(self) -> Any:
        return json.loads(self.data)


class Table:
    """An experiment with four runs on a running server."""

    def __init__(self, server: ServerProcess, store: RestStore) -> None:
        self.url = server.url + "/api/assay/v1/runs/"
        self.pool = urllib3.PoolManager()
        self.store = store
        experiment = store.experiments.create(f"table {new_run_id()}")
        self.experiment_id = experiment.experiment_id
        values = [("1e-3", 0.5), ("=1+1", math.nan), ("-0.5", math.inf), (HOSTILE, None)]
        self.ids = [self.run(i, lr, loss) for i, (lr, loss) in enumerate(values)]

    def run(self, number: int, lr: str, loss: float | None) -> RunId:
        run_id = new_run_id()
        self.store.runs.create(NewRun(run_id, self.experiment_id, 1_000 + number, f"r{number}"))
        self.store.runs.log_batch(
            run_id,
            metrics=[] if loss is None else [Metric("loss", loss, 1, 0)],
            params=[Param("lr", lr)],
            tags=[Tag("note", "@cmd" if number == 0 else "plain")],
        )
        return run_id

    def post(self, path: str, **fields: Any) -> Answer:
        body = {"experiment_ids": [self.experiment_id], **fields}
        found = self.pool.request("POST", self.url + path, json=body)
        return Answer(found.status, found.data, found.headers)

    def export(self, **fields: Any) -> Answer:
        query = urlencode({"experiment_ids": self.experiment_id, **fields}, doseq=True)
        found = self.pool.request("GET", f"{self.url}export?{query}")
        return Answer(found.status, found.data, found.headers)


@pytest.fixture
def table(assay_server: ServerProcess) -> Iterator[Table]:
    store = open_rest_store(assay_server.url)
    table = Table(assay_server, store)
    yield table
    table.pool.clear()
    store.close()


def test_rows_are_json_with_names_for_what_is_no_number(table: Table) -> None:
    stat = {"kind": "metric", "key": "loss", "stat": "count"}
    found = table.post("rows", columns=[LOSS, LR, stat], order_by=["start_time ASC"]).body
    assert found["total"] == 4
    assert found["columns"] == [
        [0.5, "NaN", "Infinity", None],
        ["1e-3", "=1+1", "-0.5", HOSTILE],
        [1, 1, 1, None],
    ]
    runs = found["runs"]
    assert runs["run_name"] == ["r0", "r1", "r2", "r3"]
    assert (runs["parent"], runs["children"]) == ([None] * 4, [0] * 4)
    assert set(runs) == {
        *("run_id", "run_name", "experiment_id", "status", "start_time", "end_time"),
        *("user_id", "lifecycle_stage", "parent", "children"),
    }


def test_a_jump_gets_its_window(table: Table) -> None:
    found = table.post("rows", offset=2, limit=1).body
    assert (found["total"], found["offset"], found["runs"]["run_name"]) == (4, 2, ["r1"])
    rest = table.post("rows", page_token=found["token"]).body
    assert (rest["runs"]["run_name"], rest["token"]) == (["r0"], None)


@pytest.mark.parametrize(
    ("text", "position", "length"),
    [
        ("metrics.loss >> 3", 13, 2),
        ("nonsense.x = 1", 0, 10),
        ("params.lr = 'a", 12, 2),
        ("metrics.loss >", 14, 0),
        ("some words", 0, 4),
    ],
)
@pytest.mark.parametrize("path", ["rows", "keys", "groups", "bulk-tags"])
def test_a_filter_that_does_not_parse_says_where(
    table: Table, path: str, text: str, position: int, length: int
) -> None:
    more: dict[str, Any] = {
        "groups": {"by": [LR]},
        "bulk-tags": {"action": "stop"},
    }.get(path, {})
    answer = table.post(path, filter=text, **more)
    assert answer.status == 400
    assert answer.headers["x-assay-error"] == "InvalidFilter"
    body = answer.body
    assert body["error_code"] == "INVALID_PARAMETER_VALUE"
    assert body["message"].startswith("Invalid filter")
    assert (body["position"], body["length"], body["field"]) == (position, length, "filter")


def test_an_order_that_does_not_parse_is_told_apart(table: Table) -> None:
    body = table.post("rows", filter="metrics.loss > 1", order_by=["nonsense.x"]).body
    assert (body["field"], body["position"]) == ("order_by", 0)


def test_facets_and_groups_are_json(table: Table) -> None:
    keys = table.post("keys").body
    assert keys["metrics"] == [{"key": "loss", "runs": 3, "varies": True}]
    assert keys["params"] == [{"key": "lr", "runs": 4, "varies": True}]
    values = table.post("values", kind="tag", key="note").body["values"]
    assert values == [{"value": "plain", "runs": 3}, {"value": "@cmd", "runs": 1}]
    by = [{"kind": "tag", "key": "note"}, {"kind": "param", "key": "none"}]
    groups = table.post("groups", by=by, columns=[LOSS]).body
    assert groups["total"] == 2
    largest = groups["groups"][0]
    assert (largest["key"], largest["runs"]) == (["plain", None], 3)
    assert largest["figures"] == [
        {"count": 1, "mean": "Infinity", "sd": None, "min": "Infinity", "max": "Infinity"}
    ]


def test_bulk_changes_are_taken_back(table: Table) -> None:
    deleted = table.post("bulk-lifecycle", action="delete", except_run_ids=table.ids[:1]).body
    assert (deleted["changed"], deleted["failures"]) == (3, [])
    assert table.post("rows").body["total"] == 1
    restored = table.post("bulk-lifecycle", action="restore", run_ids=deleted["run_ids"]).body
    assert restored["changed"] == 3
    assert table.post("rows").body["total"] == 4
    tagged = table.post("bulk-tags", action="set_tags", tags={"keep": HOSTILE}).body
    assert tagged["changed"] == 4
    values = table.post("values", kind="tag", key="keep").body["values"]
    assert values == [{"value": HOSTILE, "runs": 4}]
    assert table.post("bulk-tags", action="delete_tags", keys=["keep"]).body["changed"] == 4
    assert table.post("bulk-tags", action="stop").body["changed"] == 4
    assert table.post("rows").body["runs"]["status"] == ["KILLED"] * 4


def test_csv_has_all_and_no_formulas(table: Table) -> None:
    answer = table.export(order_by="start_time ASC")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert 'filename="runs.csv"' in answer.headers["content-disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.data.decode(), newline="")))
    assert [row["run_id"] for row in rows] == table.ids
    assert [row["params.lr"] for row in rows] == ["1e-3", "'=1+1", "-0.5", HOSTILE]
    assert [row["metrics.loss"] for row in rows] == ["0.5", "nan", "inf", ""]
    assert rows[0]["tags.note"] == "'@cmd"
    assert rows[0]["start_time"] == "1970-01-01T00:00:01.000+00:00"


def test_json_has_the_columns_that_are_named(table: Table) -> None:
    answer = table.export(
        format="json", columns=json.dumps([LR, LOSS]), run_ids=[table.ids[2], table.ids[0]]
    )
    assert answer.body == [
        {"run_id": table.ids[2], "params.lr": "-0.5", "metrics.loss": "Infinity"},
        {"run_id": table.ids[0], "params.lr": "1e-3", "metrics.loss": 0.5},
    ]
    assert table.export(format="json", filter="params.lr = 'no'").body == []


def test_parquet_is_typed(table: Table) -> None:
    answer = table.export(format="parquet", order_by="start_time ASC")
    read = parquet.read_table(io.BytesIO(answer.data))
    assert [str(read.schema.field(name).type) for name in ("start_time", "metrics.loss")] == [
        "timestamp[ms, tz=UTC]",
        "double",
    ]
    loss = read["metrics.loss"].to_pylist()
    assert loss[0] == 0.5
    assert math.isnan(loss[1])
    assert loss[3] is None
    assert read["params.lr"].to_pylist()[3] == HOSTILE


def test_an_export_of_more_than_one_window_has_each_run_once(table: Table) -> None:
    for number in range(1_005):
        run = NewRun(new_run_id(), table.experiment_id, 2_000 + number % 7, f"n{number}")
        table.store.runs.create(run)
    found = table.export(format="json", columns="[]").body
    ids = [row["run_id"] for row in found]
    assert len(set(ids)) == len(ids) == 1_009
    named = table.post("export", format="json", run_ids=ids[::-1], except_run_ids=ids[3:5]).body
    assert [row["run_id"] for row in named] == [*ids[:4:-1], *ids[2::-1]]
    assert [row["params.lr"] for row in named if row["params.lr"]][:3] == ["1e-3", "=1+1", "-0.5"]
    but = table.export(format="json", columns="[]", except_run_ids=ids[4:6]).body
    assert [row["run_id"] for row in but] == [*ids[:4], *ids[6:]]


def test_the_first_screen_is_one_request(table: Table) -> None:
    found = table.post("rows", columns="default", filter="params.lr = '1e-3'").body
    assert found["chosen"] == [LOSS | LAST, LR | LAST]
    assert found["columns"] == [[0.5], ["1e-3"]]
    assert table.post("rows", columns="all").status == 400


@pytest.mark.parametrize(
    "fields",
    [
        {"columns": "{"},
        {"columns": '[{"kind": "metric"}]'},
        {"columns": '[{"kind": "nonsense", "key": "x"}]'},
        {"format": "exe"},
        {"filter": "nonsense"},
        {"order_by": "nonsense.x"},
        {"run_ids": ["a"] * 10_001},
        {"except_run_ids": ["a"] * 10_001},
    ],
)
def test_an_export_that_cannot_be_is_refused_before_it_begins(
    table: Table, fields: dict[str, Any]
) -> None:
    answer = table.post("export", **fields)
    assert answer.status == 400
    assert answer.body["error_code"] == "INVALID_PARAMETER_VALUE"


def test_importance_finds_the_param_that_matters(table: Table) -> None:
    experiment = table.store.experiments.create(f"importance {new_run_id()}")
    for i in range(40):
        run_id = new_run_id()
        table.store.runs.create(NewRun(run_id, experiment.experiment_id, i, f"i{i}"))
        params = [Param("lr", str(i)), Param("noise", str(i * 7 % 5)), Param("same", "1")]
        params.append(Param("kind", "ab"[i % 2]))
        metrics = [Metric("score", -2.0 * i, 1, 0)]
        table.store.runs.log_batch(run_id, metrics=metrics, params=params)
    request = {
        "experiment_ids": [experiment.experiment_id],
        "metric": {"kind": "metric", "key": "score"},
    }
    found = table.post("importance", **request).body
    assert (found["runs"], found["warning"]) == (40, None)
    first = found["entries"][0]
    assert (first["param"], first["kind"], first["runs"]) == ("lr", "number", 40)
    assert first["correlation"] == pytest.approx(-1.0)
    assert {entry["param"] for entry in found["entries"]} == {"lr", "noise", "kind"}
    assert {e["correlation"] for e in found["entries"] if e["param"] == "kind"} == {None}
    assert table.post("importance", **request).body == found
    few = table.post("importance", **request, filter="start_time < 10").body
    assert few["runs"] == 10
    assert "chance" in few["warning"]
    assert table.post("importance", **{**request, "metric": LR}).status == 400


def test_figures_of_points_say_which_number_is_wrong(table: Table) -> None:
    column = LOSS | {"stat": "at_step", "of": 0}
    found = table.post("rows", columns=[column], order_by=["metrics.loss.at_step:0 DESC"]).body
    assert found["chosen"] == [column]
    exported = table.export(format="json", columns=json.dumps([column])).body
    assert "metrics.loss.at_step:0" in exported[0]
    for stat, of in [("mean_last", 0), ("mean_last", None), ("at_step", 2**63), ("min", 1)]:
        answer = table.post("rows", columns=[LOSS | {"stat": stat, "of": of}])
        assert answer.status == 400
        assert answer.body["error_code"] == "INVALID_PARAMETER_VALUE"
        assert "'of'" in answer.body["message"]
    for of in ("1", 1.5, True, []):
        answer = table.post("rows", columns=[LOSS | {"stat": "at_step", "of": of}])
        assert (answer.status, "of" in answer.body["message"]) == (400, True)
    wrong = table.post("rows", filter="metrics.loss.mean_last:0 > 1").body
    assert (wrong["position"], wrong["field"]) == (13, "filter")


def test_odd_requests_are_refused_and_never_a_500(table: Table) -> None:
    odd: list[Any] = [2**63, -1, 1.5, "x", None, True, [], {}, "\0"]
    fields = {
        "rows": ["columns", "offset", "limit", "run_ids", "parent", "roots", "group", "view"],
        "keys": ["filter", "view", "experiment_ids"],
        "values": ["kind", "key", "prefix", "limit"],
        "groups": ["by", "columns", "order_by", "offset", "limit"],
        "bulk-tags": ["action", "tags", "keys", "run_ids", "except_run_ids"],
        "bulk-lifecycle": ["action", "run_ids", "filter"],
        "importance": ["metric", "params", "run_ids"],
    }
    for path, names in fields.items():
        for name in names:
            for value in odd:
                answer = table.post(path, **{name: value})
                assert answer.status < 500, (path, name, value, answer.data)
                assert answer.headers["content-type"] == "application/json"
