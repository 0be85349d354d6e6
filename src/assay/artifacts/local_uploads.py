"""Multi-part uploads of a local store: parts are files in the hidden area until the upload is
completed.

An upload is a folder named by its id. It holds ``target`` (the artifact path it was made for), a
file for each part, and, once completed, ``done`` with the SHA-256, which answers a repeated
completion.
"""

# ruff: noqa: PTH208 - pathlib has no dir_fd, and its cost per file shows here
from __future__ import annotations

import hashlib
import os
import re
import secrets
from collections.abc import Iterable, Iterator
from itertools import pairwise

from assay.artifacts.base import CHUNK_BYTES, Part
from assay.artifacts.folders import create_file, open_file, write_all, write_error
from assay.artifacts.hidden_area import UPLOADS, HiddenArea
from assay.entities.names import ArtifactPath
from assay.errors import InvalidInput, LimitExceeded, NotFound

MAX_PARTS = 10_000
"""S3's limit, which clients already respect."""

_ID = re.compile(r"[0-9a-f]{32}\Z")
_TARGET = "target"
_DONE = "done"


def create(area: HiddenArea, path: ArtifactPath) -> str:
    """Begin an upload for ``path``; returns its id."""
    area.remove_leftovers()
    upload_id = secrets.token_hex(16)
    try:
        with area.folder(UPLOADS, upload_id) as fd:
            _put(fd, _TARGET, path.encode())
    except OSError as error:
        raise write_error(path, error) from error
    return upload_id


def write_part(
    area: HiddenArea,
    path: ArtifactPath,
    *,
    upload_id: str,
    number: int,
    chunks: Iterable[bytes],
) -> Part:
    """Keep part ``number``; it replaces an earlier one once it has come whole."""
    if not 1 <= number <= MAX_PARTS:
        raise LimitExceeded("The number of a part", limit=MAX_PARTS, got=number)
    _check(area, path, upload_id=upload_id)
    digest = hashlib.sha256()
    try:
        with area.folder(UPLOADS, upload_id, create=False) as folder_fd:
            temporary = f"{number}.{secrets.token_hex(6)}"
            fd = create_file(temporary, folder_fd=folder_fd)
            try:
                for chunk in chunks:
                    write_all(fd, chunk)
                    digest.update(chunk)
                etag = digest.hexdigest()
                os.rename(temporary, f"{number}-{etag}", src_dir_fd=folder_fd, dst_dir_fd=folder_fd)
            except BaseException:
                os.unlink(temporary, dir_fd=folder_fd)
                raise
            finally:
                os.close(fd)
    except OSError as error:
        raise write_error(path, error) from error
    return Part(number, etag)


def content(
    area: HiddenArea, path: ArtifactPath, *, upload_id: str, parts: list[Part]
) -> Iterator[bytes]:
    """The parts one after the other.

    Raises:
        NotFound: no such upload for this path.
        InvalidInput: a part never came, came with another etag, or the list is empty or out of
            order.
    """
    _check(area, path, upload_id=upload_id)
    if not parts or any(a.number >= b.number for a, b in pairwise(parts)):
        raise InvalidInput("The parts of an upload must be listed once each, in ascending order.")
    with area.folder(UPLOADS, upload_id, create=False) as folder_fd:
        there = set(os.listdir(folder_fd))
        names = [f"{part.number}-{part.etag.strip(chr(34))}" for part in parts]
        for part, name in zip(parts, names, strict=True):
            if name not in there:
                raise InvalidInput(
                    f"Part {part.number} of the upload of {path!r} hasn't arrived with this etag."
                    " Send it again, then complete."
                )
        for name in names:
            fd, _ = open_file(name, folder_fd=folder_fd)
            try:
                while chunk := os.read(fd, CHUNK_BYTES):
                    yield chunk
            finally:
                os.close(fd)


def finished(area: HiddenArea, path: ArtifactPath, *, upload_id: str) -> str | None:
    """The SHA-256 of an upload that was completed before, or ``None``."""
    _check(area, path, upload_id=upload_id)
    with area.folder(UPLOADS, upload_id, create=False) as fd:
        return _get(fd, _DONE)


def finish(area: HiddenArea, *, upload_id: str, sha256: str) -> None:
    """Note that the upload is published, and drop its parts."""
    with area.folder(UPLOADS, upload_id, create=False) as fd:
        _put(fd, _DONE, sha256.encode())
        for name in os.listdir(fd):
            if name not in (_TARGET, _DONE):
                try:
                    os.unlink(name, dir_fd=fd)
                except FileNotFoundError:  # the same completion, sent twice, is at it too
                    continue


def abort(area: HiddenArea, path: ArtifactPath, *, upload_id: str) -> None:
    """Drop the upload with its parts; an unknown one is no error."""
    try:
        _check(area, path, upload_id=upload_id)
    except NotFound:
        return
    try:
        with area.folder(UPLOADS) as fd:
            area.discard_folder(upload_id, folder_fd=fd)
    except FileNotFoundError:  # another request was first
        return


def _check(area: HiddenArea, path: ArtifactPath, *, upload_id: str) -> None:
    missing = NotFound(f"No upload {upload_id[:40]!r} of {path!r} is under way. Begin a new one.")
    if not _ID.match(upload_id):
        raise missing
    try:
        with area.folder(UPLOADS, upload_id, create=False) as fd:
            target = _get(fd, _TARGET)
    except FileNotFoundError:
        raise missing from None
    if target != path:
        raise missing


def _put(folder_fd: int, name: str, content: bytes) -> None:
    temporary = f"{name}.{secrets.token_hex(6)}"
    fd = create_file(temporary, folder_fd=folder_fd)
    try:
        write_all(fd, content)
    finally:
        os.close(fd)
    os.rename(temporary, name, src_dir_fd=folder_fd, dst_dir_fd=folder_fd)


def _get(folder_fd: int, name: str) -> str | None:
    try:
        fd, found = open_file(name, folder_fd=folder_fd)
    except FileNotFoundError:
        return None
    try:
        return os.read(fd, found.st_size).decode()
    finally:
        os.close(fd)
