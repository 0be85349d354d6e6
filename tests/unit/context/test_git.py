"""What git says of a working tree."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from assay.context import git
from assay.context.git import git_state

SOURCE = Path(__file__).parents[3] / "src"


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
    assert (state.patch_bytes or 0) > 10
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


def _program(folder: Path, *, argv: list[str]) -> bytes:
    """The patch that a program of its own takes, started as ``argv`` in ``folder``."""
    done = subprocess.run(
        [sys.executable, *argv],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
        check=True,
        capture_output=True,
    )
    return done.stdout


PROGRAM = """
import sys
from pathlib import Path
import {imports}
from assay.context.git import git_state
state = git_state(Path.cwd())
sys.stdout.buffer.write(state.patch)
"""


def test_program_that_was_never_added_is_in_the_patch(repository: Path, tmp_path: Path) -> None:
    (repository / "new folder").mkdir()
    (repository / "new folder" / "train.py").write_text(PROGRAM.format(imports="helper"))
    (repository / "new folder" / "helper.py").write_text("value = 1\n")
    (repository / "new folder" / "other.py").write_text("never imported\n")
    (repository / "settings.yaml").write_text("lr: 0.1\n")
    (repository / "ignored.yaml").write_text("big: data\n")
    (repository / ".env").write_text("TOKEN=x\n")
    (repository / ".gitignore").write_text("ignored.yaml\n")
    (repository / "a.py").write_text("two\n")
    words = ["--settings=settings.yaml", "ignored.yaml", ".env"]

    patch = _program(repository, argv=["new folder/train.py", *words])

    clone = tmp_path / "clone"
    _git(repository, "clone", "-q", ".", str(clone))
    subprocess.run(["git", "apply", "-"], cwd=clone, input=patch, check=True)
    found = {
        path.relative_to(clone).as_posix()
        for path in clone.rglob("*")
        if path.is_file() and ".git/" not in path.as_posix()
    }
    new = {"new folder/train.py", "new folder/helper.py", "settings.yaml"}
    assert found == {"a.py", "pic.bin", *new}
    assert (clone / "a.py").read_text() == "two\n"
    # The user's own index is as it was.
    assert _git(repository, "diff", "--cached", "--name-only") == ""


def test_change_of_the_same_size_and_time_as_the_index_is_in_the_patch(repository: Path) -> None:
    _git(repository, "config", "core.checkStat", "minimal")
    _git(repository, "config", "core.trustctime", "false")
    (repository / "train.py").write_text(PROGRAM.format(imports="json"))
    then = (repository / "a.py").stat().st_mtime_ns - 60 * 10**9
    os.utime(repository / "a.py", ns=(then, then))
    _git(repository, "update-index", "--refresh")
    (repository / "a.py").write_text("two\n")
    for changed in ("a.py", ".git/index"):
        os.utime(repository / changed, ns=(then, then))

    patch = _program(repository, argv=["train.py"])

    assert b"+two" in patch
    assert b"train.py" in patch


def test_where_the_program_ran_is_told(repository: Path) -> None:
    (repository / "deep" / "er").mkdir(parents=True)
    inner, top = git_state(repository / "deep" / "er"), git_state(repository, with_patch=False)
    assert inner is not None
    assert top is not None
    assert inner.tags()["assay.source.directory"] == "deep/er"
    assert inner.tags()["assay.source.git.root"] == str(repository)
    assert top.tags()["assay.source.directory"] == "."
    # Nobody looked, so nothing is said.
    assert "assay.source.git.dirty" not in top.tags()
