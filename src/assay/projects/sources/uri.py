"""URI: what the address of a project means, checked before anything is fetched.

A folder is run where it is. A Git repository is any address with a transport of git's own; what
would have git run a program (``ext::``, ``fd::``, words that look like options) is refused.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final, Literal
from urllib.parse import unquote, urlsplit

import msgspec

from assay.errors import InvalidInput

Kind = Literal["folder", "git", "zip", "run"]
MAX_LENGTH: Final = 4_000
_SCHEME = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://")
_HELPER = re.compile(r"[A-Za-z0-9+.-]+::")
_SCP = re.compile(r"(?:[\w.-]+@)?[\w.-]+:(?!/?\d+\Z)\S", re.ASCII)
"""``git@host:path``."""
_GIT_SCHEMES: Final = ("http", "https", "ssh", "git", "file")
_VERSION = re.compile(r"[A-Za-z0-9_][\w./+@-]*\Z", re.ASCII)


class Address(msgspec.Struct, frozen=True):
    """A project's address, taken apart."""

    kind: Kind
    place: str
    """A path, or a URL, without the subfolder."""
    subfolder: str = ""


def address_of(uri: str) -> Address:
    """What ``uri`` means.

    Raises:
        InvalidInput: it can't be used; the message says why.
    """
    text = str(uri).strip()
    _check(text)
    whole, after = _split(text)
    subfolder = checked_subfolder(after, text)
    try:
        urlsplit(whole.removeprefix("git+"))
    except ValueError as error:
        raise InvalidInput(f"The project {text[:200]!r} is no URL: {error}.") from None
    match = _SCHEME.match(whole.removeprefix("git+"))
    scheme = match["scheme"].lower() if match else ""
    if whole.startswith("runs:/"):
        return Address("run", whole, subfolder)
    if scheme == "file" and not whole.startswith("git+"):
        return _at_path(Path(unquote(urlsplit(whole).path)), whole, subfolder)
    if scheme:
        _check_scheme(scheme, whole.removeprefix("git+"))
        if scheme in ("http", "https") and urlsplit(whole).path.endswith(".zip"):
            return Address("zip", whole, subfolder)
        return Address("git", whole.removeprefix("git+"), subfolder)
    path = Path(whole).expanduser()
    if not path.exists() and _SCP.match(whole):
        return Address("git", whole, subfolder)
    return _at_path(path, "", subfolder)


def _split(text: str) -> tuple[str, str]:
    """The address and the subfolder behind ``#``, which the name of a folder may hold too."""
    if "#" in text and "://" not in text:
        if Path(text).expanduser().exists():
            return text, ""
        whole, _, after = text.rpartition("#")
        if Path(whole).expanduser().exists():
            return whole, after
    whole, _, after = text.partition("#")
    return whole, after


def checked_version(version: str | None) -> str | None:
    """A commit, tag or branch, as git takes it.

    Raises:
        InvalidInput: it can't be one.
    """
    if version is None or version == "":
        return None
    if len(version) > 250 or not _VERSION.match(version) or ".." in version or "@{" in version:
        raise InvalidInput(
            f"{version[:80]!r} can't be a version: give a commit, a tag or a branch."
        )
    return version


def checked_subfolder(text: str, uri: str) -> str:
    """The part behind ``#``.

    Raises:
        InvalidInput: it leads elsewhere.
    """
    parts = text.strip("/").split("/") if text.strip("/") else []
    if text.startswith("/") or "\\" in text or any(part in ("", ".", "..") for part in parts):
        raise InvalidInput(f"The subfolder of {uri[:200]!r} must be a path inside of the project.")
    return "/".join(parts)


def _check(text: str) -> None:
    shown = text[:200]
    if not text or len(text) > MAX_LENGTH or not text.isprintable():
        raise InvalidInput(f"{shown!r} can't be the address of a project.")
    if text.startswith("-"):
        raise InvalidInput(
            f"The project {shown!r} begins with a dash. Name a folder as ./{shown}, or give a URL."
        )
    if _HELPER.match(text.removeprefix("git+")):
        raise InvalidInput(
            f"The project {shown!r} names a helper program of git (such as ext::), which isn't"
            f" run. Use {', '.join(_GIT_SCHEMES)} or a folder."
        )


def _check_scheme(scheme: str, url: str) -> None:
    if scheme not in _GIT_SCHEMES:
        raise InvalidInput(
            f"The project {url[:200]!r} can't be fetched: {scheme}:// is not known. Use"
            f" {', '.join(_GIT_SCHEMES)} or a folder."
        )
    parts = urlsplit(url)
    if (scheme in ("http", "https") and "@" in parts.netloc) or parts.password:
        raise InvalidInput(
            f"The project's URL at {parts.hostname} holds a user or password, which would be kept"
            " with the run. Leave it to git's credential helper or ~/.netrc."
        )
    if scheme != "file" and (not parts.hostname or parts.hostname.startswith("-")):
        raise InvalidInput(f"The project's URL {url[:200]!r} names no host.")


def _at_path(path: Path, file_url: str, subfolder: str) -> Address:
    if path.suffix == ".zip" and path.is_file():
        return Address("zip", str(path.absolute()), subfolder)
    if not path.is_dir():
        raise InvalidInput(
            f"There is no project at {str(path)[:200]!r}: no such folder, ZIP archive or URL."
        )
    is_bare = (path / "HEAD").is_file() and (path / "objects").is_dir()
    # ``file://`` is git's own transport, too; a plain path means the files as they lie there.
    if is_bare or (file_url and (path / ".git").exists()):
        return Address("git", file_url or path.absolute().as_uri(), subfolder)
    return Address("folder", str(path.absolute()), subfolder)
