"""SHA-256 of artifacts: taken while content flows, checked when it comes back."""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Iterable, Iterator

from assay.errors import Corrupted

_BUFFER_BYTES = 1 << 20


class Hashed:
    """Chunks passed on as they are, their SHA-256 and size taken on the way."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = chunks
        self._sha256 = hashlib.sha256()
        self.size_bytes = 0
        """Bytes that have passed."""

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._chunks:
            self._sha256.update(chunk)
            self.size_bytes += len(chunk)
            yield chunk

    @property
    def sha256(self) -> str:
        """Digest of what has passed so far, in hex."""
        return self._sha256.hexdigest()


def check_digest(what: str, *, expected: str, got: str) -> None:
    """Compare two SHA-256 digests in hex, whatever their case.

    Raises:
        Corrupted: they differ.
    """
    if not hmac.compare_digest(expected.lower().encode(), got.lower().encode()):
        raise Corrupted(
            f"The content of {what} has SHA-256 {got}, but {expected} was expected:"
            " it was damaged on the way or on disk. Fetch it again, or restore it from a backup."
        )


def verified(chunks: Iterable[bytes], *, expected: str, what: str) -> Iterator[bytes]:
    """``chunks``, with an error instead of the end if their SHA-256 is not ``expected``.

    Given to ``ArtifactStore.write``, damaged content is never published.

    Raises:
        Corrupted: at the end, when the digest differs.
    """
    hashed = Hashed(chunks)
    yield from hashed
    check_digest(what, expected=expected, got=hashed.sha256)


def sha256_of_file(file: str | os.PathLike[str]) -> str:
    """The SHA-256 of a local file, in hex."""
    with open(file, "rb", buffering=0) as stream:  # noqa: PTH123 - an unbuffered stream is meant
        return sha256_of_fd(stream.fileno())


def sha256_of_fd(fd: int) -> str:
    """The SHA-256 of what an open file holds from its current position, in hex."""
    digest = hashlib.sha256()
    buffer = bytearray(_BUFFER_BYTES)
    view = memoryview(buffer)
    while count := os.readv(fd, [buffer]):
        digest.update(view[:count])
    return digest.hexdigest()
