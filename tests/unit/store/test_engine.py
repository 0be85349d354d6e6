"""Database URIs."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from assay import errors
from assay.store.sql.engine import SqliteFile, parse_uri, shown_uri
from assay.store.sql.store import open_sql_store


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "nonsense",
        "mysql://u@h/db",
        "sqlite://",
        "sqlite:///:memory:",
        "http://x",
        "sqlite+foo:///a",
    ],
)
def test_uri_of_something_else_is_refused(uri: str) -> None:
    with pytest.raises(errors.InvalidInput):
        parse_uri(uri)


def test_password_of_a_malformed_uri_is_not_shown() -> None:
    with pytest.raises(errors.InvalidInput) as refused:
        parse_uri("mysql://user:secret@host/db")
    assert "secret" not in refused.value.message


def test_relative_path_counts_from_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found = parse_uri("sqlite:///some/assay.db")
    assert isinstance(found, SqliteFile)
    assert found.path == tmp_path / "some" / "assay.db"
    store = open_sql_store("sqlite:///rel.db")
    assert store.uri == f"sqlite:///{tmp_path}/rel.db"
    store.close()
    assert (tmp_path / "rel.db").exists()


def test_shown_uri_has_no_password_and_keeps_the_rest() -> None:
    uri = "postgresql://ada:s3cret@db:5433/assay?sslmode=require&password=other"
    shown = shown_uri(parse_uri(uri))
    assert shown == "postgresql://ada@db:5433/assay?sslmode=require"


def test_unknown_durability_is_refused(tmp_path: Path) -> None:
    with pytest.raises(errors.InvalidInput):
        open_sql_store(f"sqlite:///{tmp_path}/a.db", durability="maybe")


def test_missing_driver_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    # Uninstalling psycopg for one test would break the others.
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(errors.MissingExtra, match=r"assay\[postgres\]"):
        open_sql_store("postgresql://u@127.0.0.1:1/db")


def test_server_that_is_not_there_is_unavailable() -> None:
    with pytest.raises(errors.StoreUnavailable) as refused:
        open_sql_store("postgresql://u:secret@127.0.0.1:1/db")
    assert "secret" not in refused.value.message
