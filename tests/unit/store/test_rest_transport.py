from __future__ import annotations

import base64
import os
import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from assay import errors
from assay.store.rest import settings as settings_module
from assay.store.rest.settings import RemoteSettings, read_settings
from assay.store.rest.transport import Transport
from tests.unit.store.scripted_server import Said, ScriptedServer, Serve

BUSY = Said(503, {"error_code": "TEMPORARILY_UNAVAILABLE", "message": "busy"})
BROKEN_GATEWAY = Said(502, b"<html>bad gateway</html>")


@pytest.fixture
def serve() -> Iterator[Serve]:
    servers: list[ScriptedServer] = []

    def start(*answers: Said) -> ScriptedServer:
        servers.append(ScriptedServer(*answers))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


def transport_to(uri: str, **environment: str) -> Transport:
    return Transport(read_settings(uri, environment))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_connections_are_kept_alive(serve: Serve) -> None:
    server = serve(Said())
    transport = transport_to(server.uri)
    for _ in range(5):
        transport.exchange("GET", "/x")
    assert server.connections == 1
    transport.close()


def test_a_busy_server_is_asked_again_after_the_time_it_named(serve: Serve) -> None:
    server = serve(
        Said(429, {"error_code": "X", "message": "slow down"}, {"Retry-After": "1"}),
        Said(200, {"ok": True}),
    )
    transport = transport_to(server.uri)
    begin = time.monotonic()
    assert transport.exchange("POST", "/x", body=b"{}", repeatable=False).body == b'{"ok": true}'
    assert time.monotonic() - begin >= 1.0
    transport.close()


def test_what_may_have_happened_is_not_repeated_unless_that_is_harmless(serve: Serve) -> None:
    server = serve(BROKEN_GATEWAY, Said())
    transport = transport_to(server.uri)
    with pytest.raises(errors.StoreUnavailable):
        transport.exchange("POST", "/x", body=b"{}", repeatable=False)
    assert len(server.seen) == 1
    assert transport.exchange("POST", "/x", body=b"{}").status == 200
    transport.close()


def test_a_broken_connection_is_tried_again_for_repeatable_requests(serve: Serve) -> None:
    server = serve(Said(hang_up=True), Said(200, {}))
    transport = transport_to(server.uri)
    assert transport.exchange("POST", "/x", body=b"{}").status == 200
    assert len(server.seen) == 2
    transport.close()


def test_a_broken_connection_fails_a_request_that_must_not_repeat(serve: Serve) -> None:
    server = serve(Said(hang_up=True))
    transport = transport_to(server.uri)
    with pytest.raises(errors.StoreUnavailable, match="connection broke"):
        transport.exchange("POST", "/x", body=b"{}", repeatable=False)
    assert len(server.seen) == 1
    transport.close()


def test_retries_end(serve: Serve) -> None:
    server = serve(BUSY)
    transport = transport_to(server.uri, ASSAY_HTTP_MAX_RETRIES="2")
    with pytest.raises(errors.StoreUnavailable, match="busy"):
        transport.exchange("GET", "/x")
    assert len(server.seen) == 3
    transport.close()


def test_a_server_that_is_not_there_is_reported_within_seconds() -> None:
    transport = transport_to(f"http://127.0.0.1:{free_port()}")
    begin = time.monotonic()
    with pytest.raises(errors.StoreUnavailable, match="refused"):
        transport.exchange("GET", "/x")
    assert time.monotonic() - begin < 5
    transport.close()


def test_an_answer_that_never_comes_is_given_up_after_the_timeout() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        transport = transport_to(
            f"http://127.0.0.1:{silent.getsockname()[1]}", ASSAY_HTTP_TIMEOUT_S="0.2"
        )
        with pytest.raises(errors.StoreUnavailable, match=r"no answer within 0\.2 s"):
            transport.exchange("GET", "/x")
        transport.close()


def test_a_token_is_sent_as_bearer(serve: Serve) -> None:
    server = serve(Said())
    for name in ("ASSAY_TRACKING_TOKEN", "MLFLOW_TRACKING_TOKEN"):
        transport = transport_to(server.uri, **{name: "secret-token"})
        transport.exchange("GET", "/x")
        assert server.seen[-1].headers["authorization"] == "Bearer secret-token"
        transport.close()


def test_username_and_password_are_sent_as_basic(serve: Serve) -> None:
    server = serve(Said())
    transport = transport_to(
        server.uri, MLFLOW_TRACKING_USERNAME="ann", MLFLOW_TRACKING_PASSWORD="pä:ss"
    )
    transport.exchange("GET", "/x")
    sent = server.seen[-1].headers["authorization"].removeprefix("Basic ")
    assert base64.b64decode(sent).decode() == "ann:pä:ss"
    transport.close()


def test_credentials_of_the_address_are_used_and_never_shown(serve: Serve) -> None:
    server = serve(Said(500, b"oh no"))
    transport = transport_to(f"http://ann:hunter%212@127.0.0.1:{server.port}/")
    with pytest.raises(errors.AssayError) as caught:
        transport.exchange("GET", "/x")
    sent = server.seen[-1].headers["authorization"].removeprefix("Basic ")
    assert base64.b64decode(sent) == b"ann:hunter!2"
    for shown in (transport.base_url, str(caught.value), repr(transport.settings)):
        assert "hunter" not in shown
    transport.close()


def test_the_user_is_named_in_a_header(serve: Serve) -> None:
    server = serve(Said())
    transport = transport_to(server.uri, ASSAY_USER="Zoë")
    transport.exchange("GET", "/x")
    # Python's server reads headers as Latin-1.
    assert server.seen[-1].headers["x-assay-user"].encode("latin-1").decode() == "Zoë"
    transport.close()


def test_a_name_of_the_system_that_cannot_be_sent_is_left_out(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOGNAME", "strange:name")
    server = serve(Said())
    transport = transport_to(server.uri)
    transport.exchange("GET", "/x")
    assert "x-assay-user" not in server.seen[-1].headers
    transport.close()


def test_a_user_name_that_cannot_be_sent_is_refused(serve: Serve) -> None:
    with pytest.raises(errors.InvalidInput, match="Invalid user name"):
        read_settings("http://lab", {"ASSAY_USER": "a:b"})


def test_a_redirect_is_not_followed_with_credentials(serve: Serve) -> None:
    other = serve(Said())
    server = serve(Said(307, {}, {"Location": other.uri + "/x?token=1"}))
    transport = transport_to(server.uri, ASSAY_TRACKING_TOKEN="t")
    with pytest.raises(errors.StoreUnavailable, match="Use that address"):
        transport.exchange("POST", "/x", body=b"{}")
    assert not other.seen
    transport.close()


@pytest.mark.parametrize(
    "uri", ["ftp://host", "http://", "host:5000", "http://host:99999", "http://host:abc"]
)
def test_an_address_that_is_none_is_refused(uri: str) -> None:
    with pytest.raises(errors.InvalidInput):
        read_settings(uri, {})


def test_a_setting_that_is_no_number_is_refused_by_its_name() -> None:
    with pytest.raises(errors.InvalidInput, match="ASSAY_HTTP_TIMEOUT_S"):
        read_settings("http://host", {"ASSAY_HTTP_TIMEOUT_S": "soon"})


def test_insecure_tls_must_be_asked_for() -> None:
    assert read_settings("https://h", {}).verify_tls
    assert not read_settings("https://h", {"MLFLOW_TRACKING_INSECURE_TLS": "true"}).verify_tls


def test_a_path_prefix_is_kept(serve: Serve) -> None:
    server = serve(Said())
    transport = transport_to(server.uri + "/lab/mlflow/")
    transport.exchange("GET", "/api", query={"a": "1 2", "b": ["x", "y"]})
    assert server.seen[-1].path == "/lab/mlflow/api?a=1+2&b=x&b=y"
    transport.close()


def test_a_child_process_opens_connections_of_its_own(serve: Serve) -> None:
    server = serve(Said())
    transport = transport_to(server.uri)
    transport.exchange("GET", "/parent")
    child = os.fork()
    if child == 0:
        try:
            transport.exchange("GET", "/child")
            os._exit(0)
        except BaseException:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    transport.exchange("GET", "/parent")
    assert server.connections == 2
    assert [seen.path for seen in server.seen] == ["/parent", "/child", "/parent"]
    transport.close()


def test_this_machine_is_reached_without_a_proxy(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{free_port()}")
    transport = transport_to(serve(Said()).uri)
    assert transport.exchange("GET", "/x").status == 200
    transport.close()


def test_a_proxy_is_used_for_other_machines(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    proxy = serve(Said())
    monkeypatch.setenv("http_proxy", proxy.uri)
    transport = transport_to("http://assay.invalid:5000")
    assert transport.exchange("GET", "/x").status == 200
    assert proxy.seen[0].path == "http://assay.invalid:5000/x"
    transport.close()


def test_every_setting_is_documented() -> None:
    source = Path(settings_module.__file__).read_text()
    names = set(re.findall(r"\"(ASSAY_\w+|MLFLOW_\w+)\"", source))
    names |= {f"ASSAY_{name}" for name in re.findall(r"\"(TRACKING_\w+)\"", source)}
    page = (Path(__file__).parents[3] / "docs" / "reference" / "connection.md").read_text()
    assert len(names) > 8
    assert not [name for name in sorted(names) if f"`{name}`" not in page]


def test_after_close_nothing_is_sent(serve: Serve) -> None:
    server = serve(Said())
    transport = Transport(RemoteSettings(server.uri))
    transport.close()
    with pytest.raises(errors.StoreUnavailable, match="closed"):
        transport.exchange("GET", "/x")
    assert not server.seen
