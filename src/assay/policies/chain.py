"""The chain: whether records of the audit log are all there, in order, and as they were written.

Pure, so it judges records wherever they come from: a database, an export, a server that is not
believed. Format: docs/formats/audit-log.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from assay.entities.audit import (
    NO_DIGEST,
    AuditHead,
    AuditProblem,
    AuditRecord,
    AuditReport,
    chain_digest,
)

START: Final = AuditHead(0, NO_DIGEST)
"""Where every chain begins: before its first record."""

_DIGESTED = 12
"""Fields of a record that its digest covers: all but the digest itself."""
_encode = msgspec.json.Encoder(order="deterministic").encode


class Followed(NamedTuple):
    """How far records were followed."""

    end: AuditHead
    """The last good one."""
    problem: AuditProblem | None


def follow(
    rows: Iterable[Sequence[Any]], *, after: AuditHead = START, anchor: AuditHead | None = None
) -> Followed:
    """Follow the chain up to the first record that is not what was written.

    Args:
        rows: the fields of ``AuditRecord`` in their order, ``details`` as JSON text; from the
            record behind ``after`` on, oldest first.
        after: where the chain has been followed to.
        anchor: a head noted earlier; a record with its number must have its digest.
    """
    seq, digest = after.seq, after.digest
    why = ""
    for row in rows:
        if row[0] > seq + 1:
            why = "it is missing"
        elif row[0] <= seq:
            why = "a record that was not there was slipped in before it"
        elif row[11] != digest:
            why = "it doesn't follow the record before it"
        elif chain_digest(row[:_DIGESTED]) != row[12]:
            why = "it was altered"
        elif anchor is not None and anchor.seq == seq + 1 and anchor.digest != row[12]:
            why = "it is not the one that was noted earlier"
        if why:
            return Followed(AuditHead(seq, digest), AuditProblem(seq + 1, why))
        seq, digest = row[0], row[12]
    return Followed(AuditHead(seq, digest), None)


def verify_records(records: Iterable[AuditRecord], anchor: AuditHead | None = None) -> AuditReport:
    """Compute the digests of a whole log anew, without asking whoever keeps it.

    Args:
        records: all of them from number 1 on, oldest first: those of one model alone are no chain.
        anchor: a head noted earlier, which must be among them. Without one, records that were cut
            off at the end don't show.
    """
    end, problem = follow(_rows(records), anchor=anchor)
    if problem is None and anchor is not None and anchor.seq > end.seq:
        problem = AuditProblem(end.seq + 1, "it is missing: the log was longer once")
    return AuditReport(end.seq, end, problem)


def _rows(records: Iterable[AuditRecord]) -> Iterator[tuple[Any, ...]]:
    for record in records:
        fields = list(msgspec.structs.astuple(record))
        fields[8] = _encode(record.details).decode()
        yield tuple(fields)
