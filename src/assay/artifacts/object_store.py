"""Artifacts in an object store: S3 and what speaks like it, Google Cloud Storage, Azure Blob
Storage.

Built on ``obstore`` (the extra ``cloud``). An object appears whole, by its nature; large ones
travel in several parts
at a time. The SHA-256 is metadata of the object where it is known before the object is sent
(content up to
``SMALL_BYTES``), else a small note beside it, in the hidden folder.
"""

from __future__ import annotations

import builtins
import hashlib
from collections.abc import Iterable, Iterator
from datetime import timedelta
from itertools import chain
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote

from assay.artifacts.base import (
    CHUNK_BYTES,
    WHOLE,
    ArtifactInfo,
    ArtifactStore,
    ByteRange,
    Part,
    PresignedUrl,
)
from assay.artifacts.bucket import PAGE, Bucket
from assay.artifacts.digests import Hashed, verified
from assay.artifacts.object_uploads import ObjectUploads
from assay.artifacts.paths import HIDDEN, file_segments, join, segments
from assay.entities.names import ArtifactPath
from assay.errors import (
    ArtifactNotFound,
    InvalidInput,
)

if TYPE_CHECKING:
    pass

SMALL_BYTES = 8 << 20
"""Content up to this size is held, hashed and sent in one request."""
_SHA256 = "assaysha256"
"""Metadata key; Azure takes identifiers only, S3 lower case: this is both."""


class ObjectArtifactStore(ArtifactStore):
    """Objects of a bucket or container below a prefix, credentials and endpoint taken from the
    environment.
    """

    def __init__(self, uri: str) -> None:
        self._bucket = Bucket(uri)
        self._above = ArtifactPath("")

    @property
    def uri(self) -> str:
        """The bucket and prefix."""
        return f"{self._bucket.uri}/{self._above}" if self._above else self._bucket.uri

    def at(self, folder: ArtifactPath) -> Self:
        """The same store seen from a folder below; connections are shared."""
        segments(folder)
        below = object.__new__(type(self))
        below._bucket = self._bucket
        below._above = join(self._above, folder)
        return below

    def list(self, path: ArtifactPath, *, recursive: bool = False) -> builtins.list[ArtifactInfo]:
        """See ``ArtifactStore.list``; objects whose names no artifact path can express are left
        out.
        """
        segments(path)
        prefix = join(self._above, path)
        with self._bucket.errors(path):
            found = list(self._below(prefix) if recursive else self._level(prefix))
        found.sort(key=lambda info: info.path)
        return found

    def _level(self, prefix: ArtifactPath) -> Iterator[ArtifactInfo]:
        listed = self._bucket.obstore.list_with_delimiter(self._bucket.store, prefix or None)
        folders = {folder.rstrip("/") for folder in listed["common_prefixes"]}
        for folder in folders:
            if (path := self._relative(folder)) is not None:
                yield ArtifactInfo(path, True)
        for item in listed["objects"]:
            path = self._relative(item["path"])
            if path is not None and item["path"] != prefix:
                yield ArtifactInfo(path, False, item["size"])

    def _below(self, prefix: ArtifactPath) -> Iterator[ArtifactInfo]:
        for page in self._bucket.obstore.list(self._bucket.store, prefix or None, chunk_size=PAGE):
            for item in page:
                path = self._relative(item["path"])
                if path is not None and item["path"] != prefix:
                    yield ArtifactInfo(path, False, item["size"])

    def _relative(self, key: str) -> ArtifactPath | None:
        """The path of an object in this store, or ``None`` if it is hidden or can't be
        expressed.
        """
        inner = key[len(self._above) + 1 :] if self._above else key
        try:
            return ArtifactPath(inner) if segments(inner) else None
        except InvalidInput:
            return None

    def info(self, path: ArtifactPath) -> ArtifactInfo:
        """See ``ArtifactStore.info``; a folder exists as long as an object lies below it."""
        if not segments(path):
            return ArtifactInfo(path, True)
        try:
            return ArtifactInfo(path, False, self._size(path))
        except ArtifactNotFound:
            with self._bucket.errors(path):
                for page in self._bucket.obstore.list(
                    self._bucket.store, join(self._above, path), chunk_size=1
                ):
                    if page:
                        return ArtifactInfo(path, True)
            raise

    def _size(self, path: ArtifactPath) -> int:
        with self._bucket.errors(path):
            size: int = self._bucket.obstore.head(self._bucket.store, join(self._above, path))[
                "size"
            ]
        return size

    def read(self, path: ArtifactPath, byte_range: ByteRange = WHOLE) -> Iterator[bytes]:
        """See ``ArtifactStore.read``."""
        file_segments(path, purpose="read")
        options: dict[str, Any] = {}
        if byte_range != WHOLE:
            size = self._size(path)
            end = size if byte_range.end is None else min(byte_range.end, size)
            if byte_range.start >= end:
                return iter(())
            options["range"] = (byte_range.start, end)
        with self._bucket.errors(path):
            result = self._bucket.obstore.get(
                self._bucket.store, join(self._above, path), options=options
            )
            stream = result.stream(min_chunk_size=CHUNK_BYTES)
        return self._chunks(path, stream)

    def read_verified(self, path: ArtifactPath) -> Iterator[bytes]:
        """See ``ArtifactStore.read_verified``; small files bring their digest along."""
        file_segments(path, purpose="read")
        with self._bucket.errors(path):
            result = self._bucket.obstore.get(self._bucket.store, join(self._above, path))
            expected = result.attributes.get(_SHA256)
            large = result.meta["size"] > SMALL_BYTES
            chunks = self._chunks(path, result.stream(min_chunk_size=CHUNK_BYTES))
        if expected is None and large:
            expected = self.digest(path)
        if expected is None:
            return chunks
        return verified(chunks, expected=str(expected), what=repr(path))

    def _chunks(self, path: ArtifactPath, stream: Iterable[Any]) -> Iterator[bytes]:
        with self._bucket.errors(path):
            for chunk in stream:
                yield bytes(chunk)

    def write(
        self,
        path: ArtifactPath,
        chunks: Iterable[bytes],
        *,
        sha256: str | None = None,
        size_bytes: int | None = None,
    ) -> str:
        """See ``ArtifactStore.write``."""
        file_segments(path, purpose="written")
        if sha256 is not None:
            chunks = verified(chunks, expected=sha256, what=repr(path))
        source = iter(chunks)
        first: builtins.list[bytes] = []
        size = 0
        for chunk in source:
            first.append(chunk)
            size += len(chunk)
            if size > SMALL_BYTES:
                return self._write_large(path, chain(first, source))
        return self._write_small(path, b"".join(first))

    def _write_small(self, path: ArtifactPath, content: bytes) -> str:
        sha256 = hashlib.sha256(content).hexdigest()
        with self._bucket.errors(path):
            self._bucket.obstore.put(
                self._bucket.store,
                join(self._above, path),
                content,
                attributes={_SHA256: sha256},
                use_multipart=False,
            )
        return sha256

    def _write_large(self, path: ArtifactPath, chunks: Iterable[bytes]) -> str:
        hashed = Hashed(chunks)
        with self._bucket.errors(path):
            put = self._bucket.stream(join(self._above, path), hashed)
        note = f"{hashed.sha256} {hashed.size_bytes} {put['e_tag']}"
        with self._bucket.errors(path):
            self._bucket.obstore.put(
                self._bucket.store, self._note(path), note.encode(), use_multipart=False
            )
        return hashed.sha256

    def _note(self, path: ArtifactPath) -> str:
        # Beside the file, so that every view of the bucket finds it and deleting the folder deletes
        # it.
        folder, _, name = join(self._above, path).rpartition("/")
        return join(folder, f"{HIDDEN}/{name}.sha256")

    def digest(self, path: ArtifactPath) -> str | None:
        """See ``ArtifactStore.digest``."""
        file_segments(path, purpose="read")
        with self._bucket.errors(path):
            result = self._bucket.obstore.get(
                self._bucket.store, join(self._above, path), options={"head": True}
            )
            kept = result.attributes.get(_SHA256)
            if kept:
                return str(kept)
            meta = result.meta
            try:
                note = self._bucket.obstore.get(self._bucket.store, self._note(path)).bytes()
            except FileNotFoundError:
                return None
        sha256, _, rest = bytes(note).decode("utf-8", "replace").partition(" ")
        # The object may have been replaced by other means since the note was written.
        return sha256 if rest == f"{meta['size']} {meta['e_tag']}" else None

    def delete(self, path: ArtifactPath) -> None:
        """See ``ArtifactStore.delete``; a folder is deleted in batches, so it goes bit by bit."""
        file_segments(path, purpose="deleted")
        key = join(self._above, path)
        found = True
        try:
            self._size(path)
        except ArtifactNotFound:
            found = False
        with self._bucket.errors(path):
            if found:
                self._bucket.obstore.delete(self._bucket.store, [key])
                self._bucket.drop([self._note(path)])
            for page in self._bucket.obstore.list(self._bucket.store, key, chunk_size=PAGE):
                if page:
                    found = True
                    self._bucket.drop([item["path"] for item in page])
        if not found:
            raise ArtifactNotFound(path)

    def presign_read(self, path: ArtifactPath, *, expires_s: int) -> PresignedUrl:
        """See ``SupportsPresign``."""
        return self._sign("GET", path, expires_s)

    def presign_write(self, path: ArtifactPath, *, expires_s: int) -> PresignedUrl:
        """See ``SupportsPresign``; a file put this way has no digest."""
        signed = self._sign("PUT", path, expires_s)
        if self._is_azure():
            return PresignedUrl(signed.url, {"x-ms-blob-type": "BlockBlob"})
        return signed

    def _is_azure(self) -> bool:
        return self._bucket.uri.startswith(("az", "abfs", "wasb"))

    def _sign(self, method: Any, path: ArtifactPath, expires_s: int) -> PresignedUrl:
        file_segments(path, purpose="signed for")
        if self._is_azure() and quote(path) != path:
            # obstore signs the encoded name, Azure checks the plain one (seen with obstore 0.12
            # and Azurite).
            raise InvalidInput(
                f"No URL can be signed for {path!r}: on Azure only names that need no"
                " percent-encoding work. Go through the server instead."
            )
        with self._bucket.errors(path):
            url = self._bucket.obstore.sign(
                self._bucket.store,
                method,
                join(self._above, path),
                expires_in=timedelta(seconds=expires_s),
            )
        return PresignedUrl(url)

    def create_upload(self, path: ArtifactPath, *, parts: int = 1) -> str:
        """See ``SupportsMultipart``; any number of parts may come."""
        file_segments(path, purpose="written")
        return self._uploads.create(join(self._above, path))

    def write_part(
        self,
        path: ArtifactPath,
        upload_id: str,
        number: int,
        chunks: Iterable[bytes],
        *,
        size_bytes: int | None = None,
    ) -> Part:
        """See ``SupportsMultipart``; the etag is the part's SHA-256."""
        key = join(self._above, path)
        return self._uploads.write_part(key, upload_id, number=number, chunks=chunks)

    def complete_upload(
        self, path: ArtifactPath, upload_id: str, parts: builtins.list[Part]
    ) -> str:
        """See ``SupportsMultipart``; the parts are fetched and sent again as one file."""
        key = join(self._above, path)
        sha256 = self.write(path, self._uploads.content(key, upload_id, parts=parts))
        self._uploads.abort(key, upload_id)
        return sha256

    def abort_upload(self, path: ArtifactPath, upload_id: str) -> None:
        """See ``SupportsMultipart``."""
        self._uploads.abort(join(self._above, path), upload_id)

    @property
    def _uploads(self) -> ObjectUploads:
        return ObjectUploads(self._bucket)
