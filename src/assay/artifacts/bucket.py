"""A bucket or container, reached by obstore: uploads in parts, and its errors told as ours."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from assay.artifacts.cloud import connect
from assay.artifacts.feeding import feed
from assay.errors import (
    ArtifactNotFound,
    AssayError,
    InvalidInput,
    InvalidName,
    PermissionDenied,
    StoreUnavailable,
)

PART_BYTES = 16 << 20
"""Size of a part of larger content: S3 takes 10,000 parts, so this allows 160 GB."""
PARALLEL_PARTS = 6
"""Parts on their way at a time; with ``PART_BYTES`` a bound of the memory that one upload takes."""
PAGE = 1_000
"""Objects that are listed or deleted by one request: the most that S3 takes."""


class Bucket:
    """The module ``obstore`` and a store for one URI; no request is made before it is used."""

    def __init__(self, uri: str) -> None:
        self.obstore, self.store = connect(uri)
        self.uri = uri.rstrip("/")

    def stream(self, key: str, chunks: Iterable[bytes]) -> Any:
        """Put content of unknown size, in parts; an error from ``chunks`` is passed on, and
        nothing is put.
        """

        def put(source: Iterator[bytes]) -> Any:
            return self.obstore.put(
                self.store,
                key,
                source,
                use_multipart=True,
                chunk_size=PART_BYTES,
                max_concurrency=PARALLEL_PARTS,
            )

        return feed(put, chunks)

    def drop(self, keys: list[str]) -> None:
        """Delete objects, whether they are there or not."""
        try:
            self.obstore.delete(self.store, keys)
        except FileNotFoundError:  # some backends mind that it is gone already
            pass

    @contextmanager
    def errors(self, path: str) -> Iterator[None]:
        """Turn what obstore raises into our errors."""
        from obstore import exceptions as kinds

        try:
            yield
        except (FileNotFoundError, kinds.BaseError) as error:
            raise self._error_for(path, error, kinds) from error

    def _error_for(self, path: str, error: Exception, kinds: ModuleType) -> AssayError:
        said = str(error)
        # What a list or a multi-part upload meets, obstore gives no class of its own.
        if any(code in said for code in ("NoSuchBucket", "ContainerNotFound")):
            return InvalidInput(f"There is no bucket or container {self.uri}. Create it first.")
        if isinstance(error, FileNotFoundError):
            return ArtifactNotFound(path)
        denied = (kinds.PermissionDeniedError, kinds.UnauthenticatedError)
        if isinstance(error, denied) or "403 Forbidden" in said or "401 Unauthorized" in said:
            return PermissionDenied(
                f"The object store refused {path!r} in {self.uri}."
                " Check the credentials in the environment."
            )
        if isinstance(error, kinds.InvalidPathError):
            return InvalidName("artifact path", path, "the object store can't express it")
        return StoreUnavailable(
            f"The object store {self.uri} failed at {path!r}: {_short(error)}. Try again."
        )


def _short(error: Exception) -> str:
    # obstore appends a debug print of the error's source, which tells a person nothing.
    return str(error).partition("\n")[0][:300]
