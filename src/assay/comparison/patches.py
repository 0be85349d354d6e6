"""Patches: the unified diff between the code of two runs.

With a repository that has both commits, the two working trees are made again, in a place of their
own, and compared: that is exactly what differed. Nothing is written to the repository. Without
one, all that can be compared is what each run had changed since its commit.
"""

from __future__ import annotations

import difflib
import os
import re
import subprocess
import tempfile
from pathlib import Path
from typing import Final

import msgspec

from assay.comparison.facts import CodeFacts
from assay.context.source import mask_text

MAX_DIFF_BYTES: Final = 1 << 20
"""A longer diff is cut at the end of a line, and says so."""
_TIMEOUT_S: Final = 60.0
_COMMIT: Final = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?\Z")
_HEAD: Final = re.compile(rb"^diff --git ([^\n]{1,9000})$", re.MULTILINE)
"""What opens a file's part; two paths of the longest that Linux has."""
_INDEX: Final = re.compile(rb"^index [0-9a-f]+\.\.[0-9a-f]+", re.MULTILINE)
_SAFE: Final = (
    *("-c", "core.fsmonitor=false"),
    *("-c", "core.hooksPath=/dev/null"),
    *("-c", "core.quotePath=false"),
)
"""What a repository's own configuration could otherwise make git run."""


class CodeDiff(msgspec.Struct, frozen=True, kw_only=True):
    """How the code of run ``b`` differs from that of run ``a``."""

    text: str = ""
    """Unified diff, secrets masked; empty: nothing differs, or nothing is known."""
    is_complete: bool = False
    """Whether both working trees were compared, and all of the diff is here."""
    notes: list[str] = []


def code_diff(a: CodeFacts, b: CodeFacts, repository: Path | None = None) -> CodeDiff:
    """The unified diff between the code of two runs.

    Args:
        a: of the run to compare with.
        b: of the run that differs.
        repository: a folder of a Git repository that has both commits; ``None``: there is none.
    """
    notes = _gaps(a, b)
    found: bytes | None = None
    if not notes and repository is not None:
        found = _of_trees(a, b, repository)
        if found is None:
            notes.append(f"{repository} isn't a repository with both commits.")
    if found is not None:
        return _shown(found, notes, is_complete=True)
    if a.commit != b.commit:
        notes.append(
            f"What changed between the commits {_short(a.commit)} and {_short(b.commit)} isn't"
            " shown: name a clone that has both with --repository."
        )
    return _shown(_of_patches(a.patch or b"", b.patch or b""), notes, is_complete=False)


def changed_files(a: bytes, b: bytes) -> list[str]:
    """Files that two patches change differently, sorted."""
    one, other = _sections(a), _sections(b)
    return sorted(path for path in one.keys() | other.keys() if one.get(path) != other.get(path))


def _gaps(a: CodeFacts, b: CodeFacts) -> list[str]:
    notes = []
    for name, code in (("first", a), ("second", b)):
        if not _COMMIT.match(code.commit):
            notes.append(f"The commit of the {name} run wasn't captured.")
        elif code.patch is None:
            notes.append(f"The uncommitted changes of the {name} run weren't kept.")
    return notes


def _of_trees(a: CodeFacts, b: CodeFacts, repository: Path) -> bytes | None:
    place = _git(repository, ["rev-parse", "--path-format=absolute", "--git-path", "objects"])
    if place is None:
        return None
    with tempfile.TemporaryDirectory(prefix="assay-diff-") as work:
        objects = Path(work) / "objects"
        objects.mkdir()
        # New trees and blobs go to the folder of our own; the repository is only read.
        environment = {
            "GIT_OBJECT_DIRECTORY": str(objects),
            "GIT_ALTERNATE_OBJECT_DIRECTORIES": os.fsdecode(place.strip()),
        }
        trees = []
        for name, code in (("a", a), ("b", b)):
            tree = _tree(code, repository, environment | {"GIT_INDEX_FILE": f"{work}/{name}.index"})
            if tree is None:
                return None
            trees.append(tree)
        options = ["--no-color", "--no-ext-diff", "--no-textconv", "--find-renames"]
        return _git(repository, ["diff", *options, *trees, "--"], environment)


def _tree(code: CodeFacts, repository: Path, environment: dict[str, str]) -> str | None:
    """The id of a tree that holds a commit and the changes on top of it."""
    if _git(repository, ["read-tree", code.commit], environment) is None:
        return None
    if code.patch:
        applied = _git(
            repository,
            ["apply", "--cached", "--whitespace=nowarn", "-"],
            environment,
            told=code.patch,
        )
        if applied is None:
            return None
    written = _git(repository, ["write-tree"], environment)
    return None if written is None else written.decode().strip()


def _git(
    folder: Path,
    arguments: list[str],
    environment: dict[str, str] | None = None,
    *,
    told: bytes = b"",
) -> bytes | None:
    # An index taken from the root: `git apply` in a subfolder leaves out what lies beside it.
    root = folder if arguments[0] == "rev-parse" else _root(folder)
    own = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    try:
        done = subprocess.run(  # noqa: S603 - no shell; commits are hexadecimal
            ["git", *_SAFE, "-C", str(root), *arguments],  # noqa: S607 - the user's own git
            input=told,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={
                **own,
                "GIT_OPTIONAL_LOCKS": "0",
                "GIT_TERMINAL_PROMPT": "0",
                # A partial clone would fetch what is missing.
                "GIT_NO_LAZY_FETCH": "1",
                "LC_ALL": "C",
                **(environment or {}),
            },
            timeout=_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout if done.returncode == 0 else None


def _root(folder: Path) -> Path:
    for place in (folder.absolute(), *folder.absolute().parents):
        if (place / ".git").exists():
            return place
    return folder


def _of_patches(a: bytes, b: bytes) -> bytes:
    """A diff of the patches, file by file: lines of lines, as ``git range-diff`` has them."""
    one, other = _sections(a), _sections(b)
    parts: list[str] = []
    for path in changed_files(a, b):
        parts += difflib.unified_diff(
            one.get(path, b"").decode("utf-8", "replace").splitlines(keepends=True),
            other.get(path, b"").decode("utf-8", "replace").splitlines(keepends=True),
            f"changes to {path} in the first run",
            f"changes to {path} in the second run",
        )
    return "".join(parts).encode()


def _sections(patch: bytes) -> dict[str, bytes]:
    """The part of a patch for each file, without the abbreviated ids, whose length varies."""
    heads = list(_HEAD.finditer(patch))
    found: dict[str, bytes] = {}
    ends = [*(head.start() for head in heads[1:]), len(patch)]
    for head, end in zip(heads, ends, strict=False):  # no head: an end too many
        part = patch[head.start() : end]
        path = head[1].rpartition(b" b/")[2] or head[1].rpartition(b' "b/')[2].strip(b'"')
        found[path.decode("utf-8", "replace")] = _INDEX.sub(b"index", part)
    return found


def _shown(diff: bytes, notes: list[str], *, is_complete: bool) -> CodeDiff:
    if len(diff) > MAX_DIFF_BYTES:
        told = f"Of the diff's {len(diff):,} bytes the first {MAX_DIFF_BYTES:,} are shown."
        notes, is_complete = [*notes, told], False
        diff = diff[: diff.rfind(b"\n", 0, MAX_DIFF_BYTES) + 1]
    lines = diff.decode("utf-8", "replace").splitlines(keepends=True)
    text = "".join(mask_text(line) for line in lines)
    return CodeDiff(text=text, is_complete=is_complete, notes=notes)


def _short(commit: str) -> str:
    return commit[:10] or "unknown"
