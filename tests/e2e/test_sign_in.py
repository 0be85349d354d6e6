"""Signing in with tokens: a real server that asks for it, and everybody who talks to one."""

from __future__ import annotations

import base64
import http.client
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from assay.client.connect import open_store
from assay.client.sync import sync
from assay.entities.ids import DEFAULT_EXPERIMENT_ID, RunId, new_run_id
from assay.entities.metrics import SeriesKey
from assay.entities.runs import NewRun
from assay.errors import PermissionDenied
from assay.server.monitoring import Monitor
from assay.server.routing import Permission, Route
from assay.server.table import route_table
from assay.server.ui import STATIC
from assay.store.sql.audit import SqlAudit
from assay.store.sql.store import open_sql_store
from assay.store.uri import resolve_location
from assay.store.user import USER_HEADER, local_cause
from tests.e2e.test_http_rules import filled
from tests.services.mlflow_client import ClientProcess, ServerProcess
from tests.services.raw_http import Raw

API = "/api/2.0/mlflow"
ROUTES = list(route_table(Monitor()))
GUARDED = [route for route in ROUTES if route.permission is not Permission.PUBLIC]
CAUSE = local_cause()
REVOKED_WITHIN_S = 5
TRAIN = """
import assay
with assay.start_run() as run:
    for step in range(100):
        assay.log_metric("loss", 1 / (step + 1), step=step)
    assay.log_text("hello", "notes/a.txt")
print(run.info.run_id)
"""
WITHOUT = [
    name
    for name in os.environ
    if name.startswith(("ASSAY_TRACKING_", "MLFLOW_TRACKING_", "ASSAY_SERVER_"))
]


class Place(NamedTuple):
    """A server that asks for sign-in, and a secret for each of its users."""

    server: ServerProcess
    secrets: dict[str, str]

    def raw(self, user: str) -> Signed:
        return Signed(self.server.url, f"Bearer {self.secrets[user]}")


class Signed(Raw):
    """Requests with an Authorization header."""

    def __init__(self, url: str, authorization: str) -> None:
        super().__init__(url)
        self.authorization = authorization

    def __call__(
        self, method: str, path: str, body: object = None, headers: dict[str, str] | None = None
    ) -> Any:
        return super().__call__(
            method, path, body, {"Authorization": self.authorization, **(headers or {})}
        )

    def opened(self, path: str) -> http.client.HTTPResponse:
        """A stream, not read yet."""
        self._connection.request("GET", path, headers={"Authorization": self.authorization})
        answer = self._connection.getresponse()
        assert answer.status == 200
        return answer


def make_users(folder: Path) -> dict[str, str]:
    store = open_sql_store(f"sqlite:///{folder}/assay.db")
    secrets = {}
    for name, roles in {
        "rita": ["reader"],
        "will": ["writer", "ml-lead"],
        "mia": ["manager"],
        "ada": ["admin"],
    }.items():
        store.users.set(name, roles, cause=CAUSE)
        secrets[name] = store.users.make_token(name, cause=CAUSE)[1]
    store.close()
    return secrets


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("tokens")
    secrets = make_users(folder)
    server = ServerProcess(folder, auth="tokens")
    server.start()
    yield Place(server, secrets)
    server.stop()


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in WITHOUT:
        monkeypatch.delenv(name)


@pytest.fixture
def as_user(place: Place) -> Iterator[Callable[[str], Raw]]:
    opened: list[Raw] = []

    def sign_in(user: str) -> Raw:
        opened.append(place.raw(user) if user else Raw(place.server.url))
        return opened[-1]

    yield sign_in
    for raw in opened:
        raw.close()


@pytest.mark.parametrize("route", GUARDED, ids=lambda r: f"{r.method} {r.path}")
def test_no_route_answers_who_has_not_signed_in(
    place: Place, as_user: Callable[[str], Raw], route: Route
) -> None:
    raw = as_user("")
    wrong = Signed(place.server.url, "Bearer assay_" + "x" * 43)
    for path in map(filled, route.paths):
        answer = raw(route.method, path, {})
        assert answer.is_error(401, "UNAUTHENTICATED"), path
        assert "ASSAY_TRACKING_TOKEN" in answer.json["message"]
        assert answer.headers["www-authenticate"]
        assert wrong(route.method, path, {}).is_error(401, "UNAUTHENTICATED"), path
    wrong.close()


@pytest.mark.parametrize(
    "route",
    [r for r in GUARDED if r.permission is not Permission.READ],
    ids=lambda r: f"{r.method} {r.path}",
)
def test_who_may_only_read_changes_nothing(as_user: Callable[[str], Raw], route: Route) -> None:
    raw = as_user("rita")
    for path in map(filled, route.paths):
        assert raw(route.method, path, {}).is_error(403, "PERMISSION_DENIED"), path


@pytest.mark.parametrize(
    "route",
    [r for r in ROUTES if r.permission is Permission.PUBLIC],
    ids=lambda r: r.path,
)
def test_public_routes_stay_open(as_user: Callable[[str], Raw], route: Route) -> None:
    built = (STATIC / "assets").glob("*.js")
    path = route.path.replace("{name}", next(file.name for file in built))
    assert as_user("")(route.method, path).status == 200


def test_roles_let_their_users_do_what_they_say(as_user: Callable[[str], Raw]) -> None:
    made = as_user("will")("POST", f"{API}/runs/create", {"experiment_id": "0"})
    run_id = made.json["run"]["info"]["run_id"]
    assert as_user("rita")("GET", f"{API}/runs/get?run_id={run_id}").status == 200
    delete = ("POST", f"{API}/runs/delete", {"run_id": run_id})
    assert "roles of 'will' (ml-lead, writer)" in as_user("will")(*delete).json["message"]
    assert as_user("mia")(*delete).status == 200


def test_the_registry_notes_who_signed_in_and_not_who_somebody_claims_to_be(
    place: Place, as_user: Callable[[str], Raw]
) -> None:
    made = as_user("will")(
        "POST", f"{API}/registered-models/create", {"name": "digits"}, {USER_HEADER: "ada"}
    )
    assert made.status == 200
    store = open_sql_store(place.server.settings.store_uri)
    (record,) = SqlAudit(store.database).page(name="digits")
    store.close()
    assert (record.action, record.actor, record.verified) == ("model.created", "will", True)


def test_one_header_of_two_is_not_chosen(place: Place) -> None:
    connection = http.client.HTTPConnection(place.server.url.removeprefix("http://"), timeout=30)
    connection.putrequest("GET", f"{API}/experiments/get?experiment_id=0")
    for user in ("ada", "rita"):
        connection.putheader("Authorization", f"Bearer {place.secrets[user]}")
    connection.endheaders()
    answer = connection.getresponse()
    assert answer.status == 400
    assert b"more than once" in answer.read()
    connection.close()


def test_a_foreign_page_can_use_nobodys_credentials(as_user: Callable[[str], Raw]) -> None:
    answer = as_user("ada")(
        "POST", f"{API}/experiments/create", {"name": "x"}, {"Origin": "https://evil.example"}
    )
    assert answer.is_error(403, "PERMISSION_DENIED")


def test_a_revoked_token_is_refused_within_seconds_and_its_stream_ends(tmp_path: Path) -> None:
    make_users(tmp_path)
    store = open_sql_store(f"sqlite:///{tmp_path}/assay.db")
    token, secret = store.users.make_token("will", cause=CAUSE)
    server = ServerProcess(tmp_path, auth="tokens")
    server.start()
    raw, stream = (Signed(server.url, f"Bearer {secret}") for _ in range(2))
    try:
        watching = stream.opened("/api/assay/v1/live?experiment_ids=0")
        assert watching.readline() == b"retry: 1000\n"
        store.users.revoke(token.token_id, cause=CAUSE)
        end = time.monotonic() + REVOKED_WITHIN_S
        while (status := raw("GET", f"{API}/experiments/get?experiment_id=0").status) == 200:
            assert time.monotonic() < end
        assert status == 401
        store.runs.create(NewRun(new_run_id(), DEFAULT_EXPERIMENT_ID, 1))
        assert b"event" not in watching.read()
    finally:
        raw.close()
        stream.close()
        store.close()
        server.stop()


def environment(place: Place, **more: str) -> dict[str, str]:
    return {**os.environ, "ASSAY_TRACKING_URI": place.server.url, **more}


def train(folder: Path, place: Place, **more: str) -> tuple[RunId, str]:
    done = subprocess.run(
        [sys.executable, "-c", TRAIN],
        cwd=folder,
        env=environment(place, **more),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return RunId(done.stdout.split()[-1]), done.stderr


def stored(place: Place, run_id: RunId) -> tuple[int, str]:
    """Points of a run, and its file, without the server."""
    store = open_sql_store(place.server.settings.store_uri)
    points = len(store.metrics.history(run_id, SeriesKey("loss")).steps)
    store.close()
    (file,) = (place.server.folder / "artifacts").rglob(f"{run_id}/artifacts/notes/a.txt")
    return points, file.read_text()


@pytest.mark.parametrize("kind", ["token", "password"])
def test_a_program_that_signs_in_records_points_and_files(
    place: Place, tmp_path: Path, kind: str
) -> None:
    secret = place.secrets["will"]
    if kind == "token":
        more = {"ASSAY_TRACKING_TOKEN": secret}
    else:
        more = {"ASSAY_TRACKING_USERNAME": "will", "ASSAY_TRACKING_PASSWORD": secret}
    run_id, said = train(tmp_path, place, **more)
    assert "can't take" not in said
    assert stored(place, run_id) == (100, "hello")


@pytest.mark.parametrize("secret", ["", "assay_" + "x" * 43])
def test_a_program_with_a_wrong_token_loses_nothing_and_is_warned_once(
    place: Place, tmp_path: Path, secret: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id, said = train(tmp_path, place, ASSAY_TRACKING_TOKEN=secret, ASSAY_EXIT_TIMEOUT_S="1")
    assert said.count("can't take what is logged now") == 1
    assert "Set ASSAY_TRACKING_TOKEN" in said
    location = resolve_location(place.server.url, cwd=tmp_path, environ={})
    with pytest.raises(PermissionDenied, match="Set ASSAY_TRACKING_TOKEN"):
        sync(location)
    monkeypatch.setenv("ASSAY_TRACKING_TOKEN", place.secrets["will"])
    report = sync(location)
    assert (report.points, report.refused, report.bad_records) == (100, 0, 0)
    assert stored(place, run_id) == (100, "hello")


def test_a_client_that_did_not_sign_in_is_told_what_to_set(place: Place, tmp_path: Path) -> None:
    store = open_store(resolve_location(place.server.url, cwd=tmp_path, environ={}))
    with pytest.raises(PermissionDenied, match=r"Set ASSAY_TRACKING_TOKEN .*assay users token"):
        store.experiments.find("Default")
    store.close()


@pytest.mark.mlflow
@pytest.mark.parametrize("kind", ["token", "password"])
def test_the_real_mlflow_client_signs_in(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    if kind == "token":
        monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", place.secrets["ada"])
    else:
        monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "ada")
        monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", place.secrets["ada"])
    client = ClientProcess(Path(sys.executable))
    try:
        for number, check in enumerate(("runs.check_fluent_run", "artifacts.check_up_list_down")):
            folder = tmp_path / str(number)
            folder.mkdir()
            client.run(check, url=place.server.url, folder=folder)
    finally:
        client.close()


def test_a_server_without_users_does_not_start(tmp_path: Path) -> None:
    done = start_command(tmp_path, "--auth", "tokens")
    assert done.returncode == 2
    assert done.stderr.startswith("Error: Nobody could sign in yet.")
    assert "`assay users add" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_server_beyond_this_machine_may_ask_for_sign_in_instead(tmp_path: Path) -> None:
    assert "--auth tokens" in start_command(tmp_path, "--host", "0.0.0.0").stderr
    secret = make_users(tmp_path)["rita"]
    server = ServerProcess(tmp_path, host="0.0.0.0", auth="tokens", workers=2)
    url = server.start().replace("0.0.0.0", "127.0.0.1")
    try:
        raw = Raw(url)
        assert raw("GET", "/").is_error(401, "UNAUTHENTICATED")
        basic = base64.b64encode(f"rita:{secret}".encode()).decode()
        assert raw("GET", "/", headers={"Authorization": f"Basic {basic}"}).status == 200
        raw.close()
    finally:
        server.stop()


def start_command(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(Path(sys.executable).with_name("assay")), "server", "--port", "0", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_the_audit_log_of_the_users_holds_no_secret(place: Place) -> None:
    text = (place.server.folder / "assay.db").read_bytes()
    wal = place.server.folder / "assay.db-wal"
    text += wal.read_bytes() if wal.exists() else b""
    assert not [user for user, secret in place.secrets.items() if secret.encode() in text]
    assert b"token.made" in text
