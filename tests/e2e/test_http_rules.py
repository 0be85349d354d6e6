"""HTTP on every route: who may ask, what may be sent, how a refusal looks."""

from __future__ import annotations

import random
import re
import socket
from collections.abc import Iterator
from urllib.parse import quote

import msgspec
import pytest

from assay.server.monitoring import Monitor
from assay.server.routing import Body, Route
from assay.server.table import route_table
from tests.services.mlflow_client import ServerProcess
from tests.services.raw_http import JSON, Answer, Raw

API = "/api/2.0/mlflow"
ROUTES = list(route_table(Monitor()))


@pytest.fixture
def http(assay_server: ServerProcess) -> Iterator[Raw]:
    raw = Raw(assay_server.url)
    yield raw
    raw.close()


def test_unknown_paths_and_wrong_methods_are_json(http: Raw) -> None:
    assert http("GET", "/nothing/here").is_error(404, "ENDPOINT_NOT_FOUND")
    wrong = http("GET", f"{API}/runs/create")
    assert wrong.is_error(405)
    assert wrong.headers["allow"] == "POST"
    assert http("TRACE", "/health").is_error(405)
    assert http("BREW", "/health").is_error(400)


@pytest.mark.parametrize("path", ["/health", "/", f"{API}/runs/search", "/nothing", "/theme.js"])
@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "10.0.0.1"])
def test_a_foreign_host_is_refused_on_every_path(http: Raw, path: str, host: str) -> None:
    assert http("GET", path, headers={"Host": host}).is_error(403, "PERMISSION_DENIED")


@pytest.mark.parametrize("route", [r for r in ROUTES if r.method != "GET"], ids=lambda r: r.path)
@pytest.mark.parametrize("origin", ["null", "https://evil.example"])
def test_a_foreign_page_changes_nothing(http: Raw, route: Route, origin: str) -> None:
    for path in route.paths:
        answer = http(route.method, filled(path), {}, {"Origin": origin})
        assert answer.is_error(403, "PERMISSION_DENIED")


@pytest.mark.parametrize(
    "kind",
    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""],
)
def test_only_json_changes_state(http: Raw, kind: str) -> None:
    headers = {"Content-Type": kind} if kind else {}
    answer = http("POST", f"{API}/experiments/create", b'{"name": "by form"}', headers)
    assert answer.is_error(415)


def test_bodies_over_the_limit_are_refused(http: Raw) -> None:
    body = b'{"name":"' + b"x" * (65 << 20) + b'"}'
    try:
        assert http("POST", f"{API}/experiments/create", body, JSON).is_error(413)
    except OSError:  # the server may hang up instead of reading on
        assert http("GET", "/health").status == 200


def test_every_answer_carries_the_headers_that_protect(http: Raw) -> None:
    for path in ("/", "/health", "/nothing", f"{API}/experiments/get?experiment_id=0"):
        headers = http("GET", path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["x-request-id"]
        assert "access-control-allow-origin" not in headers
        assert "server" not in headers


def test_a_request_id_of_the_client_is_kept_if_it_is_harmless(http: Raw) -> None:
    assert http("GET", "/health", headers={"X-Request-ID": "a-1"}).headers["x-request-id"] == "a-1"
    got = http("GET", "/health", headers={"X-Request-ID": "<script>"}).headers["x-request-id"]
    assert "<" not in got


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GET /health HTTP/1.1\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n",
        b"nonsense\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ],
)
def test_requests_that_break_http_get_a_400(
    assay_server: ServerProcess, request_bytes: bytes
) -> None:
    host, _, port = assay_server.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(request_bytes)
        status = connection.recv(65536).split(b" ")[1]
    assert status in (b"400", b"404")


def test_text_of_users_is_in_no_page_of_the_server(http: Raw) -> None:
    evil = "<img src=x onerror=alert(1)>\"'"
    ident = http("POST", f"{API}/experiments/create", {"name": evil}).json["experiment_id"]
    for path in (
        "/",
        f"/experiments/{ident}",
        f"/experiments/{ident}?q={quote(evil)}",
        f"/models/{quote(evil, safe='')}",
    ):
        page = http("GET", path)
        assert page.status == 200
        assert b"onerror" not in page.body


@pytest.mark.parametrize(
    ("path", "base"), [("/", "./"), ("/experiments/1", "../"), ("/models/net/3", "../../")]
)
def test_a_page_finds_its_files_whatever_a_proxy_puts_before(
    http: Raw, path: str, base: str
) -> None:
    page = http("GET", path)

    assert f'<base href="{base}"'.encode() in page.body
    script = re.search(rb'src="\./(assets/[^"]+\.js)"', page.body)
    assert script is not None
    assert http("GET", f"/{script[1].decode()}").status == 200


def test_files_of_the_ui_travel_small_and_are_kept(http: Raw) -> None:
    page = http("GET", "/")
    scripts = [found.decode() for found in re.findall(rb'src="\./(assets/[^"]+\.js)"', page.body)]
    path = "/" + next(script for script in scripts if "/core-" in script)

    plain = http("GET", path)
    packed = http("GET", path, headers={"Accept-Encoding": "gzip, br"})

    assert page.headers["cache-control"] == "no-cache"
    assert "immutable" in plain.headers["cache-control"]
    assert packed.headers["content-encoding"] == "br"
    assert len(packed.body) < len(plain.body) / 3
    assert http("GET", "/assets/nothing.js").is_error(404, "NOT_FOUND")


def test_the_documentation_of_the_api_is_there(http: Raw) -> None:
    assert http("GET", "/api/assay/v1/docs.css").headers["content-type"].startswith("text/css")
    assert http("GET", "/api/assay/v1/docs").headers["content-type"].startswith("text/html")
    document = http("GET", "/api/assay/v1/openapi.json").json
    assert len(document["paths"]) > 60


def test_facts_of_the_server_hold_no_secret(http: Raw) -> None:
    facts = http("GET", "/api/assay/v1/server/facts").json
    assert facts["store_kind"] in ("sqlite", "postgresql")
    assert {"store_uri", "port"} <= {one["name"] for one in facts["settings"]}
    who = http("GET", "/api/assay/v1/whoami").json
    assert who["auth"] == "none"
    assert "admin" in who["permissions"]


# Malformed requests over all routes


def filled(path: str, value: str = "x") -> str:
    for name in (
        "artifact_path:path",
        "model_id",
        "tag_key",
        "experiment_id",
        "run_id",
        "upload_id",
    ):
        path = path.replace(f"{{{name}}}", value)
    return path.replace("{", "").replace("}", "").replace(":path", "")


JUNK = [
    None,
    "",
    "x",
    "\u0000",
    "é" * 9000,
    0,
    -1,
    2**63,
    1e308,
    True,
    [],
    [[]],
    {},
    {"a": {"b": []}},
    "../../etc/passwd",
    "'; DROP TABLE runs; --",
    "NaN",
]
RAW = [
    b"",
    b"{",
    b"[]",
    b"null",
    b'"\\ud800"',
    b'{"a":"\xff"}',
    b"[" * 100_000,
    b'{"run_id":"\\udc00"}',
    b"\x00" * 100,
    b'{"run_id":1e999}',
]


def malformed(
    route: Route, rng: random.Random, count: int
) -> Iterator[tuple[str, str, bytes | None]]:
    fields = [field.encode_name for field in msgspec.structs.fields(route.request)]
    for number in range(count):
        path = filled(rng.choice(route.paths), quote(str(rng.choice(JUNK))[:50], safe="") or "y")
        values = {name: rng.choice(JUNK) for name in fields if rng.random() < 0.8}
        if route.body_kind in (Body.NONE, Body.STREAM):
            query = "&".join(f"{name}={quote(str(v))}" for name, v in values.items())
            yield route.method, f"{path}?{query}"[:60_000], None
        elif number % 3 == 0:
            yield route.method, path, rng.choice(RAW)
        else:
            yield route.method, path, msgspec.json.encode(values)


def ask(http: Raw, method: str, path: str, body: bytes | None) -> Answer | None:
    try:
        return http(method, path, body, JSON if body is not None else None)
    except TimeoutError:
        return None


@pytest.mark.parametrize(
    "route", [r for r in ROUTES if "live" not in r.path], ids=lambda r: f"{r.method} {r.path}"
)
def test_malformed_requests_are_refused_in_json(http: Raw, route: Route) -> None:
    rng = random.Random(route.path + route.method)
    for method, path, body in malformed(route, rng, 25):
        answer = ask(http, method, path, body)
        assert answer is not None
        assert answer.status < 500, (method, path, body, answer)
        if answer.status >= 400:
            assert answer.is_error(answer.status), (method, path, body, answer)


def test_malformed_requests_left_the_server_well(assay_server: ServerProcess, http: Raw) -> None:
    assert http("GET", "/health").body == b"OK"
    assert "Traceback" not in assay_server.log.read_text()
