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
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import chain, pairwise
from types import ModuleType
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
from assay.artifacts.cloud import connect
from assay.artifacts.digests import Hashed, verified
from assay.artifacts.feeding import feed
from assay.artifacts.paths import HIDDEN, file_segments, join, segments
from assay.entities.names import ArtifactPath
from assay.errors import (
    ArtifactNotFound,
    AssayError,
    InvalidInput,
    InvalidName,
    LimitExceeded,
    NotFound,
    PermissionDenied,
    StoreUnavailable,
)

if TYPE_CHECKING:
    pass

SMALL_BYTES = 8 << 20
"""Content up to this size is held, hashed and sent in one request."""
PART_BYTES = 16 << 20
"""Size of a part of larger content: S3 takes 10,000 parts, so this allows 160 GB."""
PARALLEL_PARTS = 6
"""Parts on their way at a time; with ``PART_BYTES`` a bound of the memory that one upload takes."""
MAX_PARTS = 10_000

_SHA256 = "assaysha256"
"""Metadata key; Azure takes identifiers only, S3 lower case: this is both."""
_DELETE_BATCH = 1_000
_LIST_PAGE = 1_000


class ObjectArtifactStore(ArtifactStore):
    """Objects of a bucket or container below a prefix, credentials and endpoint taken from the
    environment.
    """

    def __init__(self, uri: str) -> None:
        self._obstore, self._store = connect(uri)
        self._root_uri = uri.rstrip("/")
        self._above = ArtifactPath("")

    @property
    def uri(self) -> str:
        """The bucket and prefix."""
        return f"{self._root_uri}/{self._above}" if self._above else self._root_uri

    def at(self, folder: ArtifactPath) -> Self:
        """The same store seen from a folder below; connections are shared."""
        segments(folder)
        below = object.__new__(type(self))
        below._obstore, below._store, below._root_uri = self._obstore, self._store, self._root_uri
        below._above = join(self._above, folder)
        return below

    def list(self, path: ArtifactPath, *, recursive: bool = False) -> builtins.list[ArtifactInfo]:
        """See ``ArtifactStore.list``; objects whose names no artifact path can express are left
        out.
        """
        segments(path)
        prefix = join(self._above, path)
        with self._errors(path):
            found = list(self._below(prefix) if recursive else self._level(prefix))
        found.sort(key=lambda info: info.path)
        return found

    def _level(self, prefix: ArtifactPath) -> Iterator[ArtifactInfo]:
        listed = self._obstore.list_with_delimiter(self._store, prefix or None)
        folders = {folder.rstrip("/") for folder in listed["common_prefixes"]}
        for folder in folders:
            if (path := self._relative(folder)) is not None:
                yield ArtifactInfo(path, True)
        for item in listed["objects"]:
            path = self._relative(item["path"])
            if path is not None and item["path"] != prefix:
                yield ArtifactInfo(path, False, item["size"])

    def _below(self, prefix: ArtifactPath) -> Iterator[ArtifactInfo]:
        for page in self._obstore.list(self._store, prefix or None, chunk_size=_LIST_PAGE):
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
            with self._errors(path):
                for page in self._obstore.list(self._store, join(self._above, path), chunk_size=1):
                    if page:
                        return ArtifactInfo(path, True)
            raise

    def _size(self, path: ArtifactPath) -> int:
        with self._errors(path):
            size: int = self._obstore.head(self._store, join(self._above, path))["size"]
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
        with self._errors(path):
            result = self._obstore.get(self._store, join(self._above, path), options=options)
            stream = result.stream(min_chunk_size=CHUNK_BYTES)
        return self._chunks(path, stream)

    def read_verified(self, path: ArtifactPath) -> Iterator[bytes]:
        """See ``ArtifactStore.read_verified``; small files bring their digest along."""
        file_segments(path, purpose="read")
        with self._errors(path):
            result = self._obstore.get(self._store, join(self._above, path))
            expected = result.attributes.get(_SHA256)
            large = result.meta["size"] > SMALL_BYTES
            chunks = self._chunks(path, result.stream(min_chunk_size=CHUNK_BYTES))
        if expected is None and large:
            expected = self.digest(path)
        if expected is None:
            return chunks
        return verified(chunks, expected=str(expected), what=repr(path))

    def _chunks(self, path: ArtifactPath, stream: Iterable[Any]) -> Iterator[bytes]:
        with self._errors(path):
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
        with self._errors(path):
            self._obstore.put(
                self._store,
                join(self._above, path),
                content,
                attributes={_SHA256: sha256},
                use_multipart=False,
            )
        return sha256

    def _write_large(self, path: ArtifactPath, chunks: Iterable[bytes]) -> str:
        hashed = Hashed(chunks)
        with self._errors(path):
            put = self._stream(join(self._above, path), hashed)
        note = f"{hashed.sha256} {hashed.size_bytes} {put['e_tag']}"
        with self._errors(path):
            self._obstore.put(self._store, self._note(path), note.encode(), use_multipart=False)
        return hashed.sha256

    def _stream(self, key: str, chunks: Iterable[bytes]) -> Any:
        """Put content of unknown size, in parts; an error from ``chunks`` is passed on, and
        nothing is put.
        """

        def put(source: Iterator[bytes]) -> Any:
            return self._obstore.put(
                self._store,
                key,
                source,
                use_multipart=True,
                chunk_size=PART_BYTES,
                max_concurrency=PARALLEL_PARTS,
            )

        return feed(put, chunks)

    def _note(self, path: ArtifactPath) -> str:
        # Beside the file, so that every view of the bucket finds it and deleting the folder deletes
        # it.
        folder, _, name = join(self._above, path).rpartition("/")
        return join(folder, f"{HIDDEN}/{name}.sha256")

    def digest(self, path: ArtifactPath) -> str | None:
        """See ``ArtifactStore.digest``."""
        file_segments(path, purpose="read")
        with self._errors(path):
            result = self._obstore.get(self._store, join(self._above, path), options={"head": True})
            kept = result.attributes.get(_SHA256)
            if kept:
                return str(kept)
            meta = result.meta
            try:
                note = self._obstore.get(self._store, self._note(path)).bytes()
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
        with self._errors(path):
            if found:
                self._obstore.delete(self._store, [key])
                self._drop([self._note(path)])
            for page in self._obstore.list(self._store, key, chunk_size=_DELETE_BATCH):
                if page:
                    found = True
                    self._drop([item["path"] for item in page])
        if not found:
            raise ArtifactNotFound(path)

    def _drop(self, keys: builtins.list[str]) -> None:
        try:
            self._obstore.delete(self._store, keys)
        except FileNotFoundError:  # some backends mind that it is gone already
            pass

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
        return self._root_uri.startswith(("az", "abfs", "wasb"))

    def _sign(self, method: Any, path: ArtifactPath, expires_s: int) -> PresignedUrl:
        file_segments(path, purpose="signed for")
        if self._is_azure() and quote(path) != path:
            # obstore signs the encoded name, Azure checks the plain one (seen with obstore 0.12
            # and Azurite).
            raise InvalidInput(
                f"No URL can be signed for {path!r}: on Azure only names that need no"
                " percent-encoding work. Go through the server instead."
            )
        with self._errors(path):
            url = self._obstore.sign(
                self._store,
                method,
                join(self._above, path),
                expires_in=timedelta(seconds=expires_s),
            )
        return PresignedUrl(url)

    def create_upload(self, path: ArtifactPath, *, parts: int = 1) -> str:
        """See ``SupportsMultipart``.

        obstore doesn't tell a multi-part upload of the backend over several calls, so parts are
        kept as hidden
        objects and sent again, one after the other, as the whole file on completion.
        """
        file_segments(path, purpose="written")
        upload_id = secrets.token_hex(16)
        with self._errors(path):
            self._obstore.put(self._store, f"{self._upload(upload_id)}/target", self._target(path))
        return upload_id

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
        if not 1 <= number <= MAX_PARTS:
            raise LimitExceeded("The number of a part", limit=MAX_PARTS, got=number)
        self._check_upload(path, upload_id)
        folder = self._upload(upload_id)
        arriving = f"{folder}/arriving-{secrets.token_hex(8)}"
        hashed = Hashed(chunks)
        with self._errors(path):
            self._stream(arriving, hashed)
        with self._errors(path):
            self._obstore.rename(self._store, arriving, f"{folder}/{number}-{hashed.sha256}")
        return Part(number, hashed.sha256)

    def complete_upload(
        self, path: ArtifactPath, upload_id: str, parts: builtins.list[Part]
    ) -> str:
        """See ``SupportsMultipart``."""
        self._check_upload(path, upload_id)
        if not parts or any(a.number >= b.number for a, b in pairwise(parts)):
            raise InvalidInput(
                "The parts of an upload must be listed once each, in ascending order."
            )
        folder = self._upload(upload_id)
        with self._errors(path):
            there = {
                item["path"]
                for page in self._obstore.list(self._store, folder, chunk_size=_LIST_PAGE)
                for item in page
            }
        keys = [f"{folder}/{part.number}-{part.etag.strip(chr(34))}" for part in parts]
        for part, key in zip(parts, keys, strict=True):
            if key not in there:
                raise InvalidInput(
                    f"Part {part.number} of the upload of {path!r} hasn't arrived with this etag."
                    " Send it again, then complete."
                )
        sha256 = self.write(path, self._joined(path, keys))
        self.abort_upload(path, upload_id)
        return sha256

    def _joined(self, path: ArtifactPath, keys: builtins.list[str]) -> Iterator[bytes]:
        for key in keys:
            with self._errors(path):
                stream = self._obstore.get(self._store, key).stream(min_chunk_size=CHUNK_BYTES)
            yield from self._chunks(path, stream)

    def abort_upload(self, path: ArtifactPath, upload_id: str) -> None:
        """See ``SupportsMultipart``."""
        try:
            self._check_upload(path, upload_id)
        except NotFound:
            return
        with self._errors(path):
            folder = self._upload(upload_id)
            for page in self._obstore.list(self._store, folder, chunk_size=_DELETE_BATCH):
                self._drop([item["path"] for item in page])

    def _upload(self, upload_id: str) -> str:
        return f"{HIDDEN}/uploads/{upload_id}"

    def _target(self, path: ArtifactPath) -> bytes:
        return join(self._above, path).encode()

    def _check_upload(self, path: ArtifactPath, upload_id: str) -> None:
        missing = NotFound(
            f"No upload {upload_id[:40]!r} of {path!r} is under way. Begin a new one."
        )
        if len(upload_id) != 32 or not upload_id.isalnum() or not upload_id.isascii():
            raise missing
        try:
            with self._errors(path):
                target = self._obstore.get(self._store, f"{self._upload(upload_id)}/target").bytes()
        except ArtifactNotFound:
            raise missing from None
        if bytes(target) != self._target(path):
            raise missing

    @contextmanager
    def _errors(self, path: str) -> Iterator[None]:
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
