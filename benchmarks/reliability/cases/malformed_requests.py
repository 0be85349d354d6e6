"""Malformed requests over all routes: our own, and schemathesis's from the OpenAPI document."""

from __future__ import annotations

import http.client
import json
import random
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

import hypothesis
import msgspec
import requests
import schemathesis
from schemathesis import GenerationMode

from assay.entities import ExperimentId, Metric, Param, RunId
from assay.entities.runs import NewRun
from assay.server.monitoring import Monitor
from assay.server.routing import Body, Route, path_fields
from assay.server.table import route_table
from benchmarks.reliability.case import Figures, Outcome
from benchmarks.reliability.cases._load import open_database
from benchmarks.reliability.cases._programs import START
from tests.services.mlflow_client import ServerProcess

CLAIM = "2,000 malformed requests over all routes: no 5xx, each refusal is JSON and changes nothing"

OURS, THEIRS_A_ROUTE = 2_000, 12
RUN = RunId("a" * 32)
ANSWER_S = 20

JUNK: tuple[Any, ...] = (
    *(None, "", " ", "x", "\0", "é" * 9_000, "\u202e", "../../etc/passwd", "..%2f..%2fetc"),
    *("'; DROP TABLE runs; --", "NaN", "Infinity", "1e999", "true", RUN, "0"),
    *(0, -1, 1, 2**31, 2**63 - 1, 2**63, -(2**64), 1.5, 1e308, True, False),
    *([], [[]], [None], ["x"] * 3, {}, {"a": {"b": []}}, [{}], [{"key": 1}], [{"key": "k"}]),
    *([{"key": "k", "value": "v"}] * 2, [{"key": "k", "value": "x", "timestamp": -1, "step": []}]),
)
BODIES = (
    *(b"", b" ", b"{", b"}", b"[]", b"null", b"1", b'"text"', b"{}{}", b'{"a":1,}', b"{'a':1}"),
    *(b'"\\ud800"', b'{"run_id":"\\udc00"}', b'{"a":"\xff\xfe"}', b"\xef\xbb\xbf{}", b"\0" * 100),
    *(b"[" * 100_000, b'{"a":' * 50_000, b'{"run_id":1e999}', b'{"step":' + b"9" * 10_000 + b"}"),
    *(b"\x93\x01\x02", b"\xdf\xff\xff\xff\xff", b"\xc1", b"<xml/>", b"run_id=x&key=y"),
)
KINDS = (
    *("application/json",) * 12,
    *("application/json; charset=utf-16", "text/plain", "application/msgpack", "", "a/b/c"),
    "multipart/form-data",
)
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "TRACE", "BREW")


class Request(NamedTuple):
    """What is sent."""

    method: str
    path: str
    body: bytes | None = None
    headers: dict[str, str] = {}  # noqa: RUF012 - never changed


def run(short: bool) -> Outcome:
    ours = OURS // 10 if short else OURS
    rng = random.Random(1)
    figures: Figures = {
        **{"requests": 0, "refused": 0, "accepted": 0, "server_errors": 0, "not_json": 0},
        **{"changed_by_refused": 0, "hung": 0, "unsent": 0, "tracebacks": 0, "data_changed": 0},
    }
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _fill(folder / "assay.db")
        server = ServerProcess(folder)
        server.start()
        watch = _Watch(server, figures)
        try:
            routes = [r for r in route_table(Monitor()) if not r.path.endswith("/live")]
            for number in range(ours):
                watch.send(_malformed(routes[number % len(routes)], rng))
            figures["of_schemathesis"] = -figures["requests"]
            # Short runs are tests, and test_described_api is one of schemathesis already.
            for request in () if short else _from_the_document(watch, THEIRS_A_ROUTE):
                watch.send(request)
            figures["of_schemathesis"] += figures["requests"]
            watch.judge_the_end()
        finally:
            watch.close()
            server.stop()
        figures["tracebacks"] = server.log.read_text().count("Traceback")
    broken = (
        "server_errors",
        "not_json",
        "changed_by_refused",
        "hung",
        "tracebacks",
        "data_changed",
    )
    held = not any(figures[key] for key in broken) and figures["refused"] > ours / 2
    return Outcome(held, figures)


def _fill(path: Path) -> None:
    store = open_database(path)
    store.runs.create(NewRun(RUN, ExperimentId("0"), START, run_name="kept"))
    metrics = [Metric("loss", 0.5, START, step) for step in range(5)]
    store.runs.log_batch(RUN, metrics=metrics, params=[Param("lr", "1")])
    store.close()


class _Watch:
    """Sends requests and looks what each did to the store and to the files."""

    def __init__(self, server: ServerProcess, figures: Figures) -> None:
        self.place = urlsplit(server.url).netloc
        self.folder = server.folder
        self.figures = figures
        self._database = sqlite3.connect(server.folder / "assay.db")
        self._state = self._look()

    def _look(self) -> tuple[object, ...]:
        version = self._database.execute("PRAGMA data_version").fetchone()
        files = sorted(
            (str(path), path.stat().st_size) for path in (self.folder / "artifacts").rglob("*")
        )
        return version, files

    def ask(self, request: Request) -> tuple[int, str, bytes]:
        connection = http.client.HTTPConnection(self.place, timeout=ANSWER_S)
        try:
            connection.request(
                request.method,
                request.path,
                request.body,
                {**request.headers, "Connection": "close"},
            )
            answer = connection.getresponse()
            return answer.status, answer.getheader("content-type") or "", answer.read()
        finally:
            connection.close()

    def send(self, request: Request) -> None:
        self.figures["requests"] += 1
        try:
            status, kind, content = self.ask(request)
        except TimeoutError:
            self.figures["hung"] += 1
            print("hung:", repr(request)[:300])
            return
        except (OSError, http.client.HTTPException, ValueError):
            # Not sendable by this client, or hung up on while the body was still on its way.
            self.figures["unsent"] += 1
            return
        refused = status >= 400
        self.figures["refused" if refused else "accepted"] += 1
        self.figures["server_errors"] += status >= 500
        if status >= 500:
            print(status, repr(request)[:500], content[:300])
        state = self._look()
        if refused:
            plain = request.method == "HEAD" or _is_error(kind, content)
            self.figures["not_json"] += not plain
            self.figures["changed_by_refused"] += state != self._state
            if not plain or state != self._state:
                print(status, repr(request)[:500], content[:300])
        self._state = state

    def judge_the_end(self) -> None:
        """The run that was there before is as it was, and the server is well."""
        wanted: list[tuple[str, object]] = [("loss", 0.5)]
        _, _, content = self.ask(Request("GET", f"/api/2.0/mlflow/runs/get?run_id={RUN}"))
        data = json.loads(content)["run"]["data"]
        found = [(m["key"], m["value"]) for m in data["metrics"] if m["key"] == "loss"]
        self.figures["data_changed"] += found != wanted
        self.figures["data_changed"] += {"key": "lr", "value": "1"} not in data["params"]
        self.figures["data_changed"] += self.ask(Request("GET", "/health"))[2] != b"OK"

    def close(self) -> None:
        self._database.close()


def _is_error(kind: str, content: bytes) -> bool:
    try:
        answer = json.loads(content)
    except ValueError:
        return False
    return (
        kind == "application/json"
        and isinstance(answer, dict)
        and bool(answer.get("error_code"))
        and bool(answer.get("message"))
        and "Traceback" not in answer["message"]
    )


def _malformed(route: Route, rng: random.Random) -> Request:
    path = rng.choice(route.paths)
    for field in path_fields(path):
        junk = str(rng.choice(JUNK))[:200]
        path = path.replace(f"{{{field}:path}}", quote(junk, safe="/"))
        path = path.replace(f"{{{field}}}", quote(junk, safe="") or "y")
    kind = rng.choice(KINDS)
    headers = {"Content-Type": kind} if kind else {}
    choice = rng.random()
    if choice < 0.05:
        return Request(rng.choice(METHODS), path, rng.choice(BODIES), headers)
    fields = [field.encode_name for field in msgspec.structs.fields(route.request)]
    values = {name: rng.choice(JUNK) for name in fields if rng.random() < 0.8}
    if route.body_kind in (Body.NONE, Body.STREAM):
        query = "&".join(f"{quote(n)}={quote(str(v)[:500])}" for n, v in values.items())
        query = rng.choice((query, query, query, "%", "%ff=%fe", "&&=", "a" * 20_000))
        body = None if route.method == "GET" else rng.choice((None, b"", b"x" * 100))
        return Request(route.method, f"{path}?{query}", body, {} if body is None else headers)
    if choice < 0.35:
        return Request(route.method, path, rng.choice(BODIES), headers)
    return Request(route.method, path, _mutated(values, rng), headers)


def _mutated(values: dict[str, Any], rng: random.Random) -> bytes:
    """A JSON object of junk; now and then with a flaw in the JSON too."""
    body = json.dumps(values).encode()
    if rng.random() < 0.15 and len(body) > 2:
        place = rng.randrange(len(body))
        body = body[:place] + bytes([rng.randrange(256)]) + body[place + rng.randrange(2) :]
    return body


def _from_the_document(watch: _Watch, count: int) -> Iterator[Request]:
    """What schemathesis makes of our OpenAPI document: requests that break it, and that keep it."""
    _, _, content = watch.ask(Request("GET", "/api/assay/v1/openapi.json"))
    schema = schemathesis.openapi.from_dict(json.loads(content))
    for found in schema.get_all_operations():
        operation: Any = found.ok()  # type: ignore[union-attr]  # an unreadable one raises
        if operation.path.endswith("/live"):
            continue
        made: list[Request] = []
        note = _noting(made, f"http://{watch.place}")
        for mode in (GenerationMode.NEGATIVE, GenerationMode.POSITIVE):
            strategy = operation.as_strategy(generation_mode=mode)
            given: Any = hypothesis.given(strategy)
            check = hypothesis.settings(
                max_examples=count,
                database=None,
                deadline=None,
                phases=[hypothesis.Phase.generate],
                suppress_health_check=list(hypothesis.HealthCheck),
                derandomize=True,
            )(given(note))
            try:
                check()
            except (hypothesis.errors.Unsatisfiable, ValueError, schemathesis.errors.InvalidSchema):
                continue  # nothing about this operation can be wrong in this way
        yield from made


def _noting(made: list[Request], base_url: str) -> Callable[[Any], None]:
    def note(case: Any) -> None:
        made.append(_as_sent(case.as_transport_kwargs(base_url=base_url)))

    return note


def _as_sent(sent: dict[str, Any]) -> Request:
    kept = {"method", "url", "headers", "params", "json", "data"}
    made: Any = requests.Request(**{k: v for k, v in sent.items() if k in kept}).prepare()
    body = made.body.encode() if isinstance(made.body, str) else made.body
    headers = {k: v for k, v in made.headers.items() if k.lower() not in ("content-length", "host")}
    return Request(made.method, made.path_url, body, headers)
