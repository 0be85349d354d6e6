"""The gate of tokens: whom it knows, whom it refuses, and how long it remembers."""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import AsyncGenerator, Iterator
from pathlib import Path

import pytest

from assay.entities.users import BUILT_IN_ROLES
from assay.http.errors import HttpError
from assay.server.auth.gate import NOBODY, REMEMBERED_S, TokenGate
from assay.server.auth.tokens import PERMISSIONS, permissions_of, read_credentials
from assay.server.identity import Identity, Permission
from assay.server.middleware.gate import OpenGate, require
from assay.server.routing import Route
from assay.server.streaming import while_allowed
from assay.store.sql.store import SqlStore, open_sql_store
from assay.store.sql.users import SqlUsers
from assay.store.user import local_cause

CAUSE = local_cause()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    store = open_sql_store(f"sqlite:///{tmp_path}/a.db")
    store.users.set("alice", ["writer", "ml-lead"], cause=CAUSE)
    yield store
    store.close()


@pytest.fixture
def users(store: SqlStore) -> SqlUsers:
    return store.users


@pytest.fixture
def secret(users: SqlUsers) -> str:
    return users.make_token("alice", cause=CAUSE)[1]


def bearer(secret: str) -> bytes:
    return b"Bearer " + secret.encode()


def basic(user: str, secret: str) -> bytes:
    return b"Basic " + base64.b64encode(f"{user}:{secret}".encode())


def identify(gate: TokenGate, header: bytes, **more: bytes) -> Identity:
    headers = {b"authorization": header}
    headers.update({name.replace("_", "-").encode(): value for name, value in more.items()})
    return asyncio.run(gate.identify(headers))


def refusal(gate: TokenGate, header: bytes) -> HttpError:
    with pytest.raises(HttpError) as caught:
        identify(gate, header)
    assert caught.value.status == 401
    assert caught.value.error_code == "UNAUTHENTICATED"
    return caught.value


def route(permission: Permission) -> Route:
    return Route(
        method="GET", path="/x", handler=lambda _c, _r: None, permission=permission, summary="x"
    )


def test_a_token_tells_name_roles_and_permissions(users: SqlUsers, secret: str) -> None:
    gate = TokenGate(users)
    expected = Identity(
        "alice",
        frozenset({Permission.PUBLIC, Permission.READ, Permission.WRITE}),
        roles=("ml-lead", "writer"),
        verified=True,
    )
    for header in (bearer(secret), b"bearer  " + secret.encode(), basic("alice", secret)):
        assert identify(gate, header) == expected


def test_a_claimed_name_counts_for_nothing_beside_a_token(users: SqlUsers, secret: str) -> None:
    gate = TokenGate(users)
    assert identify(gate, bearer(secret), x_assay_user=b"root").name == "alice"
    assert asyncio.run(gate.identify({b"x-assay-user": b"root"})) is NOBODY


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"Bearer",
        b"Bearer x",
        b"Bearer assay_\xff",
        b"Basic !!!",
        b"Basic " + base64.b64encode(b"no colon"),
        b"Basic " + base64.b64encode(b"alice:\xff"),
        b"Basic " + base64.b64encode(b"alice:password"),
        b"Digest username=alice",
        b"Negotiate abc",
    ],
)
def test_what_is_no_token_is_refused_without_a_look_up(users: SqlUsers, header: bytes) -> None:
    assert read_credentials(header) is None
    refusal(TokenGate(users), header)


def test_wrong_tokens_are_refused_and_the_answer_says_what_to_set(
    users: SqlUsers, secret: str
) -> None:
    gate = TokenGate(users)
    error = refusal(gate, bearer(secret[:-2] + "__"))
    assert "isn't known here" in error.message
    assert "ASSAY_TRACKING_TOKEN" in error.message
    assert "MLFLOW_TRACKING_TOKEN" in error.message
    challenges = [value for name, value in error.headers if name == b"www-authenticate"]
    assert [challenge.split()[0] for challenge in challenges] == [b"Bearer", b"Basic"]


@pytest.mark.parametrize("name", ["", "bob", "Alice", "alice "])
def test_basic_with_another_name_than_the_owners_is_refused(
    users: SqlUsers, secret: str, name: str
) -> None:
    gate = TokenGate(users)
    assert "is not" in refusal(gate, basic(name, secret)).message
    identify(gate, bearer(secret))
    refusal(gate, basic(name, secret))


def test_a_token_works_as_soon_as_it_was_made(users: SqlUsers) -> None:
    gate = TokenGate(users)
    users.set("bob", ["reader"], cause=CAUSE)
    _, secret = users.make_token("bob", cause=CAUSE)
    assert identify(gate, bearer(secret)).name == "bob"


def test_a_known_token_is_not_looked_up_again_for_a_while(users: SqlUsers, secret: str) -> None:
    gate = TokenGate(users)
    first = identify(gate, bearer(secret))
    (token,) = users.tokens("alice")
    users.revoke(token.token_id, cause=CAUSE)
    assert identify(gate, bearer(secret)) is first


def test_it_remembers_for_less_than_five_seconds() -> None:
    assert REMEMBERED_S < 5


@pytest.mark.parametrize("change", ["revoke", "disable", "remove"])
def test_who_lost_the_right_is_refused_at_the_next_look(
    users: SqlUsers, secret: str, change: str
) -> None:
    gate = TokenGate(users, remembered_s=0)
    identify(gate, bearer(secret))
    if change == "revoke":
        users.revoke(users.tokens("alice")[0].token_id, cause=CAUSE)
    elif change == "disable":
        users.disable("alice", cause=CAUSE)
    else:
        users.remove("alice", cause=CAUSE)
    refusal(gate, bearer(secret))


def test_other_roles_count_at_the_next_look(users: SqlUsers, secret: str) -> None:
    gate = TokenGate(users, remembered_s=0)
    assert Permission.WRITE in identify(gate, bearer(secret)).permissions
    users.set("alice", ["reader"], cause=CAUSE)
    assert Permission.WRITE not in identify(gate, bearer(secret)).permissions


def test_an_expired_token_is_refused_although_it_was_remembered(users: SqlUsers) -> None:
    gate = TokenGate(users)
    soon = time.time_ns() // 1_000_000 + 300
    _, secret = users.make_token("alice", expires=soon, cause=CAUSE)
    assert identify(gate, bearer(secret)).name == "alice"
    while time.time_ns() // 1_000_000 <= soon:
        assert time.time() < soon / 1_000 + 5
    assert "has expired on" in refusal(gate, bearer(secret)).message


def test_every_built_in_role_has_permissions_and_others_only_read() -> None:
    assert set(PERMISSIONS) == set(BUILT_IN_ROLES)
    assert permissions_of(["admin"]) == frozenset(Permission)
    assert Permission.WRITE not in permissions_of(["reader"])
    assert permissions_of(["writer"]) == permissions_of(["worker"])
    assert permissions_of(["manager"]) - permissions_of(["writer"]) == {Permission.MANAGE}
    assert permissions_of(["ml-lead"]) == {Permission.PUBLIC, Permission.READ}


def test_a_route_asks_those_to_sign_in_who_havent_and_refuses_those_who_may_not() -> None:
    reader = Identity("bob", permissions_of(["reader"]), roles=("reader",), verified=True)
    require(reader, route(Permission.READ))
    require(NOBODY, route(Permission.PUBLIC))
    with pytest.raises(HttpError, match="asks for sign-in") as missing:
        require(NOBODY, route(Permission.READ))
    with pytest.raises(HttpError, match=r"'write'.*'bob' \(reader\)") as lacking:
        require(reader, route(Permission.WRITE))
    assert (missing.value.status, lacking.value.status) == (401, 403)
    assert lacking.value.error_code == "PERMISSION_DENIED"


def test_the_open_gate_lets_everybody_do_everything_under_the_name_they_claim() -> None:
    gate = OpenGate()
    identity = asyncio.run(gate.identify({b"x-assay-user": b"bob", b"authorization": b"Bearer x"}))
    assert (identity.name, identity.verified) == ("bob", False)
    require(identity, route(Permission.ADMIN))


def test_a_stream_ends_before_the_first_chunk_that_its_reader_may_not_see() -> None:
    closed = []

    async def scenario() -> list[bytes]:
        async def chunks() -> AsyncGenerator[bytes, None]:
            try:
                for number in range(9):
                    yield b"%d" % number
            finally:
                closed.append(True)

        answers = iter([True, True, False])

        async def allowed() -> bool:
            return next(answers)

        return [chunk async for chunk in while_allowed(chunks(), allowed)]

    assert asyncio.run(scenario()) == [b"0", b"1"]
    assert closed == [True]
