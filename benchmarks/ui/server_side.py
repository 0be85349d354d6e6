"""What the server takes for what the pages ask of it: one keep-alive connection, whole bodies."""

from __future__ import annotations

import http.client
import itertools
import json
import statistics
from time import perf_counter, time
from typing import Any
from urllib.parse import urlsplit

from benchmarks.ui import content
from benchmarks.ui.budgets import Figures

CALLS = 9
PREFIX = "/api/assay/v1"
BIG = {"experiment_ids": ["1"]}
FRESH = "{fresh}"
"""Stands for a number that no question had before: the server keeps its answers for keys."""


def _metric(key: str, stat: str = "last") -> dict[str, str]:
    return {"kind": "metric", "key": key, "stat": stat}


def _param(key: str) -> dict[str, str]:
    return {"kind": "param", "key": key}


def questions() -> dict[str, tuple[str, dict[str, Any]]]:
    """Path and body of each."""
    common = [_metric(key, stat) for key in content.COMMON for stat in ("last", "min", "max")]
    params = [_param(f"config/option_{i:02d}") for i in range(31)]
    columns = [*common, *(_metric(content.big_key(i)) for i in range(60)), *params]
    runs = [content.ident("long", number) for number in range(content.RUNS_OF_CURVES)]
    return {
        "rows_ms": ("/runs/rows", {**BIG, "columns": columns, "limit": 1_000}),
        "deep_rows_ms": (
            "/runs/rows",
            {
                **BIG,
                "columns": common,
                "offset": 9_000,
                "limit": 200,
                "order_by": ["metrics.`val/loss` ASC"],
            },
        ),
        "keys_ms": ("/runs/keys", {**BIG, "filter": f"attributes.start_time > {FRESH}"}),
        "first_rows_ms": (
            "/runs/rows",
            {**BIG, "columns": [{"kind": "tag", "key": "assay.star"}], "limit": 200},
        ),
        "groups_ms": (
            "/runs/groups",
            {
                **BIG,
                "by": [_param("model"), _param("batch_size")],
                "columns": [_metric(key) for key in content.COMMON],
                "limit": 100,
            },
        ),
        "values_ms": ("/runs/values", {**BIG, "kind": "param", "key": "batch_size"}),
        "series_ms": ("/series/query", {"run_ids": runs, "keys": ["loss"], "count": 1_000}),
    }


def measure(url: str) -> Figures:
    """Median milliseconds of each question, after one that isn't counted."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=120)
    figures = {}
    fresh = itertools.count(int(time() * 1e3) % 1_000_000)
    for name, (path, body) in questions().items():
        times = []
        for _ in range(CALLS + 1):
            text = json.dumps(body).replace(FRESH, str(next(fresh)))
            began = perf_counter()
            _ask(connection, path, text)
            times.append(perf_counter() - began)
        figures[name] = statistics.median(times[1:]) * 1e3
    connection.close()
    return figures


def _ask(connection: http.client.HTTPConnection, path: str, body: str) -> bytes:
    headers = {"content-type": "application/json", "accept": "application/msgpack, */*"}
    connection.request("POST", PREFIX + path, body, headers)
    answer = connection.getresponse()
    found = answer.read()
    if answer.status != 200:
        raise SystemExit(f"{path}: {answer.status} {found[:300]!r}")
    return found
