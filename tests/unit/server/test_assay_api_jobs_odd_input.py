"""Whatever arrives at the routes of queues, the answer is a JSON error below 500."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
import urllib3

from tests.services.mlflow_client import ServerProcess

EDGES: list[Any] = [2**63 - 1, 2**63, 2**64 - 1, -(2**63), -1, 0, 1.5, 1e300, None, True, [], {}]
TEXTS = ["", "x" * 5_000, "a\0b", "é", "a b", "\n", "../..", "{", "[]"]
JOB = {
    "job_id": "j1",
    "queue": "q",
    "run_id": "missing",
    "launch": "{}",
    "priority": 0,
    "max_attempts": 1,
    "resources": {"cpu": 1.0, "memory_mb": 1, "gpu": 1},
}
LEASED = {"job_id": "j1", "lease_id": "l1"}
REQUESTS: dict[str, dict[str, Any]] = {
    "enqueue": {"job": JOB, "reason": ""},
    "lease": {
        "queues": ["q"],
        "agent": "a",
        "lease_id": "l1",
        "lease_s": 60.0,
        "capacity": {"cpu": 1.0, "memory_mb": 1, "gpu": 1},
    },
    "heartbeat": {**LEASED, "lease_s": 60.0},
    "finish": {**LEASED, "state": "failed", "reason": ""},
    "give-back": {**LEASED, "lost": True, "reason": ""},
    "cancel": {"job_id": "j1", "reason": ""},
    "search": {
        "queue": "q",
        "states": ["queued"],
        "run_id": "missing",
        "max_results": 1,
        "page_token": "x",
    },
}


def varied(valid: Any) -> Iterator[Any]:
    """``valid`` with one of its values exchanged, wherever that is."""
    yield from EDGES
    yield from TEXTS
    items = valid.items() if isinstance(valid, dict) else ()
    for name, value in items:
        for other in varied(value):
            yield {**valid, name: other}
        yield {key: kept for key, kept in valid.items() if key != name}
    if isinstance(valid, list):
        for other in varied(valid[0]):
            yield [other]
        yield valid * 1_000


@pytest.fixture(scope="module")
def pool() -> Iterator[urllib3.PoolManager]:
    with urllib3.PoolManager(retries=False) as pool:
        yield pool


@pytest.mark.parametrize("path", sorted(REQUESTS))
def test_odd_request_is_an_error_of_the_caller(
    assay_server: ServerProcess, pool: urllib3.PoolManager, path: str
) -> None:
    url = f"{assay_server.url}/api/assay/v1/jobs/{path}"
    headers = {"Content-Type": "application/json"}
    for body in varied(REQUESTS[path]):
        answer = pool.request("POST", url, body=msgspec.json.encode(body), headers=headers)
        found = msgspec.json.decode(answer.data)
        assert answer.status < 500, (body, found)
        assert answer.status == 200 or found["error_code"], (body, found)


@pytest.mark.parametrize("query", ["", "?job_id=", "?job_id=%00", "?job_id=a/b", "?job_id=none"])
def test_odd_id_is_an_error_of_the_caller(
    assay_server: ServerProcess, pool: urllib3.PoolManager, query: str
) -> None:
    answer = pool.request("GET", f"{assay_server.url}/api/assay/v1/jobs/get{query}")
    assert 400 <= answer.status < 500
    assert msgspec.json.decode(answer.data)["error_code"]
