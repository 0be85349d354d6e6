"""A log is judged by itself: every altered, missing, moved or cut off record is named."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from assay.entities.audit import NO_DIGEST, AuditHead, AuditRecord, chain_digest
from assay.policies.chain import follow, verify_records


def log(count: int) -> list[AuditRecord]:
    """A good log, written by the format's description alone."""
    records: list[AuditRecord] = []
    previous = NO_DIGEST
    for seq in range(1, count + 1):
        details = {
            "text": "ü",
            "moves": [{"target": "Production", "from": [], "to": [seq]}],
            "f": 1.0,
        }
        text = msgspec.json.encode(details, order="deterministic").decode()
        row = (seq, seq, "ada", seq % 2 == 0, "local", "x", "iris", None, text, "why", 7, previous)
        digest = chain_digest(row)
        fields: list[Any] = [*row, digest]
        fields[8] = details
        records.append(AuditRecord(**dict(zip(AuditRecord.__struct_fields__, fields, strict=True))))
        previous = digest
    return records


def head(records: list[AuditRecord]) -> AuditHead:
    return AuditHead(records[-1].seq, records[-1].digest)


def test_a_good_log_is_whole_up_to_its_head() -> None:
    records = log(5)

    report = verify_records(iter(records))

    assert report.ok
    assert report.records == 5
    assert report.head == head(records)


def test_an_empty_log_is_whole() -> None:
    assert verify_records([]).head == AuditHead(0, NO_DIGEST)
    assert verify_records([], AuditHead(0, NO_DIGEST)).ok


@pytest.mark.parametrize(
    "change",
    [
        {"actor": "eve"},
        {"time": 4},
        {"verified": True},
        {"origin": "http"},
        {"action": "y"},
        {"name": "wine"},
        {"version": 1},
        {"details": {}},
        {"reason": ""},
        {"registered_id": 8},
        {"digest": "1" * 64},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_record_with_any_other_field_is_named(change: dict[str, Any]) -> None:
    records = log(5)
    records[2] = msgspec.structs.replace(records[2], **change)

    problem = verify_records(records).problem

    assert problem is not None
    assert (problem.seq, problem.why) == (3, "it was altered")


def test_a_record_that_was_written_anew_doesnt_fit_the_next() -> None:
    records, other = log(5), log(3)
    row = list(msgspec.structs.astuple(records[2]))[:-1]
    row[2], row[8] = "eve", msgspec.json.encode(row[8], order="deterministic").decode()
    records[2] = msgspec.structs.replace(other[2], actor="eve", digest=chain_digest(row))

    problem = verify_records(records).problem

    assert problem is not None
    assert (problem.seq, problem.why) == (4, "it doesn't follow the record before it")


def test_a_record_left_out_is_named() -> None:
    records = log(5)
    del records[2]

    problem = verify_records(records).problem

    assert problem is not None
    assert (problem.seq, problem.why) == (3, "it is missing")


def test_a_record_that_comes_twice_is_named() -> None:
    records = log(5)
    records.insert(3, records[1])

    problem = verify_records(records).problem

    assert problem is not None
    assert problem.seq == 4
    assert "slipped in" in problem.why


def test_records_cut_off_at_the_end_show_against_an_anchor() -> None:
    records = log(5)

    assert verify_records(records[:3]).ok
    problem = verify_records(records[:3], head(records)).problem

    assert problem is not None
    assert problem.seq == 4


def test_a_log_written_anew_as_a_whole_shows_against_an_anchor() -> None:
    records = log(3)
    anchor = AuditHead(2, "2" * 64)

    problem = verify_records(records, anchor).problem

    assert problem is not None
    assert (problem.seq, problem.why) == (2, "it is not the one that was noted earlier")


def test_a_log_goes_through_json_and_message_pack_and_stays_whole() -> None:
    records = log(3)

    packed = msgspec.msgpack.decode(msgspec.msgpack.encode(records), type=list[AuditRecord])
    exported = msgspec.json.decode(msgspec.json.encode(records), type=list[AuditRecord])

    assert verify_records(packed).ok
    assert verify_records(exported).ok


def test_a_chain_is_followed_on_from_where_it_was_left() -> None:
    records = log(5)
    rows = [list(msgspec.structs.astuple(record)) for record in records]
    for row in rows:
        row[8] = msgspec.json.encode(row[8], order="deterministic").decode()

    first = follow(rows[:2])
    rest = follow(rows[2:], after=first.end)

    assert rest.problem is None
    assert rest.end == head(records)
