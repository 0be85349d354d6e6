"""The artifact store: files under one root, published whole.

Promises, for every implementation:

- Thread-safe.
- A file appears whole or not at all; a reader during an overwrite sees the old or the new content,
never a mix,
  and an upload that broke off leaves nothing that a list shows.
- Paths are ``ArtifactPath``s: parsed once by ``assay.entities.names.artifact_path``; links are
never followed out of the root.
- ``sha256`` of each file is taken while it is written and kept where the backend can.
- A missing path raises ``ArtifactNotFound``; listing a missing folder gives an empty list, as
MLflow does.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from typing import Protocol, Self, runtime_checkable

import msgspec

from assay.artifacts.digests import verified
from assay.entities.names import ArtifactPath

CHUNK_BYTES = 1 << 20
"""Size in which content travels: large enough that Python's cost per chunk vanishes."""


class ArtifactInfo(msgspec.Struct, frozen=True):
    """A file or folder in a list."""

    path: ArtifactPath
    is_dir: bool
    file_size: int | None = None
    """Bytes; ``None`` for a folder."""


class ByteRange(msgspec.Struct, frozen=True):
    """Bytes from ``start`` up to, not including, ``end``; ``None`` means to the end."""

    start: int = 0
    end: int | None = None


WHOLE = ByteRange()
"""All bytes of a file."""


class SmallContent(msgspec.Struct, frozen=True):
    """A whole file that was read at once."""

    content: bytes
    sha256: str | None
    """The digest kept for it, if there is one."""


class ArtifactStore(ABC):
    """Files under one root."""

    @property
    @abstractmethod
    def uri(self) -> str:
        """The root, without secrets."""

    @abstractmethod
    def at(self, folder: ArtifactPath) -> Self:
        """The same store seen from a folder below its root, with all the abilities it has."""

    @abstractmethod
    def list(self, path: ArtifactPath, *, recursive: bool = False) -> list[ArtifactInfo]:
        """What lies directly under a folder (``""`` for the root), or all files below it; sorted
        by path.
        """

    @abstractmethod
    def info(self, path: ArtifactPath) -> ArtifactInfo:
        """The file or folder at this path."""

    @abstractmethod
    def read(self, path: ArtifactPath, byte_range: ByteRange = WHOLE) -> Iterator[bytes]:
        """The content in chunks of about ``CHUNK_BYTES``. Raises before the first chunk if there
        is no such file.
        """

    def read_verified(self, path: ArtifactPath) -> Iterator[bytes]:
        """The whole content, checked against the digest kept for it, if there is one.

        Raises:
            Corrupted: at the end, when the content is not what was written.
        """
        chunks = self.read(path)
        expected = self.digest(path)
        return chunks if expected is None else verified(chunks, expected=expected, what=repr(path))

    def read_small(self, path: ArtifactPath, *, max_bytes: int) -> SmallContent | None:
        """A whole file of at most ``max_bytes``, unchecked; ``None`` if it is larger."""
        content = b""
        for chunk in self.read(path):
            content += chunk
            if len(content) > max_bytes:
                return None
        return SmallContent(content, self.digest(path))

    @abstractmethod
    def write(
        self,
        path: ArtifactPath,
        chunks: Iterable[bytes],
        *,
        sha256: str | None = None,
        size_bytes: int | None = None,
    ) -> str:
        """Publish a file once all chunks came; an error from ``chunks`` publishes nothing.

        Args:
            path: where.
            chunks: the content.
            sha256: what the content must be, if the caller knows; content that differs isn't
                published.
            size_bytes: how much will come, if the caller knows; it only saves work.

        Returns:
            The SHA-256 of the content, in hex.

        Raises:
            Corrupted: the content is not what ``sha256`` says.
        """

    @abstractmethod
    def delete(self, path: ArtifactPath) -> None:
        """Delete a file, or a folder with all below it; the root itself is never deleted."""

    @abstractmethod
    def digest(self, path: ArtifactPath) -> str | None:
        """The SHA-256 kept when the file was written, or ``None`` if it was put there by other
        means.
        """


class PresignedUrl(msgspec.Struct, frozen=True):
    """A URL that is good for a short while, and the headers that must come with it."""

    url: str
    headers: dict[str, str] = {}


@runtime_checkable
class SupportsPresign(Protocol):
    """Stores whose files a client may fetch or put directly, by short-lived URLs."""

    def presign_read(self, path: ArtifactPath, *, expires_s: int) -> PresignedUrl:
        """URL to GET the file."""

    def presign_write(self, path: ArtifactPath, *, expires_s: int) -> PresignedUrl:
        """URL to PUT the file."""


class Part(msgspec.Struct, frozen=True):
    """A part of a multi-part upload that has arrived."""

    number: int
    """From 1."""
    etag: str


@runtime_checkable
class SupportsMultipart(Protocol):
    """Stores that take a file in parts, over several requests."""

    def create_upload(self, path: ArtifactPath, *, parts: int = 1) -> str:
        """Begin; returns the upload's id. ``parts``: how many will come; some servers must know."""

    def write_part(
        self,
        path: ArtifactPath,
        upload_id: str,
        number: int,
        chunks: Iterable[bytes],
        *,
        size_bytes: int | None = None,
    ) -> Part:
        """Keep one part; sending a part again replaces it. ``size_bytes``: its size, if known."""

    def complete_upload(self, path: ArtifactPath, upload_id: str, parts: list[Part]) -> str | None:
        """Publish the file made of ``parts`` in their order; returns its SHA-256 where known."""

    def abort_upload(self, path: ArtifactPath, upload_id: str) -> None:
        """Drop what arrived; an unknown id is no error."""


@runtime_checkable
class SupportsAdopt(Protocol):
    """Stores on this machine that can take over a finished file without copying it."""

    def adopt(self, path: ArtifactPath, file: str, *, sha256: str | None = None) -> str:
        """Publish the local ``file`` by renaming it; returns its SHA-256, which is ``sha256`` if
        the caller knows it.
        """
