"""A file's bytes for a browser: in place where they are inert, else to be saved."""

from __future__ import annotations

from assay.artifacts.base import ArtifactStore, ByteRange
from assay.entities.names import ArtifactPath
from assay.http.replies import FileReply, Headers, Reply, StreamReply
from assay.server.context import Context
from assay.server.downloads import SHA256_HEADER, attachment, wanted_bytes
from assay.server.files.kinds import HEAD_BYTES, Kind, attached, kind_of
from assay.server.files.opened import OpenedArtifact, open_artifact


def raw(
    context: Context, store: ArtifactStore, path: ArtifactPath, *, save: bool
) -> FileReply | StreamReply | Reply:
    """A file, or the range of it that the request asks for; ``save``: as an attachment.

    Raises:
        ArtifactNotFound: no such file.
        InvalidInput: it is a folder.
        HttpError: 416 for a range outside the file.
    """
    with open_artifact(store, path) as opened:
        kind = attached() if save else kind_of(opened.suffix, opened.read(0, HEAD_BYTES))
        wanted = wanted_bytes(context, opened.size, _headers(opened, kind))
        if wanted is None:
            headers = _headers(opened, kind)
            return Reply(b"", status=304, headers=headers, content_type=kind.content_type)
        status, start, end, headers = wanted
        fd = opened.hand_over()
        if fd is not None:
            return FileReply(fd, start, end, kind.content_type, status, headers)
    return StreamReply(
        store.read(path, ByteRange(start, end)),
        content_type=kind.content_type,
        status=status,
        headers=headers,
        length=end - start,
    )


def _headers(opened: OpenedArtifact, kind: Kind) -> Headers:
    disposition = attachment(opened.name)
    if kind.inline:
        disposition = disposition.replace(b"attachment", b"inline", 1)
    headers: Headers = (
        (b"content-security-policy", kind.policy),
        (b"accept-ranges", b"bytes"),
        (b"cache-control", b"private, no-cache"),
        (b"content-disposition", disposition),
    )
    if kind.inline:
        headers = (*headers, (b"x-frame-options", b"SAMEORIGIN"))
    if opened.etag:
        headers = (*headers, (b"etag", b'"' + opened.etag.encode() + b'"'))
    if opened.sha256:
        headers = (*headers, (SHA256_HEADER, opened.sha256.encode()))
    return headers
