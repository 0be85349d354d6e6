"""Whatever arrives, the governance routes answer with a JSON error below 500, and go on."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise
from typing import Any
from urllib.parse import urlencode

import msgspec
import pytest
import urllib3

from tests.services.mlflow_client import ServerProcess
from tests.services.postgres import PostgresServer, only_postgres

JSON, MSGPACK = "application/json", "application/msgpack"
NUMBERS: list[Any] = [0, -1, 2**31, 2**63 - 1, 2**63, 2**64 - 1, -(2**63), 1.5, "x", None, True]
TEXTS = [
    "",
    "x" * 5_000,
    "a\0b",
    "é",
    " ",
    "a b",
    "\n",
    "../..",
    "%00",
    "@",
    "@latest",
    "@v1",
    "None",
]
RULE = {"rule_id": "r", "rule_name": "r", "experiment_id": "0", "model_name": "m"}
DEPLOYMENT = {"deployment_id": "d", "name": "odd", "version": 1, "target": "local"}
ALERT = {
    "name": "odd",
    "version": 1,
    "kind": "drift",
    "message": "m",
    "details": {"column": "a"},
}
MINUTE = {
    "time": 60_000, "answered": 2, "refused": 1, "failed": 1, "seconds": 0.5, "buckets": [1] * 16
}  # fmt: skip
FIGURES = {
    "server_id": "s", "name": "odd", "version": 1, "part": "main", "percent": 100.0,
    "source": "models:/odd@a", "host": "h", "deployment_id": "d", "minutes": [MINUTE], "time": 1
}  # fmt: skip
SIGNATURE = {"key_id": "0" * 64, "signer": "ada", "time": 1, "bundle": "{}"}
CHECK = {"place": 0, "kind": "golden", "condition": "", "status": "passed"}
OPEN = "of an open request"
WAITING = """
policy: 1
to:
  Production:
    gates: [golden: replayed]
    approvals: {count: 2, from: ["*"], author_may_approve: true}
"""
CHANGES: dict[str, dict[str, Any]] = {
    "policies/set": {"name": "odd", "text": "policy: 1", "reason": ""},
    "policies/remove": {"name": "odd", "reason": ""},
    "requests/create": {"name": "odd", "version": 1, "target": "Staging", "reason": ""},
    "requests/approve": {"request_id": OPEN, "reason": ""},
    "requests/reject": {"request_id": OPEN, "reason": ""},
    "requests/cancel": {"request_id": OPEN, "reason": ""},
    "requests/claim": {"worker": "w", "lease_s": 60.0, "request_id": OPEN, "reason": ""},
    "requests/record-checks": {"request_id": OPEN, "worker": "w", "results": [CHECK], "reason": ""},
    "rollback": {"name": "odd", "target": "Staging", "reason": ""},
    "signatures/add": {"name": "odd", "version": 1, "signature": SIGNATURE, "reason": ""},
    "audit/verify": {"anchor": {"seq": 1, "digest": "0" * 64}},
    "rules/set": {"rule": RULE, "reason": ""},
    "rules/remove": {"rule_name": "r", "reason": ""},
    "deployments/record": {"deployment": DEPLOYMENT, "reason": ""},
    "deployments/end": {"deployment_id": "d", "reason": ""},
    "deployments/alert": {"alert": ALERT, "reason": ""},
    "deployments/tell": {"figures": [FIGURES]},
    "traffic/try": {
        "name": "odd", "selector": "1", "percent": 5.0, "shadow": False, "sticky": "x", "reason": ""
    },
    "traffic/stop": {"name": "odd", "selector": "1", "reason": ""},
    "traffic/promote": {"name": "odd", "selector": "1", "to": "Staging", "reason": ""},
}  # fmt: skip
QUESTIONS: dict[str, dict[str, Any]] = {
    "policies/get": {"name": "odd"},
    "policies/revisions": {"name": "odd"},
    "policies/describe": {"name": "odd"},
    "requests/get": {"request_id": OPEN},
    "requests/search": {
        "name": "odd", "version": 1, "statuses": "open", "max_results": 1, "page_token": "x"
    },
    "signatures/list": {"name": "odd", "version": 1},
    "audit/page": {"name": "odd", "after": 0, "max_results": 1},
    "audit/holders": {"name": "odd", "target": "Staging", "time_ms": 1},
    "rules/runs": {"rule_name": "r", "max_results": 1},
    "deployments/list": {"name": "odd", "version": 1},
    "deployments/figures": {"name": "odd"},
    "traffic/get": {"name": "odd"},
    "lineage": {"kind": "run", "id": "r", "direction": "both", "depth": 1, "limit": 1},
}  # fmt: skip


def altered(request: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The request with each of its values, inner ones too, replaced by each odd one or left out."""
    for key, value in request.items():
        yield {other: request[other] for other in request if other != key}
        for odd in (*NUMBERS, *TEXTS, [], {}):
            yield {**request, key: odd}
        inner = value[0] if isinstance(value, list) else value
        if isinstance(inner, dict):
            for one in altered(inner):
                yield {**request, key: [one] if isinstance(value, list) else one}


def policies() -> Iterator[str]:
    yield from (
        "[",
        "- 1",
        "policy: 1\npolicy: 1",
        "a: &a [*a]",
        "!!python/object/apply:os.abort []",
    )
    yield "policy: 1\nstages: [" + "x, " * 30_000 + "]"
    yield "{" * 10_000
    yield "policy: 1\nto: {Production: {approvals: {count: 99999999999999999999}}}"
    yield "policy: 1\nto: {Production: {gates: [{metric: a, at_least: .nan}]}}"
    layers = (f"{b}: &{b} [{','.join([f'*{a}'] * 9)}]" for a, b in pairwise("abcdefghi"))
    yield "a: &a [x,x,x,x,x,x]\n" + "\n".join(layers)


def set_up(url: str) -> None:
    """A model "odd" with a version: things that odd requests could damage."""
    with urllib3.PoolManager() as pool:

        def call(path: str, **fields: Any) -> Any:
            body, kind = msgspec.json.encode(fields), {"content-type": "application/json"}
            answer = pool.request("POST", f"{url}/api/2.0/mlflow/{path}", body=body, headers=kind)
            assert answer.status == 200, answer.data
            return answer.json()

        call("registered-models/create", name="odd")
        run_id = call("runs/create", experiment_id="0")["run"]["info"]["run_id"]
        call("model-versions/create", name="odd", source=f"runs:/{run_id}/model", run_id=run_id)


class Desk:
    """Has an open request at hand, however many of them odd answers have closed."""

    def __init__(self, api: str, pool: urllib3.PoolManager) -> None:
        self._api, self._pool = api, pool

    def open_request(self) -> str:
        """The id of an open request with a pending check, which worker "w" has claimed."""
        found = self._pool.request("GET", self._api + "requests/search?name=odd&statuses=open")
        for request in found.json()["items"]:
            if request["checks"] and request["checks"][0]["status"] == "pending":
                ident: str = request["request_id"]
                return ident
            self._call("requests/cancel", request_id=request["request_id"])
        self._call("policies/set", name="odd", text=WAITING)
        made = self._call("requests/create", name="odd", version=1, target="Production")
        ident = made["request_id"]
        self._call("requests/claim", worker="w", request_id=ident)
        return ident

    def _call(self, path: str, **fields: Any) -> Any:
        body, kind = msgspec.json.encode(fields), {"content-type": JSON}
        answer = self._pool.request(
            "POST", self._api + path, body=body, headers={**kind, "x-assay-user": "ada"}
        )
        assert answer.status == 200, answer.data
        return answer.json()


def checked(answer: urllib3.BaseHTTPResponse, what: Any) -> None:
    assert answer.status < 500, (what, answer.data[:500])
    if answer.status >= 400:
        assert set(answer.json()) == {"error_code", "message"}


class OddInput:
    """The same for every database; a server of its own, for some of it is accepted."""

    @pytest.mark.parametrize("form", [MSGPACK, JSON])
    @pytest.mark.parametrize("path", list(CHANGES))
    def test_odd_change_is_never_a_server_error(self, api: str, path: str, form: str) -> None:
        encode = msgspec.msgpack.encode if form == MSGPACK else msgspec.json.encode
        headers = {"content-type": form, "accept": JSON, "x-assay-user": "eve"}
        with urllib3.PoolManager() as pool:
            desk = Desk(api, pool)
            for odd in altered(CHANGES[path]):
                known = odd.get("request_id") == OPEN
                body = encode({**odd, "request_id": desk.open_request()} if known else odd)
                answer = pool.request("POST", api + path, body=body, headers=headers)
                checked(answer, (path, body[:300]))

    @pytest.mark.parametrize("path", list(QUESTIONS))
    def test_odd_question_is_never_a_server_error(self, api: str, path: str) -> None:
        with urllib3.PoolManager() as pool:
            for request in altered(QUESTIONS[path]):
                asked = {key: value for key, value in request.items() if value is not None}
                query = urlencode(asked, doseq=True)
                checked(pool.request("GET", f"{api}{path}?{query}"), (path, query[:300]))

    @pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf, -0.0, 1e308])
    def test_number_that_is_none_is_never_a_server_error(self, api: str, number: float) -> None:
        with urllib3.PoolManager() as pool:
            ident = Desk(api, pool).open_request()
            check = {**CHECK, "value": number, "limit": number}
            found = {"request_id": ident, "worker": "w", "results": [check]}
            for path, fields in (
                ("requests/claim", {"worker": "w", "lease_s": number}),
                ("requests/record-checks", found),
            ):
                body, kind = msgspec.msgpack.encode(fields), {"content-type": MSGPACK}
                checked(pool.request("POST", api + path, body=body, headers=kind), (path, number))

    @pytest.mark.parametrize("text", list(policies()), ids=lambda text: text[:20])
    def test_odd_policy_is_refused_quickly(self, api: str, text: str) -> None:
        body = msgspec.json.encode({"name": "odd", "text": text})
        with urllib3.PoolManager() as pool:
            answer = pool.request(
                "POST", api + "policies/set", body=body, headers={"content-type": JSON}, timeout=10
            )
        assert answer.status == 400, answer.data
        assert answer.headers["x-assay-error"] in ("InvalidPolicy", "LimitExceeded", "InvalidInput")

    def test_half_of_a_pair_in_a_query_is_refused(self, api: str) -> None:
        with urllib3.PoolManager() as pool:
            assert pool.request("GET", api + "audit/page?name=%ED%A0%80").status == 400

    def test_log_is_whole_after_all_that(self, api: str) -> None:
        with urllib3.PoolManager() as pool:
            answer = pool.request(
                "POST", api + "audit/verify", body=b"{}", headers={"content-type": JSON}
            )
        assert answer.json()["problem"] is None


def serving(server: ServerProcess) -> Iterator[str]:
    server.start()
    try:
        set_up(server.url)
        yield server.url + "/api/assay/v1/registry/"
        assert "Traceback" not in server.log.read_text()
    finally:
        server.stop()


@pytest.fixture(scope="module")
def on_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    yield from serving(ServerProcess(tmp_path_factory.mktemp("odd")))


@pytest.fixture(scope="module")
def on_postgres(
    tmp_path_factory: pytest.TempPathFactory, postgres_server: PostgresServer
) -> Iterator[str]:
    uri = postgres_server.create_database()
    yield from serving(ServerProcess(tmp_path_factory.mktemp("odd"), store_uri=uri))
    postgres_server.drop_database(uri)


class TestOddInputOnSqlite(OddInput):
    """SQLite takes any number and any text."""

    @pytest.fixture
    def api(self, on_sqlite: str) -> str:
        return on_sqlite


@only_postgres(15)
@pytest.mark.postgres
class TestOddInputOnPostgres(OddInput):
    """PostgreSQL refuses NUL in texts and numbers beyond the range of a column."""

    @pytest.fixture
    def api(self, on_postgres: str) -> str:
        return on_postgres
