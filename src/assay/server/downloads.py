"""Files on their way out: ranges, validators, and headers that make them inert in a browser."""

from __future__ import annotations

import mimetypes
import os
import re
from urllib.parse import quote

from assay.artifacts.base import ArtifactStore, ByteRange
from assay.artifacts.local import LocalArtifactStore
from assay.entities.names import ArtifactPath
from assay.errors import ArtifactNotFound, InvalidInput
from assay.http.errors import HttpError
from assay.http.replies import BINARY, FileReply, Headers, Reply, StreamReply
from assay.server.context import Context

SHA256_HEADER = b"x-assay-sha256"
"""Digest of the whole file, where it is known; sent both ways."""

_TEXT = frozenset(
    [
        "txt",
        "log",
        "err",
        "cfg",
        "conf",
        "cnf",
        "cf",
        "ini",
        "properties",
        "prop",
        "hocon",
        "toml",
        "yaml",
        "yml",
        "xml",
        "json",
        "js",
        "py",
        "py3",
        "csv",
        "tsv",
        "md",
        "rst",
        "ipynb",
        "mlmodel",
        "mlproject",
    ]
)
"""What leaves as plain text, as from MLflow's server, so that a browser never runs it."""

_INERT: Headers = (
    (b"content-security-policy", b"sandbox; default-src 'none'; frame-ancestors 'none'"),
    (b"accept-ranges", b"bytes"),
    (b"cache-control", b"private, no-cache"),
)
_RANGE = re.compile(r"bytes=(\d{0,19})-(\d{0,19})\Z")


def content_type(name: str) -> bytes:
    """The type under which a file of this name leaves."""
    stem, dot, suffix = name.rpartition(".")
    if (suffix if dot and stem else name.lstrip(".")).lower() in _TEXT:
        return b"text/plain; charset=utf-8"
    guessed, _ = mimetypes.guess_type(name)
    return guessed.encode("ascii") if guessed else BINARY


def attachment(name: str) -> bytes:
    """A Content-Disposition for any file name (RFC 6266), safe from quotes and line ends."""
    plain = re.sub(r"[^A-Za-z0-9._ -]", "_", name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}".encode()


def download(
    context: Context, store: ArtifactStore, path: ArtifactPath
) -> FileReply | StreamReply | Reply:
    """A file of an artifact store, or the range of it that the request asks for.

    Raises:
        ArtifactNotFound: no such file.
        InvalidInput: it is a folder.
        HttpError: 416 for a range outside the file.
    """
    name = path.rpartition("/")[2]
    if isinstance(store, LocalArtifactStore):
        return _local(context, store, path, name=name)
    info = store.info(path)
    if info.is_dir:
        raise _is_folder(path)
    size = info.file_size or 0
    headers = _headers(name, store.digest(path))
    wanted = wanted_bytes(context, size, headers)
    if wanted is None:
        return Reply(b"", status=304, headers=headers, content_type=content_type(name))
    status, start, end, headers = wanted
    return StreamReply(
        store.read(path, ByteRange(start, end)),
        content_type=content_type(name),
        status=status,
        headers=headers,
        length=end - start,
    )


def _local(
    context: Context, store: LocalArtifactStore, path: ArtifactPath, *, name: str
) -> FileReply | Reply:
    try:
        opened = store.open_file(path)
    except ArtifactNotFound:
        if store.info(path).is_dir:
            raise _is_folder(path) from None
        raise
    reply = None
    try:
        headers = _headers(name, opened.sha256)
        wanted = wanted_bytes(context, opened.size_bytes, headers)
        if wanted is None:
            return Reply(b"", status=304, headers=headers, content_type=content_type(name))
        status, start, end, headers = wanted
        reply = FileReply(
            fd=opened.fd,
            start=start,
            end=end,
            content_type=content_type(name),
            status=status,
            headers=headers,
        )
        return reply
    finally:
        if reply is None:
            os.close(opened.fd)


def _is_folder(path: str) -> InvalidInput:
    return InvalidInput(f"Artifact path refers to a directory, not a file: {path!r}.")


def _headers(name: str, sha256: str | None) -> Headers:
    headers = (*_INERT, (b"content-disposition", attachment(name)))
    if sha256 is None:
        return headers
    digest = sha256.encode("ascii")
    return (*headers, (SHA256_HEADER, digest), (b"etag", b'"' + digest + b'"'))


def wanted_bytes(
    context: Context, size: int, headers: Headers
) -> tuple[int, int, int, Headers] | None:
    """Status, bytes and headers of the answer; ``None`` where the client has the file already.

    Raises:
        HttpError: 416 for a range outside the file.
    """
    etag = next((value.decode() for key, value in headers if key == b"etag"), None)
    if etag is not None and context.header(b"if-none-match") == etag:
        return None
    text = context.header(b"range")
    condition = context.header(b"if-range")
    found = _RANGE.match(text) if text and (not condition or condition == etag) else None
    if found is None or found[1] == found[2] == "":
        return 200, 0, size, headers
    if found[1] == "":
        start, end = max(0, size - int(found[2])), size
    else:
        start = int(found[1])
        end = min(size, int(found[2]) + 1) if found[2] else size
    if start >= size or start >= end:
        raise HttpError(
            416,
            f"The range {text!r} is outside of the file's {size} bytes.",
            headers=((b"content-range", b"bytes */%d" % size),),
        )
    if (start, end) != (0, size):
        headers = tuple(pair for pair in headers if pair[0] != SHA256_HEADER)
    return (
        206,
        start,
        end,
        (*headers, (b"content-range", b"bytes %d-%d/%d" % (start, end - 1, size))),
    )
