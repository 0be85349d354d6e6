"""Git: repositories of projects, by whatever transport git knows, through the ``git`` program.

What was fetched once is kept in the user's cache, so a commit that is there is checked out without
the network. Nothing that a repository says makes a program run here: hooks and helpers are off, and
transports are those of a list.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from assay.context.source import strip_url_secrets
from assay.errors import EnvironmentFailed, InvalidInput, StoreUnavailable
from assay.models.environments.uv_env import locked
from assay.models.user_cache import cache_folder
from assay.projects.sources.source import Source, project_folder
from assay.projects.sources.uri import Address

_QUIET: Final = (
    *("-c", "core.fsmonitor=false"),
    *("-c", "core.hooksPath=/dev/null"),
    *("-c", "protocol.ext.allow=never"),
    *("-c", "protocol.fd.allow=never"),
    *("-c", "gc.auto=0"),
    *("-c", "maintenance.auto=false"),
    *("-c", "advice.detachedHead=false"),
    *("-c", "init.defaultBranch=main"),
)
_PROTOCOLS: Final = "git:http:https:ssh"
_NETWORK_TIMEOUT_S: Final = 600.0
_LOCAL_TIMEOUT_S: Final = 300.0
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?\Z")
_ABBREVIATED = re.compile(r"[0-9a-f]{4,63}\Z")
_OF_A_HOOK: Final = (
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_NAMESPACE",
    "GIT_PREFIX",
    "GIT_EXTERNAL_DIFF",
)
"""What would point git at another repository than the one it is told."""


def fetch(address: Address, version: str | None, target: Path) -> Source:
    """Check a repository out into ``target``, which is empty.

    Raises:
        InvalidInput: there is no such version or subfolder.
        StoreUnavailable: the repository can't be reached.
    """
    url = address.place
    try:
        cache = _cache(url)
        with locked(cache.with_suffix(".lock"), None):
            commit, branch = _fetched(cache, url, version)
        _check_out(cache, url, commit, target)
        folder = project_folder(target, address.subfolder, url)
    except BaseException:
        shutil.rmtree(target, ignore_errors=True)
        raise
    return Source(
        folder,
        root=target,
        uri=url,
        subfolder=address.subfolder,
        commit=commit,
        branch=branch,
        repository=strip_url_secrets(url),
        is_temporary=True,
    )


def local_repository(folder: Path, version: str) -> Path:
    """The root of the working tree around ``folder``, of which another version is asked for.

    Raises:
        InvalidInput: it is none, or has changes that a checkout would leave out.
    """
    found = _run(["-C", str(folder), "rev-parse", "--show-toplevel"], check=False)
    if found is None:
        raise InvalidInput(
            f"{folder} is no Git repository, so it has no version {version!r}. Leave --version out."
        )
    changed = _run(["-C", str(folder), "status", "--porcelain", "-uno"], check=False)
    if changed is None or changed.strip():
        raise InvalidInput(
            f"{folder} has uncommitted changes, which version {version!r} would leave out. Commit"
            " or stash them, or leave --version out to run the files as they are."
        )
    return Path(found.strip())


def _cache(url: str) -> Path:
    name = hashlib.sha256(url.encode()).hexdigest()[:32]
    try:
        return cache_folder("git") / f"{name}.git"
    except OSError as error:
        raise EnvironmentFailed("The checkout", f"its cache can't be written: {error}") from None


def _fetched(cache: Path, url: str, version: str | None) -> tuple[str, str]:
    """The commit and, if a branch was asked for, its name; the cache has the commit."""
    if not (cache / "HEAD").exists():
        shutil.rmtree(cache, ignore_errors=True)
        _run(["init", "--quiet", "--bare", "--", str(cache)])
    if version is not None and _COMMIT.match(version):
        if not _has(cache, version) and not _fetch(cache, url, version, depth=True):
            _fetch_all(cache, url)
        if not _has(cache, version):
            raise _no_version(url, version)
        return version, ""
    commit, reference = _resolved(url, version)
    if reference is None:
        return _abbreviated(cache, url, str(version)), ""
    if not _has(cache, commit) and not _fetch(cache, url, reference, depth=True):
        raise _unreachable(url, "it can't be fetched")
    # An annotated tag is an object of its own: what it points to is wanted.
    commit = _commit_of(cache, commit) or commit
    is_branch = reference.startswith("refs/heads/")
    return commit, reference.removeprefix("refs/heads/") if is_branch else ""


def _resolved(url: str, version: str | None) -> tuple[str, str | None]:
    """Commit and full name of a branch, a tag or, without a version, of the remote's ``HEAD``."""
    patterns = ["HEAD"] if version is None else [f"refs/heads/{version}", f"refs/tags/{version}"]
    told = _run(["ls-remote", "--symref", "--", url, *patterns], url=url) or ""
    symbolic, found = "", {}
    for line in told.splitlines():
        left, _, name = line.partition("\t")
        if left.startswith("ref: "):
            symbolic = left.removeprefix("ref: ")
        else:
            found[name] = left
    if version is None:
        if "HEAD" not in found:
            raise InvalidInput(f"The repository {url} has no commit.")
        return found["HEAD"], symbolic or "HEAD"
    for name in patterns:
        if name in found:
            return found[name], name
    return "", None


def _abbreviated(cache: Path, url: str, version: str) -> str:
    if not _ABBREVIATED.match(version):
        raise _no_version(url, version)
    commit = _commit_of(cache, version)
    if commit is None:
        _fetch_all(cache, url)
        commit = _commit_of(cache, version)
    if commit is None:
        raise _no_version(url, version)
    return commit


def _no_version(url: str, version: str) -> InvalidInput:
    return InvalidInput(
        f"The repository {strip_url_secrets(url)} has no branch, tag or commit {version!r}."
    )


def _has(cache: Path, commit: str) -> bool:
    return _commit_of(cache, commit) is not None


def _commit_of(cache: Path, name: str) -> str | None:
    asked = ["--git-dir", str(cache), "rev-parse", "--quiet", "--verify", f"{name}^{{commit}}"]
    said = _run(asked, check=False)
    return said.strip() if said else None


def _fetch(cache: Path, url: str, reference: str, *, depth: bool) -> bool:
    options = ["--depth=1"] if depth else []
    keep = f"+{reference}:refs/assay/{hashlib.sha256(reference.encode()).hexdigest()[:16]}"
    arguments = [
        "--git-dir",
        str(cache),
        "fetch",
        "--quiet",
        "--no-tags",
        *options,
        "--",
        url,
        keep,
    ]
    return _run(arguments, check=False, url=url) is not None


def _fetch_all(cache: Path, url: str) -> None:
    """Everything: not every server gives out a commit by its name."""
    options = ["--unshallow"] if (cache / "shallow").exists() else []
    everything = ["+refs/heads/*:refs/assay/heads/*", "+refs/tags/*:refs/assay/tags/*"]
    _run(["--git-dir", str(cache), "fetch", "--quiet", *options, "--", url, *everything], url=url)


def _check_out(cache: Path, url: str, commit: str, target: Path) -> None:
    """A working tree that borrows its objects from the cache."""
    _run(["init", "--quiet", "--", str(target)])
    information = target / ".git" / "objects" / "info"
    information.mkdir(parents=True, exist_ok=True)
    (information / "alternates").write_text(f"{cache / 'objects'}\n")
    if (cache / "shallow").exists():
        shutil.copyfile(cache / "shallow", target / ".git" / "shallow")
    _run(["-C", str(target), "remote", "add", "origin", url])
    _run(["-C", str(target), "checkout", "--quiet", "--detach", commit])
    if (target / ".gitmodules").is_file():
        _run(
            ["-C", str(target), "submodule", "update", "--quiet", "--init", "--recursive"],
            url=url,
            is_submodule=True,
        )


def _run(
    arguments: Sequence[str],
    *,
    check: bool = True,
    url: str | None = None,
    is_submodule: bool = False,
) -> str | None:
    """Run git; what it says, or ``None`` where it fails and ``check`` is off.

    Args:
        arguments: after ``git``.
        check: raise where it fails.
        url: the repository that the network is used for, if it is.
        is_submodule: what is fetched was named by the repository, not by the user.
    """
    try:
        done = subprocess.run(  # noqa: S603 - an argument list; addresses stand behind --
            ["git", *_QUIET, *arguments],  # noqa: S607 - the user's own git
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env=_variables(url, is_submodule=is_submodule),
            timeout=_LOCAL_TIMEOUT_S if url is None else _NETWORK_TIMEOUT_S,
            check=False,
        )
    except FileNotFoundError:
        raise InvalidInput(
            "Projects of Git repositories need the program git, which isn't on PATH. Install it."
        ) from None
    except subprocess.TimeoutExpired as error:
        raise _unreachable(url or "of the cache", f"no answer in {error.timeout:g} s") from None
    if done.returncode == 0:
        return done.stdout.decode("utf-8", "replace")
    if not check:
        return None
    said = done.stderr.decode("utf-8", "replace").strip().splitlines()
    why = next((line for line in said if line.startswith(("fatal:", "error:"))), "")
    raise _unreachable(url or "of the cache", (why or " ".join(said[-1:]))[:300] or "git fails")


def _unreachable(url: str, why: str) -> StoreUnavailable:
    return StoreUnavailable(
        f"The repository {strip_url_secrets(url)} can't be fetched: {why.rstrip('.')}."
    )


def _variables(url: str | None, *, is_submodule: bool) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in _OF_A_HOOK}
    is_file = url is not None and url.startswith("file:")
    # A repository of elsewhere can't have a submodule copied from this machine's disk.
    allowed = f"{_PROTOCOLS}:file" if is_file or not is_submodule else _PROTOCOLS
    kept.update(
        GIT_TERMINAL_PROMPT="0",
        GIT_ALLOW_PROTOCOL=allowed,
        GCM_INTERACTIVE="never",
        LC_ALL="C",
    )
    kept.setdefault("GIT_SSH_COMMAND", "ssh -oBatchMode=yes")
    return kept
