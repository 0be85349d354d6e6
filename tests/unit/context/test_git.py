"""What git says of a working tree."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from assay.context import git
from assay.context.git import git_state


def _git(folder: Path, *words: str) -> str:
    done = subprocess.run(
        ["git", "-c", "user.email=a@b.c", "-c", "user.name=a", *words],
        cwd=folder,
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    _git(tmp_path, "init", "-q", "-b", "main")
    (tmp_path / "a.py").write_text("one\n")
    (tmp_path / "pic.bin").write_bytes(bytes(range(256)))
    _git(tmp_path, "add", ".")
    _git(tmp_path, "commit", "-q", "-m", "first")
    return tmp_path


def test_clean_tree_has_commit_and_branch_and_no_patch(repository: Path) -> None:
    (repository / "deep").mkdir()
    state = git_state(repository / "deep")
    assert state is not None
    assert state.commit == _git(repository, "rev-parse", "HEAD")
    assert (state.branch, state.remote, state.patch) == ("main", "", b"")
    assert state.tags()["assay.source.git.dirty"] == "false"


def test_patch_brings_the_commit_to_what_was_run(repository: Path, tmp_path: Path) -> None:
    (repository / "a.py").write_text("two\n")
    (repository / "pic.bin").write_bytes(b"\x00\xff" * 50)
    _git(repository, "add", "pic.bin")
    state = git_state(repository)
    assert state is not None
    _git(repository, "reset", "-q", "--hard")
    (tmp_path / "p.patch").write_bytes(state.patch)
    _git(repository, "apply", str(tmp_path / "p.patch"))
    assert (repository / "a.py").read_text() == "two\n"
    assert (repository / "pic.bin").read_bytes() == b"\x00\xff" * 50


def test_patch_above_the_limit_is_left_out_and_said(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(git, "MAX_PATCH_BYTES", 10)
    (repository / "a.py").write_text("two\n")
    state = git_state(repository)
    assert state is not None
    assert state.patch == b""
    assert state.patch_bytes > 10
    assert state.tags()["assay.source.git.dirty"] == "true"


def test_detached_head_has_no_branch(repository: Path) -> None:
    _git(repository, "checkout", "-q", "--detach")
    state = git_state(repository)
    assert state is not None
    assert "mlflow.source.git.branch" not in state.tags()


def test_programs_of_the_repository_are_not_run(repository: Path) -> None:
    trap = repository / "trap.sh"
    trap.write_text(f"#!/bin/sh\ntouch {repository}/sprung\n")
    trap.chmod(0o755)
    _git(repository, "config", "diff.external", str(trap))
    _git(repository, "config", "core.fsmonitor", str(trap))
    (repository / "a.py").write_text("two\n")
    state = git_state(repository)
    assert state is not None
    assert b"+two" in state.patch
    assert not (repository / "sprung").exists()


def test_no_repository_no_commit_no_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert git_state(tmp_path) is None
    _git(tmp_path, "init", "-q")
    assert git_state(tmp_path) is None
    monkeypatch.setenv("PATH", "")
    assert git_state(tmp_path) is None
