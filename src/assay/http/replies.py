"""Replies that are not a struct: bytes as they are, streams, files.

A handler returns a struct (encoded as JSON), ``None`` (``{}``) or one of these.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import msgspec

Headers = tuple[tuple[bytes, bytes], ...]

JSON = b"application/json"
MSGPACK = b"application/msgpack"
TEXT = b"text/plain; charset=utf-8"
HTML = b"text/html; charset=utf-8"
BINARY = b"application/octet-stream"


class Reply(msgspec.Struct, frozen=True):
    """A complete body."""

    body: bytes
    content_type: bytes = JSON
    status: int = 200
    headers: Headers = ()
    compress: bool = True
    """Whether a body over 1 kB may travel gzipped."""


class StreamReply(msgspec.Struct, frozen=True):
    """A body in chunks. A plain iterator is advanced in the thread pool, an asynchronous one on the
    loop.
    """

    chunks: Iterator[bytes] | AsyncIterator[bytes]
    content_type: bytes = BINARY
    status: int = 200
    headers: Headers = ()
    length: int | None = None
    """Bytes in all, where known."""


class FileReply(msgspec.Struct, frozen=True):
    """Bytes ``start`` up to ``end`` of an open file; the server closes ``fd``."""

    fd: int
    start: int
    end: int
    content_type: bytes = BINARY
    status: int = 200
    headers: Headers = ()
