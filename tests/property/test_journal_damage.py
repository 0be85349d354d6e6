"""Damaged journals: every good record is delivered, the damaged one is set aside."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.client.journal import Journal
from assay.client.journal_files import journal_path
from assay.client.packing import Packed
from assay.client.sources import LiveSource, OrphanSource
from assay.entities.ids import RunId
from assay.entities.metrics import SeriesKey
from assay.entities.operations import LogParams, LogPoints, SetTags

RUN = RunId("a" * 32)
HEADER = 16


def points_of(packed: list[Packed]) -> list[tuple[str, int, int, bytes]]:
    found = []
    for operation in (o for piece in packed for o in piece.operations):
        if not isinstance(operation, LogPoints):
            continue
        batch = operation.batch
        for n in range(len(batch)):
            (place,) = struct.unpack_from("<I", batch.index, 4 * n)
            (step,) = struct.unpack_from("<q", batch.steps, 8 * n)
            (timestamp,) = struct.unpack_from("<q", batch.timestamps, 8 * n)
            value = batch.values[8 * n : 8 * n + 8]
            found.append((batch.series[place].key, step, timestamp, value))
    return found


def others_of(packed: list[Packed]) -> list[object]:
    return [o for piece in packed for o in piece.operations if not isinstance(o, LogPoints)]


def read(folder: Path) -> list[Packed]:
    source = OrphanSource(folder)
    pieces = []
    while (piece := source.next()) is not None:
        pieces.append(piece)
    return pieces


@pytest.fixture
def written(tmp_path: Path) -> tuple[Path, list[int]]:
    """A journal of 60 records, cut to its used length, and the offsets at which its records end."""
    journal = Journal(tmp_path / "journal", "test")
    ends = []
    for n in range(20):
        journal.point(RUN, "loss", n / 7, n, 1_000 + n)
        ends.append(journal.position)
        journal.row(RUN, {"a": float(n), "b": 0.0}, n, 2_000 + n)
        ends.append(journal.position)
        journal.operation(LogParams(RUN, {f"p{n}": "x" * n}))
        ends.append(journal.position)
    journal.release()
    path = next(journal.folder.glob("*.journal"))
    path.write_bytes(path.read_bytes()[: HEADER + ends[-1]])
    return path, ends


def test_tail_cut_at_every_byte_keeps_every_whole_record(written: tuple[Path, list[int]]) -> None:
    path, ends = written
    whole = path.read_bytes()
    for length in range(HEADER, len(whole)):
        path.write_bytes(whole[:length])
        pieces = read(path.parent)
        kept = sum(end <= length - HEADER for end in ends)
        # Records come in rounds of a point, a row of two points, and an operation.
        rounds, rest = divmod(kept, 3)
        assert len(points_of(pieces)) == 3 * rounds + (0, 1, 3)[rest], length
        # An operation that lacks nothing but its padding is whole.
        assert rounds <= len(others_of(pieces)) <= rounds + (rest == 2), length


def test_a_flipped_bit_in_any_byte_costs_at_most_its_own_record(
    written: tuple[Path, list[int]],
) -> None:
    path, _ = written
    whole = path.read_bytes()
    all_points = set(points_of(read(path.parent)))
    all_params = {key for o in others_of(read(path.parent)) for key in o.params}
    for offset in range(HEADER, len(whole)):
        damaged = bytearray(whole)
        damaged[offset] ^= 1 << (offset % 8)
        path.write_bytes(damaged)
        pieces = read(path.parent)
        points = set(points_of(pieces))
        params = {key for o in others_of(pieces) for key in o.params}
        lost = len(all_points - points) / 2 + len(all_params - params)
        assert points <= all_points, offset
        assert params <= all_params, offset
        assert lost <= 1, offset
        if lost:
            assert sum(len(p.bad) for p in pieces) == 1, offset


def test_a_damaged_file_header_loses_nothing_and_is_reported(
    written: tuple[Path, list[int]],
) -> None:
    path, _ = written
    whole = bytearray(path.read_bytes())
    whole[3] ^= 1
    path.write_bytes(whole)
    pieces = read(path.parent)
    assert len(points_of(pieces)) == 60
    assert [record.why for p in pieces for record in p.bad] == ["the file header is damaged"]


@pytest.mark.parametrize("size", [0, 7, 1 << 16])
def test_a_file_that_was_made_and_never_begun_is_no_damage(
    written: tuple[Path, list[int]], size: int
) -> None:
    path, ends = written
    journal_path(path.parent, ends[-1]).write_bytes(bytes(size))
    pieces = read(path.parent)
    assert len(points_of(pieces)) == 60
    assert not any(piece.bad for piece in pieces)


values = st.one_of(
    st.floats(allow_nan=True, allow_infinity=True),
    st.integers(0, 2**64 - 1).map(lambda n: struct.unpack("<d", struct.pack("<Q", n))[0]),
)
keys = st.text(min_size=1, max_size=8)
int64 = st.integers(-(2**63), 2**63 - 1)
records = st.lists(
    st.one_of(
        st.tuples(st.just("point"), st.sampled_from("rs"), keys, values, int64),
        st.tuples(st.just("row"), st.sampled_from("rs"), st.dictionaries(keys, values), int64),
        st.tuples(st.just("tag"), st.sampled_from("rs"), st.text(max_size=30)),
    ),
    max_size=60,
)


@settings(max_examples=60)
@given(records=records, live=st.booleans())
def test_whatever_is_written_is_read_back_bit_for_bit_and_in_order(
    tmp_path_factory: pytest.TempPathFactory, records: list[tuple], live: bool
) -> None:
    journal = Journal(tmp_path_factory.mktemp("journal"), "test")
    wanted: dict[str, list[tuple[str, int, int, bytes]]] = {"r": [], "s": []}
    tags = []
    for kind, run, *facts in [("point", "r", "first", 0.0, 0), *records]:
        run_id = RunId(run)
        if kind == "point":
            key, value, step = facts
            journal.point(run_id, key, value, step, 7)
            wanted[run].append((key, step, 7, struct.pack("<d", value)))
        elif kind == "row":
            journal.row(run_id, facts[0], facts[1], 9)
            wanted[run] += [(k, facts[1], 9, struct.pack("<d", v)) for k, v in facts[0].items()]
        else:
            journal.operation(SetTags(run_id, {"t": facts[0]}))
            tags.append((run_id, facts[0]))
    if live:
        source = LiveSource(journal)
        pieces = []
        while (piece := source.next()) is not None:
            pieces.append(piece)
        source.close()
        journal.release()
    else:
        journal.release()
        pieces = read(journal.folder)
    for run, expected in wanted.items():
        mine = [p._replace(operations=[o for o in p.operations if o.run_id == run]) for p in pieces]
        assert points_of(mine) == expected
    assert [(o.run_id, o.tags["t"]) for o in others_of(pieces)] == tags
    assert not any(p.bad for p in pieces)


@settings(max_examples=20)
@given(limit=st.integers(1, 9))
def test_pieces_of_any_size_join_without_gap_or_overlap(
    tmp_path_factory: pytest.TempPathFactory, limit: int
) -> None:
    journal = Journal(tmp_path_factory.mktemp("journal"), "test")
    for n in range(25):
        journal.point(RUN, "loss", n, n, n)
        journal.row(RUN, {"a": 1.0, "b": 2.0}, n, n)
    source = LiveSource(journal)
    pieces, position = [], 0
    while (piece := source.next(max_records=limit)) is not None:
        assert piece.start == position
        position = piece.end
        pieces.append(piece)
    assert [p[1] for p in points_of(pieces) if p[0] == "loss"] == list(range(25))
    source.close()
    journal.release()


def test_series_of_models_and_data_sets_are_told_apart(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "test")
    journal.point(RUN, SeriesKey("acc", "m-1", "d", "x"), 1.0, 0, 0)
    journal.point(RUN, "acc", 2.0, 0, 0)
    journal.row(RUN, {"acc": 3.0}, 0, 0, source=("m-1", "d", "x"))
    journal.release()
    (piece,) = read(journal.folder)
    (points,) = piece.operations
    assert isinstance(points, LogPoints)
    assert points.batch.series == [SeriesKey("acc", "m-1", "d", "x"), SeriesKey("acc")]
    assert points.batch.index == struct.pack("<3I", 0, 1, 0)
