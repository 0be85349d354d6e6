"""``assay users``: users and tokens on a database."""

from __future__ import annotations

import time

import pytest

from assay.entities.users import is_secret
from tests.unit.cli.conftest import Assay

DAY_MS = 86_400_000


def test_users_are_added_changed_disabled_and_removed(assay: Assay) -> None:
    assert assay("users", "add", "alice", "-r", "writer", "-r", "ml-lead").stdout == (
        "alice: ml-lead, writer (active)\n"
    )
    assay("users", "add", "bob", "--role", "reader")
    assay("users", "disable", "bob")
    head, *rows = assay.lines("users", "list")
    assert head == ["name", "roles", "state", "created"]
    assert [row[:3] for row in rows] == [
        ["alice", "ml-lead, writer", "active"],
        ["bob", "reader", "disabled"],
    ]
    assert assay.json("users", "add", "bob", "-r", "writer")["disabled"] is False
    assert assay("users", "remove", "bob").stdout == "removed bob\n"
    (left,) = assay.json("users", "list")
    assert left["name"] == "alice"
    assert left["roles"] == ["ml-lead", "writer"]


def test_a_tokens_secret_is_printed_alone_and_only_once(assay: Assay) -> None:
    assay("users", "add", "ci", "-r", "writer")
    made = assay("users", "token", "ci", "--label", "nightly", "--expires", "90d")
    secret = made.stdout.strip()
    assert is_secret(secret)
    assert "only this once" in made.stderr
    listed = assay("users", "tokens", "ci").stdout
    assert "nightly" in listed
    assert secret not in listed + assay("users", "tokens", "ci", "--json").stdout


def test_a_token_as_json_has_its_secret_and_the_time_it_ends(assay: Assay) -> None:
    assay("users", "add", "ci", "-r", "writer")
    before = time.time_ns() // 1_000_000
    made = assay.json("users", "token", "ci", "--expires", "2d")
    assert is_secret(made["secret"])
    assert 2 * DAY_MS <= made["expires"] - before < 2 * DAY_MS + 60_000
    assert assay.json("users", "token", "ci")["expires"] is None
    assert [one["expires"] for one in assay.json("users", "tokens", "ci")] == [
        made["expires"],
        None,
    ]


def test_a_revoked_token_is_gone(assay: Assay) -> None:
    assay("users", "add", "ci", "-r", "writer")
    ident = assay.json("users", "token", "ci")["token_id"]
    assert assay.json("users", "revoke", ident)["revoked"] is True
    assert assay.json("users", "tokens", "ci") == []
    assert assay("users", "revoke", ident, code=2).stderr == f"Error: No token '{ident}' exists.\n"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("add", "a:b", "-r", "reader"), "Invalid user name"),
        (("add", "alice", "-r", "Admin"), "the built-in role is 'admin'"),
        (("add", "alice"), "Missing option '--role'"),
        (("disable", "alice"), "No user 'alice' exists"),
        (("remove", "alice"), "No user 'alice' exists"),
        (("token", "alice"), "No user 'alice' exists"),
        (("tokens", "alice"), "No user 'alice' exists"),
        (("token", "alice", "--expires", "soon"), "Invalid age"),
        (("token", "alice", "--expires", "0d"), "later than now"),
    ],
)
def test_mistakes_are_told(assay: Assay, arguments: tuple[str, ...], told: str) -> None:
    assert told in assay("users", *arguments, code=2).stderr


def test_users_are_never_managed_through_a_server(assay: Assay) -> None:
    assay.uri = "http://127.0.0.1:1"
    assert "is a server" in assay("users", "list", code=2).stderr
