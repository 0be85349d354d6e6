"""Batches of small files: many in one request, for clients that move thousands of them.

Each file keeps the promises it has alone: its name goes through the one check, it appears whole or
not at all, and one that is refused holds up no other.
"""

from __future__ import annotations

import msgspec

from assay.artifacts.base import ArtifactStore
from assay.artifacts.batches import (
    MAX_ANSWER_BYTES,
    MAX_BODY_BYTES,
    MAX_FILE_BYTES,
    READ_ROUTE,
    WRITE_ROUTE,
    Outcome,
    ReadBatch,
    ReadBatchReply,
    ReadFile,
    SmallFile,
    WriteBatch,
    WriteBatchReply,
)
from assay.entities.names import ArtifactPath, artifact_path
from assay.errors import AssayError, Corrupted, InvalidInput, NotFound
from assay.http.replies import MSGPACK, Reply
from assay.server.assay_api.encoding import answer, wants_msgpack
from assay.server.context import Context
from assay.server.routing import Body, Permission, Route

GROUP = "Artifacts"
_PUBLISHED = Outcome()


def write_batch(context: Context, request: WriteBatch) -> Reply:
    """Publish small files below a folder of the artifact root, each whole or not at all.

    What is wrong with one file is told in its outcome; a store that is away or full fails the
    request, which is then to be sent again.
    """
    store = _at(context, request.folder)
    return answer(context, WriteBatchReply([_write(store, file) for file in request.files]))


def _at(context: Context, folder: str) -> ArtifactStore:
    store = context.artifacts
    return store.at(artifact_path(folder)) if folder else store


def _write(store: ArtifactStore, file: SmallFile) -> Outcome:
    try:
        store.write(artifact_path(file.path), (file.content,), sha256=file.sha256)
    except (InvalidInput, NotFound) as error:
        return Outcome(error.error_code, error.message, error.http_status)
    except Corrupted as error:
        # The store is fine: what arrived isn't what the client said it sends.
        return Outcome(InvalidInput.error_code, error.message, InvalidInput.http_status)
    return _PUBLISHED


def read_batch(context: Context, request: ReadBatch) -> Reply:
    """Small files below a folder of the artifact root, with their digests.

    A file that is too large, missing or can't be read comes without content: asked for alone, it
    comes, or the reason does.
    """
    store = _at(context, request.folder)
    left = MAX_ANSWER_BYTES
    files: list[ReadFile] = []
    for text in request.paths:
        file = _read(store, artifact_path(text), most=min(left, MAX_FILE_BYTES))
        left -= len(file.content or b"")
        files.append(file)
    reply = ReadBatchReply(files)
    if wants_msgpack(context):
        return Reply(msgspec.msgpack.encode(reply), MSGPACK, compress=False)
    return answer(context, reply)


def _read(store: ArtifactStore, path: ArtifactPath, *, most: int) -> ReadFile:
    try:
        found = store.read_small(path, max_bytes=most)
    except AssayError:
        return ReadFile(path)
    return ReadFile(path) if found is None else ReadFile(path, found.content, found.sha256)


ROUTES: tuple[Route, ...] = (
    Route(
        method="POST",
        path=WRITE_ROUTE,
        handler=write_batch,
        permission=Permission.WRITE,
        summary="Publish many small files at once.",
        request=WriteBatch,
        response=WriteBatchReply,
        body=Body.MSGPACK,
        max_body_bytes=MAX_BODY_BYTES,
        group=GROUP,
    ),
    Route(
        method="POST",
        path=READ_ROUTE,
        handler=read_batch,
        permission=Permission.READ,
        summary="Read many small files at once.",
        request=ReadBatch,
        response=ReadBatchReply,
        body=Body.MSGPACK,
        group=GROUP,
    ),
)
