"""Users and tokens: what is kept of them, who is found by a secret, what the audit log tells."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from assay.entities.audit import Actor, AuditRecord, Cause
from assay.entities.users import TOKEN_PREFIX, User, is_secret
from assay.errors import InvalidInput, LimitExceeded, RegistryItemNotFound
from assay.store.sql.audit import SqlAudit
from assay.store.sql.statements import Sql
from assay.store.sql.store import SqlStore, open_sql_store
from assay.store.sql.users import SqlUsers

CAUSE = Cause(Actor("root", origin="local"), "new in the team")
LATER = time.time_ns() // 1_000_000 + 3_600_000


def opened(uri: str) -> Iterator[SqlStore]:
    store = open_sql_store(uri)
    yield store
    store.close()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    yield from opened(f"sqlite:///{tmp_path}/a.db")


@pytest.fixture
def users(store: SqlStore) -> SqlUsers:
    return store.users


def records(store: SqlStore) -> list[AuditRecord]:
    audit = SqlAudit(store.database)
    assert audit.verify().ok
    return audit.page()


class Users:
    """What holds on both databases."""

    def test_a_user_has_roles_once_and_in_order(self, users: SqlUsers) -> None:
        user = users.set("alice", ["writer", "ml-lead", "writer"], cause=CAUSE)
        assert user.roles == ("ml-lead", "writer")
        assert users.list() == [user]
        assert users.get("alice") == user

    def test_a_user_who_is_set_again_gets_other_roles_and_is_let_in_again(
        self, users: SqlUsers
    ) -> None:
        first = users.set("alice", ["admin"], cause=CAUSE)
        assert users.disable("alice", cause=CAUSE).disabled
        again = users.set("alice", ["reader"], cause=CAUSE)
        assert again == User("alice", ("reader",), first.created, disabled=False)

    def test_a_token_leads_to_its_user_and_is_stored_as_a_digest_only(
        self, store: SqlStore, users: SqlUsers
    ) -> None:
        users.set("alice", ["writer"], cause=CAUSE)
        token, secret = users.make_token("alice", label="ci", expires=LATER, cause=CAUSE)
        assert is_secret(secret)
        holder = users.holder(secret)
        assert holder is not None
        assert (holder.name, holder.roles, holder.disabled) == ("alice", ("writer",), False)
        assert holder.expires == LATER
        assert users.tokens("alice") == [token]
        with store.database.read() as conn:
            (row,) = Sql("SELECT * FROM api_tokens").all(conn)
        assert hashlib.sha256(secret.encode()).hexdigest() in row
        assert not any(secret in str(value) for value in row)

    def test_two_tokens_differ_and_a_changed_secret_leads_nowhere(self, users: SqlUsers) -> None:
        users.set("alice", ["writer"], cause=CAUSE)
        _, one = users.make_token("alice", cause=CAUSE)
        _, other = users.make_token("alice", cause=CAUSE)
        assert one != other
        assert users.holder(one[:-1] + ("A" if one[-1] != "A" else "B")) is None
        assert users.holder("") is None

    def test_a_revoked_token_leads_nowhere_and_the_others_stay(self, users: SqlUsers) -> None:
        users.set("alice", ["writer"], cause=CAUSE)
        gone, secret = users.make_token("alice", cause=CAUSE)
        kept, other = users.make_token("alice", cause=CAUSE)
        assert users.revoke(gone.token_id, cause=CAUSE) == gone
        assert users.holder(secret) is None
        assert users.holder(other) is not None
        assert users.tokens("alice") == [kept]
        with pytest.raises(RegistryItemNotFound, match="No token"):
            users.revoke(gone.token_id, cause=CAUSE)

    def test_a_removed_user_is_gone_with_all_tokens(self, users: SqlUsers) -> None:
        users.set("alice", ["writer"], cause=CAUSE)
        _, secret = users.make_token("alice", cause=CAUSE)
        users.remove("alice", cause=CAUSE)
        assert users.holder(secret) is None
        assert users.list() == []
        for call in (users.get, users.tokens):
            with pytest.raises(RegistryItemNotFound, match="No user 'alice'"):
                call("alice")

    def test_what_needs_a_user_says_when_there_is_none(self, users: SqlUsers) -> None:
        with pytest.raises(RegistryItemNotFound):
            users.disable("nobody", cause=CAUSE)
        with pytest.raises(RegistryItemNotFound):
            users.remove("nobody", cause=CAUSE)
        with pytest.raises(RegistryItemNotFound):
            users.make_token("nobody", cause=CAUSE)

    def test_disabled_users_are_nobody_to_start_a_server_for(self, users: SqlUsers) -> None:
        assert not users.anybody()
        users.set("alice", ["writer"], cause=CAUSE)
        assert users.anybody()
        users.disable("alice", cause=CAUSE)
        assert not users.anybody()

    def test_every_change_is_in_the_audit_log_and_no_secret(
        self, store: SqlStore, users: SqlUsers
    ) -> None:
        users.set("alice", ["writer"], cause=CAUSE)
        token, secret = users.make_token("alice", label="ci", expires=LATER, cause=CAUSE)
        users.revoke(token.token_id, cause=CAUSE)
        users.disable("alice", cause=CAUSE)
        users.make_token("alice", cause=CAUSE)
        users.remove("alice", cause=CAUSE)
        told = records(store)
        assert [record.action for record in told] == [
            "user.set",
            "token.made",
            "token.revoked",
            "user.set",
            "token.made",
            "user.removed",
        ]
        assert told[0].details == {"user": "alice", "roles": ["writer"], "disabled": False}
        assert told[1].details == told[2].details
        assert told[1].details == {
            "user": "alice",
            "token_id": token.token_id,
            "label": "ci",
            "expires": LATER,
        }
        assert told[3].details["disabled"]
        assert told[5].details == {"user": "alice", "tokens": 1}
        assert {(record.actor, record.reason) for record in told} == {("root", "new in the team")}
        assert secret not in str(told)
        assert hashlib.sha256(secret.encode()).hexdigest() not in str(told)

    def test_a_refused_change_leaves_no_record(self, store: SqlStore, users: SqlUsers) -> None:
        with pytest.raises(RegistryItemNotFound):
            users.remove("nobody", cause=CAUSE)
        assert records(store) == []


class TestOnSqlite(Users):
    """In a file."""


@pytest.mark.postgres
class TestOnPostgres(Users):
    """In a database of a server."""

    @pytest.fixture
    def store(self, postgres_uri: str) -> Iterator[SqlStore]:
        yield from opened(postgres_uri)


@pytest.mark.parametrize("name", ["", "a:b", " alice", "alice ", "a\nb", "x" * 201, "\x1b[31m"])
def test_a_name_that_headers_cant_carry_is_refused(users: SqlUsers, name: str) -> None:
    with pytest.raises(InvalidInput, match="Invalid user name"):
        users.set(name, ["reader"], cause=CAUSE)


@pytest.mark.parametrize("role", ["", "Admin", "WRITER", "role:x", "a b", "-a", "é", "x" * 65])
def test_a_role_that_a_policy_cant_name_is_refused(users: SqlUsers, role: str) -> None:
    with pytest.raises(InvalidInput, match="Invalid role"):
        users.set("alice", [role], cause=CAUSE)


def test_a_user_without_a_role_or_with_too_many_is_refused(users: SqlUsers) -> None:
    with pytest.raises(InvalidInput, match="needs a role"):
        users.set("alice", [], cause=CAUSE)
    with pytest.raises(LimitExceeded):
        users.set("alice", [f"r{number}" for number in range(51)], cause=CAUSE)


def test_a_token_that_has_expired_already_or_has_an_odd_label_is_refused(users: SqlUsers) -> None:
    users.set("alice", ["writer"], cause=CAUSE)
    with pytest.raises(InvalidInput, match="later than now"):
        users.make_token("alice", expires=1, cause=CAUSE)
    with pytest.raises(InvalidInput, match="control characters"):
        users.make_token("alice", label="a\nb", cause=CAUSE)
    with pytest.raises(LimitExceeded):
        users.make_token("alice", label="x" * 201, cause=CAUSE)


@pytest.mark.parametrize(
    "text", ["", TOKEN_PREFIX, TOKEN_PREFIX + "x" * 42, TOKEN_PREFIX + "x" * 43 + "\n", "x" * 49]
)
def test_what_is_not_written_like_a_secret_is_none(text: str) -> None:
    assert not is_secret(text)
