"""Multi-part uploads onto an object store, over several requests to a server.

obstore has no multi-part upload of the backend that lasts over several calls. So parts are kept as
hidden objects, and sent again, one after the other, as the whole file on completion.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Iterator
from itertools import pairwise

from assay.artifacts.base import CHUNK_BYTES, Part
from assay.artifacts.bucket import PAGE, Bucket
from assay.artifacts.digests import Hashed
from assay.artifacts.paths import HIDDEN
from assay.errors import ArtifactNotFound, InvalidInput, LimitExceeded, NotFound

MAX_PARTS = 10_000
"""S3's limit, which clients already respect."""

_ID = re.compile(r"[0-9a-f]{32}\Z")


class ObjectUploads:
    """The uploads under way in a bucket; ``key`` is the object that each will make."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket

    def create(self, key: str) -> str:
        """Begin an upload; returns its id."""
        upload_id = secrets.token_hex(16)
        bucket = self._bucket
        with bucket.errors(key):
            bucket.obstore.put(bucket.store, f"{_folder(upload_id)}/target", key.encode())
        return upload_id

    def write_part(self, key: str, upload_id: str, *, number: int, chunks: Iterable[bytes]) -> Part:
        """Keep one part, under its digest once it has come whole."""
        if not 1 <= number <= MAX_PARTS:
            raise LimitExceeded("The number of a part", limit=MAX_PARTS, got=number)
        self._check(key, upload_id)
        bucket, folder = self._bucket, _folder(upload_id)
        arriving = f"{folder}/arriving-{secrets.token_hex(8)}"
        hashed = Hashed(chunks)
        with bucket.errors(key):
            bucket.stream(arriving, hashed)
            kept = f"{folder}/{number}-{hashed.sha256}"
            bucket.obstore.rename(bucket.store, arriving, kept)
        return Part(number, hashed.sha256)

    def content(self, key: str, upload_id: str, *, parts: list[Part]) -> Iterator[bytes]:
        """The parts one after the other, checked to be there before the first byte.

        Raises:
            NotFound: no such upload of this object.
            InvalidInput: a part never came, came with another etag, or the list is empty or out
                of order.
        """
        self._check(key, upload_id)
        if not parts or any(a.number >= b.number for a, b in pairwise(parts)):
            raise InvalidInput(
                "The parts of an upload must be listed once each, in ascending order."
            )
        bucket, folder = self._bucket, _folder(upload_id)
        with bucket.errors(key):
            pages = bucket.obstore.list(bucket.store, folder, chunk_size=PAGE)
            there = {item["path"] for page in pages for item in page}
        names = [f"{folder}/{part.number}-{part.etag.strip(chr(34))}" for part in parts]
        for part, name in zip(parts, names, strict=True):
            if name not in there:
                raise InvalidInput(
                    f"Part {part.number} of the upload of {key!r} hasn't arrived with this etag."
                    " Send it again, then complete."
                )
        return self._joined(key, names)

    def _joined(self, key: str, names: list[str]) -> Iterator[bytes]:
        bucket = self._bucket
        for name in names:
            with bucket.errors(key):
                found = bucket.obstore.get(bucket.store, name)
                for chunk in found.stream(min_chunk_size=CHUNK_BYTES):
                    yield bytes(chunk)

    def abort(self, key: str, upload_id: str) -> None:
        """Drop the upload with its parts; an unknown one is no error."""
        try:
            self._check(key, upload_id)
        except NotFound:
            return
        bucket = self._bucket
        with bucket.errors(key):
            for page in bucket.obstore.list(bucket.store, _folder(upload_id), chunk_size=PAGE):
                bucket.drop([item["path"] for item in page])

    def _check(self, key: str, upload_id: str) -> None:
        missing = NotFound(
            f"No upload {upload_id[:40]!r} of {key!r} is under way. Begin a new one."
        )
        if not _ID.match(upload_id):
            raise missing
        bucket = self._bucket
        try:
            with bucket.errors(key):
                name = f"{_folder(upload_id)}/target"
                target = bytes(bucket.obstore.get(bucket.store, name).bytes())
        except ArtifactNotFound:
            raise missing from None
        if target != key.encode():
            raise missing


def _folder(upload_id: str) -> str:
    return f"{HIDDEN}/uploads/{upload_id}"
