"""Digests: one fingerprint for the same data, whatever its memory layout."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

DIGEST_LENGTH = 16
"""Hex digits kept of the SHA-256: 64 bits tell the data sets of one experiment apart."""
_CHUNK_BYTES = 1 << 20


class Digest:
    """A running SHA-256; also a binary file to write to, so libraries can stream into it."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()

    def write(self, data: Any) -> int:
        """Take in bytes-like ``data``."""
        self._hash.update(data)
        return memoryview(data).nbytes

    def flush(self) -> None:
        """Nothing waits; libraries that write to files ask for it."""

    def text(self, *words: str) -> None:
        """Take in words, each told apart from the next."""
        for word in words:
            encoded = word.encode("utf-8", "surrogatepass")
            self._hash.update(len(encoded).to_bytes(8, "little") + encoded)

    def array(self, array: NDArray[Any]) -> None:
        """Take in dtype, shape and content of an array; object arrays by the text of their
        items.
        """
        import numpy as np

        self.text(array.dtype.str, str(array.shape))
        if array.dtype.hasobject:
            self.text(*(repr(item) for item in array.ravel().tolist()))
            return
        plain: NDArray[np.uint8] = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
        self._hash.update(plain.data)

    def result(self) -> str:
        """The fingerprint so far."""
        return self._hash.hexdigest()[:DIGEST_LENGTH]


def file_digest(path: Path) -> str:
    """The fingerprint of a file's bytes."""
    digest = Digest()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.write(chunk)
    return digest.result()
