"""Facts about one file: size, digest, where it is and who made it."""

from __future__ import annotations

import hashlib

import msgspec

from assay.server.files.opened import OpenedArtifact

MAX_HASHED_BYTES = 256 << 20
"""Larger files whose digest was not recorded have none: reading them would take too long."""


class FileFacts(msgspec.Struct, frozen=True):
    """What is known of a file beside its content."""

    size: int
    sha256: str | None
    """As it was recorded when the file was written, else computed now, up to 256 MB."""
    made_by: str | None
    """The run that logged it."""
    uri: str
    etag: str


def sha256_of(opened: OpenedArtifact) -> str | None:
    """The digest of a file, where it is known or soon computed."""
    if opened.sha256 is not None or opened.size > MAX_HASHED_BYTES:
        return opened.sha256
    digest = hashlib.sha256()
    for chunk in opened.chunks():
        digest.update(chunk)
    return digest.hexdigest()


def facts_of(opened: OpenedArtifact, *, made_by: str | None, root: str) -> FileFacts:
    """The facts of a file below ``root``."""
    uri = f"{root.rstrip('/')}/{opened.path}"
    return FileFacts(opened.size, sha256_of(opened), made_by, uri, opened.etag)
