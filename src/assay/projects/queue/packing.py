"""Packing: a folder of this machine as a ZIP archive that another machine can run.

In a Git repository these are the files that git knows and those that it doesn't ignore; elsewhere
all but what programs leave behind.
"""

from __future__ import annotations

import os
import stat
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from assay.entities.names import artifact_path
from assay.errors import InvalidInput, InvalidName, LimitExceeded

MAX_BYTES: Final = 200_000_000
"""Of all files of a project, before they are packed. Data doesn't belong into a project."""
MAX_FILES: Final = 50_000
LEFT_OUT: Final = frozenset(
    {".git", ".hg", ".svn", ".assay", "mlruns", "__pycache__", ".venv", "node_modules"}
)
"""Folders that are never packed, wherever they are."""
_GIT_TIMEOUT_S: Final = 60.0
_QUIET: Final = ("-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null")
_TIME: Final = (1980, 1, 1, 0, 0, 0)
"""The same files make the same archive."""
_SHOWN: Final = 3


def pack(folder: Path, archive: Path) -> int:
    """Write the files of ``folder`` into a new ZIP archive; returns how many there are.

    Raises:
        InvalidInput: there is no file, one can't be read, or a link leads out of the folder.
        LimitExceeded: there are more than 50,000, or they have over 200 MB.
    """
    files = sorted(_files(folder))
    if not files:
        raise InvalidInput(f"The project at {folder} has no files to send to an agent.")
    if len(files) > MAX_FILES:
        raise LimitExceeded(
            f"The number of files of the project at {folder}", limit=MAX_FILES, got=len(files)
        )
    _check_sizes(folder, files)
    try:
        with zipfile.ZipFile(archive, "x", zipfile.ZIP_DEFLATED, compresslevel=6) as out:
            for name in files:
                _add(out, folder / name, name)
    except OSError as error:
        raise InvalidInput(f"The project at {folder} can't be packed: {error}.") from error
    return len(files)


def _files(folder: Path) -> set[str]:
    listed = _of_git(folder)
    names = _walk(folder) if listed is None else iter(listed)
    return {name for name in names if LEFT_OUT.isdisjoint(name.split("/"))}


def _of_git(folder: Path) -> list[str] | None:
    """Files of a working tree that are there and not ignored; ``None`` outside of one."""
    asked = ["ls-files", "--cached", "--others", "--exclude-standard", "-z", "--", "."]
    try:
        done = subprocess.run(  # noqa: S603 - fixed words, no shell
            ["git", *_QUIET, "-C", str(folder), *asked],  # noqa: S607 - the user's own git
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "GIT_OPTIONAL_LOCKS": "0"},
            timeout=_GIT_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    if done.returncode != 0:
        return None
    names = [os.fsdecode(name) for name in done.stdout.split(b"\0") if name]
    # Deleted ones are still in the index; another repository inside is listed as a folder.
    return [name for name in names if (folder / name).is_file()]


def _walk(folder: Path) -> Iterator[str]:
    for root, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in LEFT_OUT]
        for name in names:
            path = Path(root) / name
            if path.is_file():
                yield path.relative_to(folder).as_posix()


def _check_sizes(folder: Path, files: list[str]) -> None:
    inside = folder.resolve()
    sizes: list[tuple[int, str]] = []
    for name in files:
        try:
            artifact_path(name)
        except InvalidName as error:
            raise InvalidInput(
                f"A file of the project at {folder} can't be sent to an agent: {error.message}"
            ) from None
        path = folder / name
        if not path.resolve().is_relative_to(inside):
            raise InvalidInput(
                f"{name} in the project at {folder} is a link that leads out of it, so an agent"
                " would not have the file. Copy it into the project."
            )
        sizes.append((path.stat().st_size, name))
    total = sum(size for size, _ in sizes)
    if total > MAX_BYTES:
        largest = ", ".join(
            f"{name} ({size / 1e6:.0f} MB)" for size, name in sorted(sizes, reverse=True)[:_SHOWN]
        )
        raise InvalidInput(
            f"The project at {folder} has {total / 1e6:.0f} MB of files, more than the"
            f" {MAX_BYTES / 1e6:.0f} MB that are sent to an agent. The largest are {largest}."
            " Let .gitignore name what isn't code, or give the project as a Git URL."
        )


def _add(out: zipfile.ZipFile, path: Path, name: str) -> None:
    member = zipfile.ZipInfo(name, _TIME)
    executable = path.stat().st_mode & stat.S_IXUSR
    member.external_attr = (stat.S_IFREG | (0o755 if executable else 0o644)) << 16
    member.compress_type = zipfile.ZIP_DEFLATED
    with path.open("rb") as source, out.open(member, "w", force_zip64=True) as sink:
        while chunk := source.read(1 << 20):
            sink.write(chunk)
