"""What a tracking URI means."""

from __future__ import annotations

from pathlib import Path

import pytest

from assay.errors import InvalidInput
from assay.store.uri import resolve_location, without_secrets


def test_without_any_uri_the_nearest_home_upward_is_used(tmp_path: Path) -> None:
    (tmp_path / ".assay").mkdir()
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    location = resolve_location(cwd=below, environ={})
    assert location.home == tmp_path / ".assay"
    assert location.tracking_uri == f"sqlite:///{tmp_path}/.assay/assay.db"
    assert location.artifact_root == str(tmp_path / ".assay" / "artifacts")


def test_without_a_home_one_is_named_in_the_working_directory(tmp_path: Path) -> None:
    assert resolve_location(cwd=tmp_path, environ={}).home == tmp_path / ".assay"
    assert list(tmp_path.iterdir()) == []


def test_the_own_variable_goes_before_that_of_mlflow(tmp_path: Path) -> None:
    both = {"ASSAY_TRACKING_URI": "http://a:1", "MLFLOW_TRACKING_URI": "http://b:2"}
    assert resolve_location(cwd=tmp_path, environ=both).tracking_uri == "http://a:1"
    del both["ASSAY_TRACKING_URI"]
    assert resolve_location(cwd=tmp_path, environ=both).tracking_uri == "http://b:2"


@pytest.mark.parametrize("text", ["there", "{}/there", "file://{}/there"])
def test_a_folder_is_the_home_itself(tmp_path: Path, text: str) -> None:
    location = resolve_location(text.format(tmp_path), cwd=tmp_path, environ={})
    assert location.home == tmp_path / "there"
    assert location.kind == "sqlite"


def test_all_who_name_one_database_meet_at_one_journal(tmp_path: Path) -> None:
    other = tmp_path / "elsewhere"
    relative = resolve_location("sqlite:///runs.db", cwd=tmp_path, environ={})
    absolute = resolve_location(f"sqlite:///{tmp_path}/runs.db", cwd=other, environ={})
    assert relative == absolute
    named = resolve_location(f"sqlite:///{tmp_path}/.assay/assay.db", cwd=other, environ={})
    assert named == resolve_location(tmp_path / ".assay", cwd=other, environ={})


def test_destinations_have_journals_of_their_own(tmp_path: Path) -> None:
    uris = ["http://a:1", "http://a:2", "postgresql://u:p@h/a", "postgresql://u:p@h/b", None]
    folders = {resolve_location(u, cwd=tmp_path, environ={}).journal_folder for u in uris}
    assert len(folders) == 5


def test_no_password_reaches_a_folder_name_or_a_message(tmp_path: Path) -> None:
    location = resolve_location("https://ann:secret@host/x", cwd=tmp_path, environ={})
    assert "secret" in location.tracking_uri
    assert "secret" not in location.shown_uri
    assert "secret" not in str(location.journal_folder)
    assert without_secrets("postgresql://u:p@h:5/db") == "postgresql://h:5/db"


@pytest.mark.parametrize("uri", ["sqlite://", "sqlite:///:memory:", "mysql://h/d", "http://"])
def test_what_cannot_be_used_is_refused_with_a_reason(tmp_path: Path, uri: str) -> None:
    with pytest.raises(InvalidInput):
        resolve_location(uri, cwd=tmp_path, environ={})
