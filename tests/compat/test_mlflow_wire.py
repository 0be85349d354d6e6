"""MLflow's protocol as bytes: what its client hides, and what other implementers get wrong."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.services.mlflow_client import ServerProcess
from tests.services.raw_http import Raw

API = "/api/2.0/mlflow"
FILES = "/api/2.0/mlflow-artifacts/artifacts"


@pytest.fixture
def http(assay_server: ServerProcess) -> Iterator[Raw]:
    raw = Raw(assay_server.url)
    yield raw
    raw.close()


@pytest.fixture
def run_id(http: Raw) -> str:
    made = http("POST", f"{API}/runs/create", {"experiment_id": "0", "start_time": 1})
    return str(made.json["run"]["info"]["run_id"])


def test_run_has_both_of_its_names_and_empty_lists_are_left_out(http: Raw) -> None:
    made = http("POST", f"{API}/runs/create", {"experiment_id": "0", "run_name": "n"}).json["run"]
    assert made["info"]["run_id"] == made["info"]["run_uuid"]
    assert made["info"]["start_time"] > 0
    assert "end_time" not in made["info"]
    assert made["data"] == {"tags": [{"key": "mlflow.runName", "value": "n"}]}
    assert made["inputs"] == {}


def test_the_older_name_of_the_run_is_accepted(http: Raw, run_id: str) -> None:
    for body in ({"run_uuid": run_id}, {"runUuid": run_id}, {"runId": run_id}):
        sent = {**body, "key": "a", "value": 1, "timestamp": 1}
        assert http("POST", f"{API}/runs/log-metric", sent).status == 200
    assert http("GET", f"{API}/runs/get?run_uuid={run_id}").json["run"]["data"]["metrics"]


def test_int64_travels_exactly_and_returns_as_a_number(http: Raw, run_id: str) -> None:
    body = {"run_id": run_id, "key": "k", "value": 1, "timestamp": "9007199254740993", "step": "7"}
    assert http("POST", f"{API}/runs/log-metric", body).json == {}
    answer = http("GET", f"{API}/metrics/get-history?run_id={run_id}&metric_key=k")
    assert b'"timestamp":9007199254740993' in answer.body
    assert answer.json == {
        "metrics": [{"key": "k", "value": 1.0, "timestamp": 9007199254740993, "step": 7}]
    }


def test_nan_and_infinity_in_json(http: Raw, run_id: str) -> None:
    for key, value in {"nan": "NaN", "inf": "Infinity", "ninf": "-Infinity"}.items():
        body = {"run_id": run_id, "key": key, "value": value, "timestamp": 1}
        assert http("POST", f"{API}/runs/log-metric", body).status == 200
    run = http("GET", f"{API}/runs/get?run_id={run_id}").json["run"]
    got = {m["key"]: m["value"] for m in run["data"]["metrics"]}
    assert got == {"nan": "NaN", "inf": 1.7976931348623157e308, "ninf": -1.7976931348623157e308}


def test_a_get_with_a_json_body_and_a_body_encoded_twice(http: Raw, run_id: str) -> None:
    assert http("GET", f"{API}/runs/get", {"run_id": run_id}).status == 200
    twice = json.dumps(json.dumps({"run_id": run_id, "key": "a", "value": "b"}))
    assert http("POST", f"{API}/runs/set-tag", twice).status == 200


def test_enums_by_number(http: Raw, run_id: str) -> None:
    answer = http("POST", f"{API}/runs/update", {"run_id": run_id, "status": 3, "end_time": "5"})
    assert (answer.json["run_info"]["status"], answer.json["run_info"]["end_time"]) == (
        "FINISHED",
        5,
    )
    search = {"experiment_ids": ["0"], "run_view_type": 3, "max_results": 1}
    assert http("POST", f"{API}/runs/search", search).status == 200


def test_the_last_page_has_no_token(http: Raw) -> None:
    assert http("POST", f"{API}/runs/search", {"experiment_ids": ["999999"]}).json == {}


@pytest.mark.parametrize("prefix", ["/api/2.0", "/ajax-api/2.0"])
def test_twins_answer_alike(http: Raw, prefix: str) -> None:
    found = http("GET", f"{prefix}/mlflow/experiments/get?experiment_id=0").json["experiment"]
    assert (found["name"], found["lifecycle_stage"]) == ("Default", "active")


def test_routes_that_live_under_ajax_only(http: Raw, run_id: str) -> None:
    for step in range(3):
        body = {"run_id": run_id, "key": "k", "value": step, "timestamp": step, "step": step}
        http("POST", f"{API}/runs/log-metric", body)
    bulk = f"/ajax-api/2.0/mlflow/metrics/get-history-bulk?run_id={run_id}&metric_key=k"
    assert [m["step"] for m in http("GET", bulk).json["metrics"]] == [0, 1, 2]
    assert http("GET", bulk.replace("/ajax-api", "/api")).is_error(404, "ENDPOINT_NOT_FOUND")
    upload = f"/ajax-api/2.0/mlflow/upload-artifact?run_uuid={run_id}&path=u.txt"
    assert http("POST", upload, b"text").status == 200
    got = http("GET", f"/get-artifact?run_uuid={run_id}&path=u.txt")
    assert (got.body, got.headers["content-type"]) == (b"text", "text/plain; charset=utf-8")


def test_health_version_and_server_info(http: Raw) -> None:
    assert http("GET", "/health").body == b"OK"
    assert http("HEAD", "/health").status == 200
    assert http("GET", "/version").headers["content-type"].startswith("text/plain")
    info = http("GET", "/api/3.0/mlflow/server-info").json
    assert (info["store_type"], info["multipart_uploads_enabled"]) == ("SqlStore", True)


def test_what_comes_later_is_a_404_in_json(http: Raw) -> None:
    for path in ("traces/search", "scorers/register", "registered-models/list"):
        assert http("POST", f"{API}/{path}", {}).is_error(404, "ENDPOINT_NOT_FOUND")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"metrics": []}, "run_id"),
        ({"run_id": "r", "metrics": [{"value": 1, "timestamp": 1}]}, "metrics[0].key"),
        (
            {"run_id": "r", "metrics": [{"key": "a", "value": 1, "timestamp": "x"}]},
            "metrics[0].timestamp",
        ),
        ({"run_id": "r", "params": "x"}, "params"),
    ],
)
def test_a_bad_field_is_named_with_its_path(http: Raw, body: object, message: str) -> None:
    answer = http("POST", f"{API}/runs/log-batch", body)
    assert answer.is_error(400, "INVALID_PARAMETER_VALUE")
    assert f"'{message}'" in answer.json["message"]


@pytest.mark.parametrize(("kind", "count"), [("metrics", 1001), ("params", 101), ("tags", 101)])
def test_batches_have_limits_and_a_refused_one_changes_nothing(
    http: Raw, run_id: str, kind: str, count: int
) -> None:
    item = {"metrics": {"value": 1, "timestamp": 1}}.get(kind, {"value": "v"})
    body = {"run_id": run_id, kind: [{"key": f"k{i}", **item} for i in range(count)]}
    assert http("POST", f"{API}/runs/log-batch", body).is_error(400, "INVALID_PARAMETER_VALUE")
    data = http("GET", f"{API}/runs/get?run_id={run_id}").json["run"]["data"]
    assert {tag["key"] for tag in data["tags"]} == {"mlflow.runName"}
    assert set(data) == {"tags"}


def test_long_values_are_cut_and_long_experiment_tags_refused(http: Raw, run_id: str) -> None:
    param = {"run_id": run_id, "key": "p", "value": "x" * 7000}
    assert http("POST", f"{API}/runs/log-parameter", param).status == 200
    tag = {"run_id": run_id, "key": "t", "value": "y" * 9000}
    assert http("POST", f"{API}/runs/set-tag", tag).status == 200
    data = http("GET", f"{API}/runs/get?run_id={run_id}").json["run"]["data"]
    assert len(data["params"][0]["value"]) == 6000
    assert len({t["key"]: t["value"] for t in data["tags"]}["t"]) == 8000
    long = {"experiment_id": "0", "key": "t", "value": "z" * 20_001}
    answer = http("POST", f"{API}/experiments/set-experiment-tag", long)
    assert answer.is_error(400, "INVALID_PARAMETER_VALUE")


def test_the_older_log_model_keeps_its_history(http: Raw, run_id: str) -> None:
    model = {"artifact_path": "m", "flavors": {}, "utc_time_created": "x", "run_id": run_id}
    for _ in range(2):
        body = {"run_id": run_id, "model_json": json.dumps(model)}
        assert http("POST", f"{API}/runs/log-model", body).json == {}
    tags = http("GET", f"{API}/runs/get?run_id={run_id}").json["run"]["data"]["tags"]
    history = {t["key"]: t["value"] for t in tags}["mlflow.log-model.history"]
    assert json.loads(history) == [model, model]
    bad = {"run_id": run_id, "model_json": '{"artifact_path": "m"}'}
    assert http("POST", f"{API}/runs/log-model", bad).is_error(400, "INVALID_PARAMETER_VALUE")


def test_datasets_of_an_experiment(http: Raw) -> None:
    made = http("POST", f"{API}/experiments/create", {"name": "with data sets"}).json
    run = http("POST", f"{API}/runs/create", made).json["run"]["info"]["run_id"]
    used = {
        "dataset": {"name": "d", "digest": "1", "source_type": "local", "source": "{}"},
        "tags": [{"key": "mlflow.data.context", "value": "training"}],
    }
    sent = {"run_id": run, "datasets": [used]}
    assert http("POST", f"{API}/runs/log-inputs", sent).json == {}
    body = {"experiment_ids": [made["experiment_id"]]}
    found = http("POST", f"{API}/experiments/search-datasets", body).json["dataset_summaries"]
    assert found == [
        {"experiment_id": made["experiment_id"], "name": "d", "digest": "1", "context": "training"}
    ]


def test_gzipped_bodies_are_accepted_and_large_answers_compressed(http: Raw, run_id: str) -> None:
    batch = {
        "run_id": run_id,
        "metrics": [{"key": "m", "value": i, "timestamp": i, "step": i} for i in range(500)],
    }
    packed = gzip.compress(json.dumps(batch).encode())
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    assert http("POST", f"{API}/runs/log-batch", packed, headers).status == 200
    path = f"{API}/metrics/get-history?run_id={run_id}&metric_key=m"
    plain = http("GET", path)
    small = http("GET", path, headers={"Accept-Encoding": "gzip"})
    assert "content-encoding" not in plain.headers
    assert small.headers["content-encoding"] == "gzip"
    assert gzip.decompress(small.body) == plain.body
    assert len(small.body) * 3 < len(plain.body)


# Artifacts


def test_a_download_is_an_inert_attachment_with_its_digest(http: Raw) -> None:
    name = quote('wire/a "b" ü\'.html')
    put = http("PUT", f"{FILES}/{name}", b"<script>alert(1)</script>")
    assert put.status == 200
    got = http("GET", f"{FILES}/{name}")
    assert got.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in got.headers["content-security-policy"]
    assert got.headers["content-disposition"].startswith("attachment; ")
    assert got.headers["x-assay-sha256"] == put.headers["x-assay-sha256"]


@pytest.mark.parametrize(
    ("wanted", "status", "content"),
    [
        ("bytes=0-3", 206, b"0123"),
        ("bytes=4-", 206, b"456789"),
        ("bytes=-2", 206, b"89"),
        ("bytes=2-99", 206, b"23456789"),
        ("bytes=0-0,2-3", 200, b"0123456789"),
        ("lines=1", 200, b"0123456789"),
    ],
)
def test_ranges(http: Raw, wanted: str, status: int, content: bytes) -> None:
    http("PUT", f"{FILES}/wire/range.bin", b"0123456789")
    got = http("GET", f"{FILES}/wire/range.bin", headers={"Range": wanted})
    assert (got.status, got.body) == (status, content)


def test_a_range_outside_of_the_file_and_a_known_file(http: Raw) -> None:
    http("PUT", f"{FILES}/wire/range.bin", b"0123456789")
    outside = http("GET", f"{FILES}/wire/range.bin", headers={"Range": "bytes=10-"})
    assert outside.is_error(416)
    assert outside.headers["content-range"] == "bytes */10"
    etag = http("GET", f"{FILES}/wire/range.bin").headers["etag"]
    again = http("GET", f"{FILES}/wire/range.bin", headers={"If-None-Match": etag})
    assert (again.status, again.body) == (304, b"")


def test_content_that_is_not_what_was_announced_is_not_published(http: Raw) -> None:
    bad = http("PUT", f"{FILES}/wire/bad.bin", b"abc", {"X-Assay-SHA256": "0" * 64})
    assert bad.is_error(400, "INVALID_PARAMETER_VALUE")
    assert http("GET", f"{FILES}/wire/bad.bin").is_error(404, "RESOURCE_DOES_NOT_EXIST")


def test_lists_show_base_names_and_missing_folders_are_empty(http: Raw, run_id: str) -> None:
    http("PUT", f"{FILES}/wire/list/a.txt", b"1")
    assert http("GET", f"{FILES}?path=wire/list").json == {
        "files": [{"path": "a.txt", "is_dir": False, "file_size": 1}]
    }
    assert http("GET", f"{FILES}?path=wire/none").json == {}
    assert http("GET", f"{FILES}?path=wire/list/a.txt").json == {}
    listed = http("GET", f"{API}/artifacts/list?run_id={run_id}&path=none").json
    assert list(listed) == ["root_uri"]


TRICKS = [
    "..",
    "../x",
    "a/../../x",
    "%2e%2e/x",
    "%252e%252e%252fx",
    "a/%2e%2e/%2e%2e/x",
    "..%5cx",
    "%2fetc/passwd",
    "a//b",
    "a/./b",
    "a%00b",
    "a%0ab",
    "C:/x",
    "",
    ".",
    "/",
    "%2f",
    "./",
]


@pytest.mark.parametrize("path", TRICKS)
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
@pytest.mark.parametrize("prefix", ["/api", "/ajax-api"])
def test_no_path_leaves_the_root_and_the_root_stays(
    http: Raw, assay_server: ServerProcess, method: str, path: str, prefix: str
) -> None:
    http("PUT", f"{FILES}/wire/kept.txt", b"kept")
    target = f"{prefix}{FILES.removeprefix('/api')}/{path}"
    answer = http(method, target, b"x" if method == "PUT" else None)
    assert answer.is_error(answer.status)
    assert 400 <= answer.status < 500
    assert http("GET", f"{FILES}/wire/kept.txt").body == b"kept"
    assert not (assay_server.folder / "x").exists()


@pytest.mark.parametrize("path", [trick for trick in TRICKS if trick not in ("", "/", "./")])
def test_the_same_check_covers_the_other_routes(http: Raw, run_id: str, path: str) -> None:
    for target in (
        f"{API}/artifacts/list?run_id={run_id}&path={path}",
        f"/get-artifact?run_id={run_id}&path={path}",
        f"{FILES}?path={path}",
    ):
        answer = http("GET", target)
        assert 400 <= answer.status < 500, (target, answer)
    for action in ("create", "complete", "abort"):
        body = {"path": "f", "num_parts": 1, "upload_id": "x", "parts": []}
        answer = http("POST", f"/api/2.0/mlflow-artifacts/mpu/{action}/{path}", body)
        assert 400 <= answer.status < 500, (action, answer)


def test_a_batch_has_a_limit_in_bytes(http: Raw, run_id: str) -> None:
    tags = [{"key": f"t{i}", "value": "x" * 8000} for i in range(100)]
    params = [{"key": f"p{i}", "value": "x" * 6000} for i in range(100)]
    body = {"run_id": run_id, "tags": tags, "params": params}
    answer = http("POST", f"{API}/runs/log-batch", body)
    assert answer.is_error(400, "INVALID_PARAMETER_VALUE")
    assert "1000000" in answer.json["message"]


def test_thinned_histories_hold_the_points_of_all_models(http: Raw, run_id: str) -> None:
    model = http("POST", f"{API}/logged-models", {"experiment_id": "0"}).json["model"]["info"]
    for step in range(4):
        body = {"run_id": run_id, "key": "k", "value": step, "timestamp": step, "step": step}
        linked = {"model_id": model["model_id"]} if step % 2 else {}
        assert http("POST", f"{API}/runs/log-metric", {**body, **linked}).status == 200
    path = f"{API}/metrics/get-history-bulk-interval?run_ids={run_id}&metric_key=k"
    assert [m["step"] for m in http("GET", path).json["metrics"]] == [0, 1, 2, 3]
    assert [m["step"] for m in http("GET", path + "&max_results=2").json["metrics"]] == [0, 3]
    assert http("GET", path + "&start_step=3&end_step=1").is_error(400, "INVALID_PARAMETER_VALUE")


def test_asking_about_a_file_leaves_it_closed(http: Raw, assay_server: ServerProcess) -> None:
    http("PUT", f"{FILES}/wire/head.bin", b"x" * 100)
    assert assay_server.process is not None
    fds = Path(f"/proc/{assay_server.process.pid}/fd")
    before = len(list(fds.iterdir()))
    for _ in range(20):
        answer = http("HEAD", f"{FILES}/wire/head.bin")
        assert (answer.status, answer.headers["content-length"]) == (200, "100")
        assert http("GET", f"{FILES}/wire/head.bin").body == b"x" * 100
    assert len(list(fds.iterdir())) <= before + 2
