"""Git: which commit the code was at, and what it differed by.

Asks the ``git`` program, as the user would, with everything off that a repository's own
configuration could make it run. Without git, or outside a repository, there is simply nothing to
tell.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from assay.context.program_files import program_files
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
    directory: str
    """The folder that was asked about, within the tree; ``.`` for its root."""
    patch: bytes
    """Difference to the commit of the tracked files, and of files of the program that were never
    added; empty if none, or if it is too long.
    """
    patch_bytes: int | None
    """How long the patch is, kept or not; ``None`` if nobody asked for it."""

    def tags(self) -> dict[str, str]:
        """The facts as tags of a run."""
        facts = {
            tags.GIT_COMMIT: self.commit,
            tags.GIT_BRANCH: self.branch,
            tags.GIT_REMOTE: self.remote,
            tags.GIT_ROOT: self.root,
            tags.SOURCE_DIRECTORY: self.directory,
        }
        if self.patch_bytes is not None:
            facts[tags.GIT_DIRTY] = "true" if self.patch_bytes else "false"
        return {key: value for key, value in facts.items() if value}


def git_state(folder: Path, *, with_patch: bool = True) -> GitState | None:
    """The state of the working tree around ``folder``, or ``None`` if it is in none or has no
    commit.
    """
    if not any((parent / ".git").exists() for parent in (folder, *folder.parents)):
        return None
    asked = ["--show-toplevel", "--show-prefix", "--git-path", "index"]
    heads = _git(folder, "rev-parse", *asked, "HEAD", "--abbrev-ref", "HEAD")
    lines = heads.decode("utf-8", "surrogateescape").split("\n") if heads else []
    if len(lines) < 5:
        return None
    root, prefix, index, commit, branch = lines[:5]
    remote = _git(folder, "remote", "get-url", "origin") or b""
    patch = _patch(Path(root), folder / index) if with_patch else None
    return GitState(
        root=root,
        commit=commit,
        branch="" if branch == "HEAD" else branch,
        remote=strip_url_secrets(remote.decode("utf-8", "replace").strip()),
        directory=prefix.rstrip("/") or ".",
        patch=patch if patch is not None and len(patch) <= MAX_PATCH_BYTES else b"",
        patch_bytes=None if patch is None else len(patch),
    )


def _patch(root: Path, index: Path) -> bytes:
    diff = [
        "diff",
        "HEAD",
        "--binary",
        "--full-index",
        "--no-color",
        "--no-ext-diff",
        "--no-textconv",
    ]
    added = _never_added(root)
    if not added:
        return _git(root, *diff) or b""
    # In an index of our own the new files are announced; then one diff has them too.
    with tempfile.TemporaryDirectory(prefix="assay-index-") as folder:
        own = Path(folder) / "index"
        try:
            # With its time: git looks again at files that changed within the tick it was written.
            shutil.copy2(index, own)
        except FileNotFoundError:
            pass  # nothing was ever added here
        except OSError:
            return _git(root, *diff) or b""
        _git(root, "add", "--intent-to-add", "--force", "--", *added, index=own)
        return _git(root, *diff, index=own) or b""


def _never_added(root: Path) -> list[str]:
    """Files of this program that git doesn't track: code in any case, other ones unless they are
    ignored, as data often is.
    """
    files = program_files(root)
    others = ["ls-files", "--others", "-z"]
    found = [*_listed(root, others, files.code)]
    found += _listed(root, [*others, "--exclude-standard"], files.named)
    return found


def _listed(root: Path, words: Sequence[str], names: Sequence[str]) -> list[str]:
    said = _git(root, *words, "--", *names) if names else None
    return [] if not said else [os.fsdecode(name) for name in said.split(b"\0") if name]


def _git(folder: Path, *arguments: str, index: Path | None = None) -> bytes | None:
    # GIT_OPTIONAL_LOCKS: looking must not take the lock that the user's own git is about to need.
    environment = {
        **os.environ,
        "GIT_OPTIONAL_LOCKS": "0",
        "LC_ALL": "C",
        "GIT_TERMINAL_PROMPT": "0",
        # Names of files are names, whatever characters they have.
        "GIT_LITERAL_PATHSPECS": "1",
    }
    if index is not None:
        environment["GIT_INDEX_FILE"] = str(index)
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
