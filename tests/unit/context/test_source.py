"""Command lines and URLs without their secrets."""

from __future__ import annotations

import pytest

from assay.context.source import mask_secrets, source_name, source_tags, strip_url_secrets


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (["--password", "x y"], ["--password", "***"]),
        (["--db-password=x"], ["--db-password=***"]),
        (["--api-key", "abc", "--lr", "0.1"], ["--api-key", "***", "--lr", "0.1"]),
        (["--hf_token=abc"], ["--hf_token=***"]),
        (["API_KEY=abc"], ["API_KEY=***"]),
        (["--token", "--verbose"], ["--token", "--verbose"]),
        (["--lr", "0.1", "train.py"], ["--lr", "0.1", "train.py"]),
        (["https://me:pw@host/x?a=1"], ["https://***@host/x?a=1"]),
        (["--url=postgres://u:p@h/db"], ["--url=postgres://***@h/db"]),
        (["ghp_" + "a" * 36], ["***"]),
        (["x=hf_" + "b" * 30], ["x=***"]),
        ([], []),
    ],
)
def test_values_that_look_secret_are_masked(words: list[str], shown: list[str]) -> None:
    assert mask_secrets(words) == shown


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://user:token@host/team/repo.git", "https://host/team/repo.git"),
        ("https://token@host:8443/r?private=1#f", "https://host:8443/r"),
        ("ssh://git@host/r.git", "ssh://host/r.git"),
        ("git@host:team/repo.git", "git@host:team/repo.git"),
        ("/local/repo", "/local/repo"),
        ("", ""),
    ],
)
def test_remote_urls_lose_user_and_query(url: str, shown: str) -> None:
    assert strip_url_secrets(url) == shown


def test_source_is_the_script_that_was_started(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["train.py", "--lr", "1"])
    assert source_name() == "train.py"
    assert source_tags()["mlflow.source.type"] == "LOCAL"


def test_user_can_be_named_by_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_USER", "ada")
    assert source_tags()["mlflow.user"] == "ada"
