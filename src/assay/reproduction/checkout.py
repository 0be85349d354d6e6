"""Checkout: a recipe's code in a fresh folder: the commit, and the patch on top.

The commit comes from the working tree of the original run if that is on this machine, else from
its repository. A bundle brings an archive instead.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from assay.errors import AssayError, InvalidInput
from assay.projects.sources.archive import unpack
from assay.projects.sources.fetching import fetch
from assay.reproduction.recipe import Code

_TIMEOUT_S: Final = 300.0
_QUIET: Final = ("-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null")
CODE: Final = "code"
"""Folder of the code within the place of a reproduction."""


def check_out(code: Code, into: Path) -> Path:
    """Put the code into a new folder within ``into``; returns its root.

    Raises:
        InvalidInput: the commit can't be had any more, or the patch doesn't fit.
    """
    root = into / CODE
    if code.archive is not None:
        root.mkdir(mode=0o700)
        with tempfile.NamedTemporaryFile(dir=into, suffix=".zip") as file:
            file.write(code.archive)
            file.flush()
            unpack(Path(file.name), root)
        # A repository of its own, so that one around it doesn't decide over the patch.
        _git(root, ["init", "--quiet"])
    else:
        _fetch(code, into, root)
    if code.patch:
        _apply(root, code.patch)
    return root


def _fetch(code: Code, into: Path, root: Path) -> None:
    tried: list[str] = []
    for place in _places(code):
        try:
            fetch(place, code.commit, into).root.rename(root)
        except AssayError as error:
            tried.append(error.message.rstrip("."))
        else:
            return
    said = "; ".join(tried) or "the run names no repository, and its working tree isn't here"
    raise InvalidInput(f"The code at commit {code.commit} can't be had: {said}.")


def _places(code: Code) -> list[str]:
    local = Path(code.root) if code.root else None
    places = []
    # Absolute only: a relative one would mean something else here.
    if local is not None and local.is_absolute() and (local / ".git").exists():
        places.append(local.as_uri())
    if code.repository:
        places.append(code.repository)
    return places


def _apply(root: Path, patch: bytes) -> None:
    # git refuses paths that lead out of the folder, and to follow links.
    said = _git(root, ["apply", "--whitespace=nowarn", "-"], content=patch)
    if said is not None:
        raise InvalidInput(f"The run's uncommitted changes don't fit its commit: {said}")


def _git(root: Path, arguments: Sequence[str], *, content: bytes = b"") -> str | None:
    """``None`` if git succeeds, else what it says."""
    own = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
    try:
        done = subprocess.run(  # noqa: S603 - an argument list, no shell
            ["git", *_QUIET, "-C", str(root), *arguments],  # noqa: S607 - the user's own git
            input=content,
            capture_output=True,
            env={**own, "LC_ALL": "C", "GIT_CEILING_DIRECTORIES": str(root.parent)},
            timeout=_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise InvalidInput(f"git can't be run: {error}.") from None
    if done.returncode == 0:
        return None
    return " ".join(done.stderr.decode("utf-8", "replace").split())[:400] or "git gives no reason."
