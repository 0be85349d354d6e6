"""Git: which commit the code was at, and what it differed by.

Asks the ``git`` program, as the user would, with everything off that a repository's own
configuration could make it run. Without git, or outside a repository, there is simply nothing to
tell.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import NamedTuple

from assay.context.source import strip_url_secrets
from assay.entities import tags

MAX_PATCH_BYTES = 10 << 20
"""A longer patch is left out and said so: half a patch applies to nothing."""
_TIMEOUT_S = 20.0
_QUIET = ["-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null"]


class GitState(NamedTuple):
    """The state of a working tree."""

    root: str
    commit: str
    branch: str
    """Empty on a detached head."""
    remote: str
    """URL of ``origin`` without secrets; empty if there is none."""
    patch: bytes
    """Difference of the tracked files to the commit; empty if none, or if it is too long."""
    patch_bytes: int
    """How long the patch is, kept or not."""

    def tags(self) -> dict[str, str]:
        """The facts as tags of a run."""
        facts = {
            tags.GIT_COMMIT: self.commit,
            tags.GIT_BRANCH: self.branch,
            tags.GIT_REMOTE: self.remote,
            tags.GIT_DIRTY: "true" if self.patch_bytes else "false",
        }
        return {key: value for key, value in facts.items() if value}


def git_state(folder: Path, *, with_patch: bool = True) -> GitState | None:
    """The state of the working tree around ``folder``, or ``None`` if it is in none or has no
    commit.
    """
    if not any((parent / ".git").exists() for parent in (folder, *folder.parents)):
        return None
    heads = _git(folder, "rev-parse", "--show-toplevel", "HEAD", "--abbrev-ref", "HEAD")
    lines = heads.decode("utf-8", "replace").split("\n") if heads else []
    if len(lines) < 3:
        return None
    root, commit, branch = lines[:3]
    remote = _git(folder, "remote", "get-url", "origin") or b""
    patch = _patch(Path(root)) if with_patch else b""
    return GitState(
        root=root,
        commit=commit,
        branch="" if branch == "HEAD" else branch,
        remote=strip_url_secrets(remote.decode("utf-8", "replace").strip()),
        patch=patch if len(patch) <= MAX_PATCH_BYTES else b"",
        patch_bytes=len(patch),
    )


def _patch(root: Path) -> bytes:
    return (
        _git(root, "diff", "HEAD", "--binary", "--no-color", "--no-ext-diff", "--no-textconv")
        or b""
    )


def _git(folder: Path, *arguments: str) -> bytes | None:
    # GIT_OPTIONAL_LOCKS: looking must not take the lock that the user's own git is about to need.
    environment = {
        **os.environ,
        "GIT_OPTIONAL_LOCKS": "0",
        "LC_ALL": "C",
        "GIT_TERMINAL_PROMPT": "0",
    }
    try:
        done = subprocess.run(  # noqa: S603 - fixed words, no shell
            ["git", *_QUIET, "-C", str(folder), *arguments],  # noqa: S607 - the user's own git
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            timeout=_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout if done.returncode == 0 else None
