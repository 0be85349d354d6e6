"""Archive: ZIP archives of projects; every member is checked before the first is written."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
import zipfile
from pathlib import Path
from typing import Final

import urllib3

from assay.entities.names import artifact_path
from assay.errors import InvalidInput, InvalidName, StoreUnavailable
from assay.projects.sources.source import Source, project_folder
from assay.projects.sources.uri import Address

MAX_MEMBERS: Final = 100_000
MAX_BYTES: Final = 4 << 30
"""Of all members unpacked."""
_TIMEOUT_S: Final = 60.0
_CHUNK: Final = 1 << 20


def fetch(address: Address, target: Path) -> Source:
    """Unpack an archive of this machine or of a web server into ``target``, which is empty.

    Raises:
        InvalidInput: it is none, or has a member that isn't accepted.
        StoreUnavailable: the server can't be reached.
    """
    try:
        if "://" in address.place:
            with tempfile.TemporaryDirectory(prefix="assay-archive-") as work:
                unpack(_downloaded(address.place, Path(work) / "project.zip"), target)
        else:
            unpack(Path(address.place), target)
        root = _top(target)
        folder = project_folder(root, address.subfolder, address.place)
    except BaseException:
        shutil.rmtree(target, ignore_errors=True)
        raise
    return Source(
        folder,
        root=target,
        uri=address.place,
        subfolder=address.subfolder,
        is_temporary=True,
    )


def unpack(file: Path, target: Path) -> None:
    """Unpack a ZIP archive into a folder.

    Raises:
        InvalidInput: it is none, is too large, or has a member that isn't accepted.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            members = archive.infolist()
            _check(members, file)
            left = MAX_BYTES
            for member in members:
                left = _write(archive, member, target, left)
    except (zipfile.BadZipFile, zipfile.LargeZipFile, NotImplementedError, RuntimeError) as error:
        raise InvalidInput(f"{file.name} can't be read as a ZIP archive: {error}.") from None


def _check(members: list[zipfile.ZipInfo], file: Path) -> None:
    if len(members) > MAX_MEMBERS:
        raise InvalidInput(f"{file.name} has over {MAX_MEMBERS} members.")
    if sum(member.file_size for member in members) > MAX_BYTES:
        raise InvalidInput(f"{file.name} unpacks to over {MAX_BYTES >> 30} GB.")
    for member in members:
        try:
            artifact_path(member.filename.rstrip("/"))
        except InvalidName as error:
            raise InvalidInput(
                f"{file.name} has the member {member.filename[:120]!r}, which isn't accepted:"
                f" {error.why}."
            ) from None
        kind = stat.S_IFMT(member.external_attr >> 16)
        if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise InvalidInput(
                f"{file.name} has the member {member.filename[:120]!r}, which is neither a file nor"
                " a folder."
            )


def _write(archive: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path, left: int) -> int:
    place = target / artifact_path(member.filename.rstrip("/"))
    if member.is_dir():
        place.mkdir(parents=True, exist_ok=True)
        return left
    place.parent.mkdir(parents=True, exist_ok=True)
    with archive.open(member) as source, place.open("xb") as sink:
        # The size that a member tells may be a lie.
        while chunk := source.read(_CHUNK):
            left -= len(chunk)
            if left < 0:
                raise InvalidInput(f"The archive unpacks to over {MAX_BYTES >> 30} GB.")
            sink.write(chunk)
    if member.external_attr >> 16 & stat.S_IXUSR:
        place.chmod(place.stat().st_mode | stat.S_IXUSR)
    return left


def _top(target: Path) -> Path:
    """The one folder that archives of code hosts have at the top, else ``target``."""
    entries = list(os.scandir(target))
    if len(entries) == 1 and entries[0].is_dir(follow_symlinks=False):
        return Path(entries[0].path)
    return target


def _downloaded(url: str, file: Path) -> Path:
    http = urllib3.PoolManager(timeout=_TIMEOUT_S, retries=urllib3.Retry(2, redirect=5))
    size = 0
    try:
        response = http.request("GET", url, preload_content=False)
        if response.status != 200:
            raise InvalidInput(f"{url} can't be fetched: the server says {response.status}.")
        with file.open("xb") as sink:
            for chunk in response.stream(_CHUNK):
                size += len(chunk)
                if size > MAX_BYTES:
                    raise InvalidInput(f"{url} is over {MAX_BYTES >> 30} GB.")
                sink.write(chunk)
    except urllib3.exceptions.HTTPError as error:
        raise StoreUnavailable(f"{url} can't be fetched: {error}.") from None
    finally:
        http.clear()
    return file
