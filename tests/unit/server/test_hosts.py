"""Host and Origin: exact names, parsed addresses, nothing that merely looks alike."""

from __future__ import annotations

from typing import Any

import pytest

from assay.errors import InvalidInput
from assay.http.errors import HttpError
from assay.http.hosts import HostRules, is_loopback


def rules(**settings: Any) -> HostRules:
    return HostRules(**{"host": "127.0.0.1", **settings})


@pytest.mark.parametrize(
    "host",
    [b"localhost", b"LOCALHOST:5000", b"127.0.0.1:5000", b"127.9.9.9", b"[::1]:80", b"[::1]"],
)
def test_loopback_is_always_allowed(host: bytes) -> None:
    rules().check("GET", {b"host": host})


@pytest.mark.parametrize(
    "host",
    [
        b"evil.example",
        b"127.0.0.1.evil.example",
        b"localhost.evil.example",
        b"10.0.0.5",
        b"localhost:80:80",
        b"localhost:x",
        b"[::1",
        b"",
        b"user@localhost",
        b"localhost/",
        b"0177.0.0.1",
        b"\xff",
    ],
)
def test_other_hosts_are_refused(host: bytes) -> None:
    with pytest.raises(HttpError) as refused:
        rules().check("GET", {b"host": host})
    assert refused.value.status == 403


def test_a_request_without_a_host_is_refused() -> None:
    with pytest.raises(HttpError) as refused:
        rules().check("GET", {})
    assert refused.value.status == 400


def test_ranges_match_addresses_and_never_names() -> None:
    allowed = rules(allowed_hosts=("10.1.0.0/16", "lab.example.org"))
    allowed.check("GET", {b"host": b"10.1.2.3:5000"})
    allowed.check("GET", {b"host": b"Lab.Example.Org"})
    for host in (b"10.2.0.1", b"10.1.2.3.example.org", b"a.lab.example.org"):
        with pytest.raises(HttpError):
            allowed.check("GET", {b"host": host})


def test_a_server_beyond_loopback_answers_to_private_addresses() -> None:
    open_rules = rules(host="0.0.0.0")
    open_rules.check("GET", {b"host": b"192.168.1.4:5000"})
    with pytest.raises(HttpError):
        open_rules.check("GET", {b"host": b"evil.example"})


@pytest.mark.parametrize("name", ["*", "*.example.org", "a b", ""])
def test_patterns_over_names_are_no_setting(name: str) -> None:
    with pytest.raises(InvalidInput):
        rules(allowed_hosts=(name,))


HOST = {b"host": b"localhost:5000"}


@pytest.mark.parametrize("origin", [b"http://localhost:5000", b"https://localhost:5000"])
def test_our_own_pages_may_change_state(origin: bytes) -> None:
    rules().check("POST", {**HOST, b"origin": origin})


@pytest.mark.parametrize(
    "origin",
    [
        b"null",
        b"http://evil.example",
        b"http://localhost:3000",
        b"http://localhost",
        b"",
        b"file://",
    ],
)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_foreign_pages_may_not(method: str, origin: bytes) -> None:
    with pytest.raises(HttpError) as refused:
        rules().check(method, {**HOST, b"origin": origin})
    assert refused.value.status == 403


def test_foreign_pages_may_read_what_browsers_let_them() -> None:
    rules().check("GET", {**HOST, b"origin": b"http://evil.example"})


def test_an_allowed_origin_may_change_state() -> None:
    rules(allowed_origins=("https://ui.example.org/",)).check(
        "POST", {**HOST, b"origin": b"https://ui.example.org"}
    )


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("127.0.0.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("lab", False)],
)
def test_what_counts_as_this_machine(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback
