"""Batches: many small files in one request, which is what thousands of them cost over a network.

The structs are what an Assay server takes and gives; a file that is refused never holds up the
others. Reference: docs/reference/assay-api.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final, Protocol, runtime_checkable

import msgspec

from assay.entities.names import ArtifactPath
from assay.errors import AssayError

WRITE_ROUTE: Final = "/api/assay/v1/artifacts/write-batch"
READ_ROUTE: Final = "/api/assay/v1/artifacts/read-batch"
MAX_FILES: Final = 1_000
"""Files of one batch."""
MAX_FILE_BYTES: Final = 1 << 20
"""A larger file travels alone: its request costs little beside its content."""
MAX_BODY_BYTES: Final = 24 << 20
"""Of a batch that is written; a server holds it in memory."""
MAX_ANSWER_BYTES: Final = 16 << 20
"""Of a batch that is read; files beyond come without their content."""
FILES: Final = 200
FILES_BYTES: Final = 4 << 20
"""What clients put into one batch: a lost one is soon sent again, and what comes back is handled
while the next is on its way."""

Sha256 = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$", max_length=64)]


class SmallFile(msgspec.Struct, frozen=True):
    """A file to write."""

    path: ArtifactPath
    content: bytes
    sha256: Sha256
    """What the content must be; else it isn't published."""


class WriteBatch(msgspec.Struct, frozen=True):
    """Files to write below a folder."""

    files: Annotated[list[SmallFile], msgspec.Meta(max_length=MAX_FILES)]
    folder: str = ""


class Outcome(msgspec.Struct, frozen=True, omit_defaults=True):
    """What became of a file: published, unless there is an ``error_code``."""

    error_code: str = ""
    message: str = ""
    status: int = 0


class WriteBatchReply(msgspec.Struct, frozen=True):
    """One outcome a file, in their order."""

    outcomes: list[Outcome] = []


class ReadBatch(msgspec.Struct, frozen=True):
    """Files to read below a folder."""

    paths: Annotated[list[str], msgspec.Meta(max_length=MAX_FILES)]
    folder: str = ""


class ReadFile(msgspec.Struct, frozen=True, array_like=True):
    """A file that was read."""

    path: str
    content: bytes | None = None
    """``None``: it must be read alone, as it is too large, no file, or can't be read."""
    sha256: str | None = None
    """What was written, where the store knows it."""


class ReadBatchReply(msgspec.Struct, frozen=True):
    """The files, in the order in which they were asked for."""

    files: list[ReadFile] = []


@runtime_checkable
class SupportsBatches(Protocol):
    """Stores behind a server that takes many small files at once.

    Both methods answer ``None`` where the server turns out not to; then the files go one by one.
    """

    @property
    def takes_batches(self) -> bool:
        """False once the server has turned out to take none."""

    def write_batch(self, files: Sequence[SmallFile]) -> list[AssayError | None] | None:
        """Publish each file; what is final about those that are refused, in their order."""

    def read_batch(self, paths: Sequence[ArtifactPath]) -> list[ReadFile] | None:
        """The files, in their order, each checked against its digest."""
