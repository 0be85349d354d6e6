"""Whatever arrives, Assay's own routes answer with a JSON or MessagePack error below 500."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
import urllib3

from assay.entities.ids import new_run_id, new_writer_id
from tests.services.mlflow_client import ServerProcess

EDGES: list[Any] = [2**63 - 1, 2**63, 2**64 - 1, -(2**63), 1.5, "x", None, True, [], {}]
TEXTS = ["", "x" * 5_000, "a\0b", "é", "a b", "\n", "../.."]


def delivery(operations: Any, **fields: Any) -> dict[str, Any]:
    whole = {"writer_id": new_writer_id(), "start": 0, "end": 1, "operations": operations}
    return {**whole, **fields}


def columns(count: int, **other: Any) -> dict[str, Any]:
    zeros = {"index": 4, "steps": 8, "timestamps": 8, "values": 8}
    return {
        "series": [["a"]],
        **{name: bytes(size * count) for name, size in zeros.items()},
        **other,
    }


def deliveries() -> Iterator[Any]:
    run_id = new_run_id()
    start = {"type": "start", "run_id": run_id, "start_time": 1, "experiment_id": "0"}
    of_run = {"run_id": run_id}
    for edge in EDGES:
        yield delivery([{**start, "run_id": new_run_id(), "start_time": edge}])
        yield delivery([start], start=edge)
        yield delivery([start], end=edge)
        yield delivery([], writer_id=edge)
        yield delivery(edge)
        yield delivery([start, {"type": "update", **of_run, "end_time": edge}])
        yield delivery([start, {"type": "params", **of_run, "params": {"a": edge}}])
    for text in TEXTS:
        yield delivery([start], writer_id=text)
        yield delivery([{**start, "run_id": text}])
        yield delivery([{**start, "run_id": new_run_id(), "experiment_id": text}])
        yield delivery([{"type": "experiment", "experiment_name": text, "proposed_id": "1"}])
        yield delivery(
            [{"type": "experiment", "experiment_name": new_run_id(), "proposed_id": text}]
        )
        yield delivery([start, {"type": "tags", **of_run, "tags": {text: text}}])
        yield delivery([start, {"type": "untag", **of_run, "key": text}])
        yield delivery([start, {"type": "points", **of_run, "batch": columns(2, series=[[text]])}])
    for batch in (
        columns(1, series=[]),
        columns(0),
        columns(3, series=[["a"], ["a"]]),
        columns(2, index=bytes(4)),
        columns(2, steps=bytes(7)),
        columns(1, index=struct.pack("<I", 2**32 - 1)),
        columns(1, steps=struct.pack("<q", -(2**63)), timestamps=struct.pack("<q", 2**63 - 1)),
        columns(2, values=b"\xff" * 16),
    ):
        yield delivery([start, {"type": "points", **of_run, "batch": batch}])


def queries() -> Iterator[tuple[str, Any]]:
    run_id = new_run_id()
    for first, last in ((-(2**63), 2**63 - 1), (5, 1), (2**63, 2**64 - 1), (None, -(2**63))):
        steps = {"first_step": first, "last_step": last}
        yield "/series/query", {"run_ids": [run_id], "keys": ["a"], "count": 10, **steps}
        yield "/histories/query", {"histories": [{"run_id": run_id, "series": ["a"]}], **steps}
    for number in (0, -1, 2**63, 2**64 - 1):
        yield "/metrics/page", {"run_id": run_id, "key": "a", "max_results": number}
        yield "/runs/search", {"experiment_ids": ["0"], "max_results": number}
        yield "/runs/create", {"run_id": run_id, "experiment_id": "0", "start_time": number}
    for text in ("(" * 5_000, "a" * 100_000, "not " * 3_000 + "metrics.a > 1", "\0", "m > 1e999"):
        yield "/runs/search", {"experiment_ids": ["0"], "filter": text}
        yield "/runs/table", {"experiment_ids": ["0"], "page_token": text}
    yield "/runs/search", {"experiment_ids": ["\0"], "view": 9}
    yield "/experiments/create", {"name": run_id, "artifact_location": "http://169.254.169.254/"}
    yield "/experiments/create", {"name": run_id, "artifact_location": "mlflow-artifacts:/../.."}


def bodies() -> list[tuple[str, bytes]]:
    whole = [("/ingest", msgspec.msgpack.encode(one)) for one in deliveries()]
    whole += [(path, msgspec.msgpack.encode(one)) for path, one in queries()]
    broken = [b"", b"\xc1", b"\xdf\xff\xff\xff\xff", b"\x81\xa1", b"\x91" * 5_000, whole[0][1][:-3]]
    return whole + [("/ingest", one) for one in broken]


@pytest.mark.parametrize("form", ["application/msgpack", "application/json"])
def test_odd_input_is_never_a_server_error(assay_server: ServerProcess, form: str) -> None:
    with urllib3.PoolManager() as pool:
        for path, body in bodies():
            answer = pool.request(
                "POST",
                f"{assay_server.url}/api/assay/v1{path}",
                body=body,
                headers={"content-type": form, "accept": "application/json"},
            )
            assert answer.status < 500, (path, body[:200], answer.data[:500])
            if answer.status >= 400:
                assert set(answer.json()) == {"error_code", "message"}


def test_a_delivery_out_of_range_changes_nothing(assay_server: ServerProcess) -> None:
    run_id = new_run_id()
    start = {"type": "start", "run_id": run_id, "start_time": 1, "experiment_id": "0"}
    body = msgspec.msgpack.encode(delivery([start], end=2**63))
    url = f"{assay_server.url}/api/assay/v1"
    headers = {"content-type": "application/msgpack"}
    with urllib3.PoolManager() as pool:
        assert pool.request("POST", f"{url}/ingest", body=body, headers=headers).status == 400
        assert pool.request("GET", f"{url}/runs/get?run_id={run_id}").status == 404
