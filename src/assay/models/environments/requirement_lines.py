"""Lines of requirements files: read from users and from models, and vetted before they are kept.

What is understood is pip's format without the options that change how a machine is used: names
with versions, URLs, archives, ``-r``, ``-c``, and the choice of indexes. A line can't bring a
second line, another option, or a password with it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from assay.errors import ArtifactNotFound, InvalidInput
from assay.models.environments.requires_dist import parse
from assay.models.folder import inside

MAX_LINES: Final = 10_000
MAX_LINE: Final = 4_096
MAX_FILE_BYTES: Final = 4 << 20
MAX_DEPTH: Final = 10
"""Of files that name files."""
ALLOWED_OPTIONS: Final = {
    "-i": "--index-url",
    "--index-url": "--index-url",
    "--extra-index-url": "--extra-index-url",
    "-f": "--find-links",
    "--find-links": "--find-links",
    "--no-index": "--no-index",
    "--pre": "--pre",
    "--prefer-binary": "--prefer-binary",
    "--only-binary": "--only-binary",
    "--no-binary": "--no-binary",
}
"""Options of whole lines, with the long form that is kept."""
_WITHOUT_VALUE: Final = frozenset({"--no-index", "--pre", "--prefer-binary"})
_FILES: Final = {"-r": False, "--requirement": False, "-c": True, "--constraint": True}
"""Options that name files: are those constraints?"""
_NAMED = re.compile(
    r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?\s*(?:\[[A-Za-z0-9._,\s-]*\])?\s*"
    r"(?:@\s*\S+|\(?\s*(?:[<>=!~]=?|===)[^;@]*)?\s*(?:;.*)?\Z"
)
_ARCHIVE = re.compile(r"\S+(?:\.whl|\.tar\.gz|\.tar\.bz2|\.zip)(?:\s*;.*)?\Z")
_VCS = re.compile(r"(?:git|hg|svn|bzr)\+[a-z]+://\S+(?:\s*;.*)?\Z")
_HASHES = re.compile(r"(?:\s+--hash[= ]\w+:[0-9a-f]+)+\Z")
_CREDENTIALS = re.compile(r"(?P<scheme>[A-Za-z+.-]+)://(?P<user>[^/\s@]*)@")
_VARIABLES = re.compile(r"(?:\$\{\w+\}:?)+\Z")


class Lines(msgspec.Struct, frozen=True):
    """Vetted lines."""

    requirements: tuple[str, ...] = ()
    """Requirements and options, in their order."""
    constraints: tuple[str, ...] = ()
    """Requirements that bind only what is installed anyway."""


def read_lines(
    source: str | Path | Sequence[str], *, root: Path | None = None, where: str = ""
) -> Lines:
    """Read requirements.

    Args:
        source: the path of a requirements file, or a sequence of lines, of which some may be
            ``-r file`` and ``-c file``.
        root: a model's folder: files that are named must lie inside. ``None``: the source is the
            user's own, and relative names are relative to the file, or to the current folder.
        where: names the source in errors.

    Raises:
        InvalidInput: a line that isn't accepted; the message tells it and why.
        ArtifactNotFound: a file that is named isn't there.
        InvalidModel: a file that a model names lies outside of it.
    """
    reader = _Reader(root)
    if isinstance(source, str | Path):
        reader.read_file(Path(source), constraint=False, depth=0)
    elif isinstance(source, Sequence) and all(isinstance(line, str) for line in source):
        reader.read(list(source), base=root or Path(), constraint=False, depth=0, where=where)
    else:
        raise InvalidInput(
            "Requirements are a list of lines or the path of a requirements file, not"
            f" {type(source).__name__}."
        )
    return Lines(tuple(reader.requirements), tuple(reader.constraints))


def name_of(line: str) -> str | None:
    """The normalized name of the distribution that a line asks for; ``None`` for options, and for
    archives without a name.
    """
    if line.startswith("-") or _ARCHIVE.match(line) or _VCS.match(line):
        return None
    found = parse(line)
    return None if found is None else found.name


def without_comment(line: str) -> str:
    """The line without the comment at its end."""
    return re.split(r"(?:^|\s)#", line, maxsplit=1)[0].rstrip()


def merged(first: Sequence[str], second: Sequence[str]) -> tuple[str, ...]:
    """The lines of both; where both ask for one distribution, those of ``second`` count."""
    named = {name_of(line) for line in second} - {None}
    kept = [line for line in first if name_of(line) not in named]
    return tuple(dict.fromkeys([*kept, *second]))


class _Reader:
    def __init__(self, root: Path | None) -> None:
        self._root = root
        self._seen = 0
        self.requirements: list[str] = []
        self.constraints: list[str] = []

    def read_file(self, path: Path, *, constraint: bool, depth: int) -> None:
        if depth > MAX_DEPTH:
            raise InvalidInput(
                f"Requirements files name each other over {MAX_DEPTH} levels: {path}"
            )
        try:
            with path.open("rb") as file:
                content = file.read(MAX_FILE_BYTES + 1)
        except FileNotFoundError:
            raise ArtifactNotFound(str(path)) from None
        if len(content) > MAX_FILE_BYTES:
            raise InvalidInput(f"The requirements file {path} is over {MAX_FILE_BYTES >> 20} MB.")
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError:
            raise InvalidInput(f"The requirements file {path} is no UTF-8 text.") from None
        # Only real line ends: str.splitlines would cut at form feeds and the like.
        lines = _joined(re.split(r"\r\n|\n|\r", text))
        self.read(lines, base=path.parent, constraint=constraint, depth=depth, where=str(path))

    def read(
        self, lines: list[str], *, base: Path, constraint: bool, depth: int, where: str
    ) -> None:
        self._seen += len(lines)
        if self._seen > MAX_LINES:
            raise InvalidInput(f"There are over {MAX_LINES} lines of requirements.")
        for raw in lines:
            line = _vetted_text(raw, where)
            if not line:
                continue
            option, _, value = line.replace("=", " ", 1).partition(" ")
            if option in _FILES:
                of_constraints = constraint or _FILES[option]
                place = self._place(value.strip(), base)
                self.read_file(place, constraint=of_constraints, depth=depth + 1)
            else:
                kept = self.constraints if constraint else self.requirements
                kept.append(_vetted(line, where))

    def _place(self, name: str, base: Path) -> Path:
        if self._root is None:
            return base / name
        return inside(self._root, (base.relative_to(self._root) / name).as_posix())


def _joined(lines: list[str]) -> list[str]:
    joined, begun = [], ""
    for line in lines:
        if line.endswith("\\") and not line.lstrip().startswith("#"):
            begun += line[:-1]
        else:
            joined.append(begun + line)
            begun = ""
    return [*joined, begun] if begun else joined


def _vetted_text(raw: str, where: str) -> str:
    if len(raw) > MAX_LINE:
        raise _refused(raw, f"it has over {MAX_LINE} characters", where)
    line = raw.strip(" \t\n\r")
    if any(not (char.isprintable() or char == "\t") for char in line):
        raise _refused(raw, "it holds a line end or a control character", where)
    comment = line[len(without_comment(line)) :].strip()
    body = without_comment(line)
    # Pins say in a comment what could not be pinned otherwise.
    return f"{body}  {comment}" if body and comment.startswith("# from ") else body


def _vetted(line: str, where: str) -> str:
    body = without_comment(line)
    _refuse_credentials(body, where)
    if body.startswith("-"):
        return _vetted_option(body, where)
    bare = _HASHES.sub("", body)
    if re.search(r"\s--?[A-Za-z]", bare):
        raise _refused(body, "of options after a requirement only --hash is accepted", where)
    if not (_NAMED.match(bare) or _ARCHIVE.match(bare) or _VCS.match(bare)):
        raise _refused(
            body, "expected a name with versions, a URL, or the path of an archive", where
        )
    return line


def _vetted_option(line: str, where: str) -> str:
    option, _, value = line.replace("=", " ", 1).partition(" ")
    value = value.strip()
    if option in ("-e", "--editable"):
        raise _refused(
            line,
            "an editable folder isn't there where the model is used: pass it in code_paths, or give"
            " the address of its repository",
            where,
        )
    if option not in ALLOWED_OPTIONS:
        known = ", ".join(sorted(set(ALLOWED_OPTIONS.values())))
        raise _refused(line, f"of options only -r, -c, {known} are accepted", where)
    long = ALLOWED_OPTIONS[option]
    if (long in _WITHOUT_VALUE) != (not value) or " " in value:
        takes = "no value" if long in _WITHOUT_VALUE else "one value"
        raise _refused(line, f"{long} takes {takes}", where)
    return f"{long} {value}".rstrip()


def _refuse_credentials(line: str, where: str) -> None:
    for match in _CREDENTIALS.finditer(line):
        user = match["user"]
        is_ssh_user = "ssh" in match["scheme"] and ":" not in user
        if user and not is_ssh_user and not _VARIABLES.match(user):
            hidden = _CREDENTIALS.sub(r"\g<scheme>://***@", line)
            raise _refused(
                hidden,
                "a user name or password would be kept with the model; keep it in ~/.netrc, or"
                " write ${VARIABLE} in its place",
                where,
            )


def _refused(line: str, why: str, where: str) -> InvalidInput:
    shown = line if len(line) <= 120 else line[:117] + "..."
    place = f" of {where}" if where else ""
    return InvalidInput(f"The requirement {shown!r}{place} isn't accepted: {why}.")


def is_archive(line: str) -> bool:
    """Whether the line is the path of an archive on this machine."""
    return bool(_ARCHIVE.match(line)) and "://" not in line and " @ " not in line
