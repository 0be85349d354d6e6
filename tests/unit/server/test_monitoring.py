"""Figures and the access log."""

from __future__ import annotations

import asyncio
import io
import json

from assay.server.middleware.access_log import AccessLog
from assay.server.monitoring import Monitor
from assay.server.routing import Permission, Route


def route(path: str) -> Route:
    return Route(
        method="GET",
        path=path,
        handler=lambda context, request: None,
        permission=Permission.READ,
        summary="",
    )


def test_figures_of_all_processes_are_summed() -> None:
    monitor = Monitor(processes=2)
    monitor.watch([route("/a"), route("/b")])
    for process in range(2):
        monitor.use_slice(process)
        monitor.count(0, status=200, seconds=0.003)
        monitor.count(0, status=404, seconds=0.2)
        monitor.count(-1, status=404, seconds=99)
    text = monitor.render().decode()
    assert 'assay_http_requests_total{method="GET",route="/a",status="2xx"} 2' in text
    assert 'assay_http_requests_total{method="",route="",status="4xx"} 2' in text
    assert 'assay_http_request_seconds_bucket{method="GET",route="/a",le="0.005"} 2' in text
    assert 'assay_http_request_seconds_bucket{method="GET",route="/a",le="+Inf"} 4' in text
    assert 'assay_http_request_seconds_count{method="GET",route="/a"} 4' in text
    assert 'route="/b"' not in text


def test_a_request_is_one_line_whatever_its_path() -> None:
    out = io.StringIO()

    async def run() -> None:
        log = AccessLog(out)
        scope = {"method": "GET", "path": '/a\n{"status":200}"', "client": ("127.0.0.1", 5)}
        log.add(scope, status=404, seconds=0.0012, request_id="r-1")
        log.flush()

    asyncio.run(run())
    lines = out.getvalue().splitlines()
    assert len(lines) == 1
    entry = json.loads(lines[0])
    assert (entry["status"], entry["path"], entry["ms"]) == (404, '/a\n{"status":200}"', 1.2)


def test_a_log_that_cannot_be_written_does_not_stop_the_server() -> None:
    async def run() -> None:
        closed = io.StringIO()
        closed.close()
        log = AccessLog(closed)
        log.add({"method": "GET", "path": "/"}, status=200, seconds=0, request_id="r")
        log.flush()

    asyncio.run(run())
