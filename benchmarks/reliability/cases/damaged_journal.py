"""Journals cut at every byte and journals with a flipped bit, each delivered by one ``sync``."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from assay.client.connect import open_store
from assay.client.journal import Journal
from assay.client.records import FRAME_HEADER, frame_size
from assay.client.status import StatusReport, status
from assay.client.sync import sync
from assay.entities import RunId, SeriesKey
from assay.entities.ids import new_run_id
from assay.entities.operations import LogParams, StartRun
from assay.errors import RunNotFound
from assay.store.base import Store
from assay.store.uri import Location, resolve_location
from benchmarks.reliability.case import Figures, Outcome
from benchmarks.reliability.cases._programs import START

CLAIM = (
    "a journal cut at any byte or with a flipped bit: all good records are delivered, the bad one"
    " is set aside and reported"
)

ROUNDS = 4
"""Of a point, a row of two points and a param: with the start, 13 records and three definitions."""
FILE_HEADER_BYTES = 16


class Written(NamedTuple):
    """A journal of one run."""

    run_id: RunId
    writer_id: str
    path: Path
    ends: list[int]
    """Where the records end in the file, each with the definitions before it."""
    torn: frozenset[int]
    """Lengths at which the file would end inside a frame."""


class Damage(NamedTuple):
    """What was done to a journal."""

    journal: Written
    place: int
    cut: bool
    hurt: int | None
    """The record that the flipped bit belongs to."""


def run(short: bool) -> Outcome:
    every = 11 if short else 1
    with tempfile.TemporaryDirectory() as name:
        location = resolve_location(Path(name) / ".assay", environ={})
        damages = list(_damage_all(location, every))
        sync(location)
        again = sync(location)
        report = status(location)
        store = open_store(location)
        try:
            figures = _judge(store, damages, report)
        finally:
            store.close()
    figures["left_in_journals"] = len(report.journals)
    figures["second_sync_points"] = again.points
    held = not any(
        figures[key]
        for key in ("good_lost", "wrong", "unreported", "left_in_journals", "second_sync_points")
    )
    return Outcome(held, figures)


def _write(location: Location) -> Written:
    journal = Journal(location.journal_folder, location.shown_uri)
    run_id = new_run_id()
    journal.operation(StartRun(run_id, START, experiment_id="0"))
    ends = [journal.position]
    for n in range(ROUNDS):
        journal.point(run_id, "loss", n / 7, n, START + n)
        ends.append(journal.position)
        journal.row(run_id, {"a": float(n), "b": -0.5}, n, START + n)
        ends.append(journal.position)
        journal.operation(LogParams(run_id, {f"p{n}": "x" * n}))
        ends.append(journal.position)
    journal.release()
    path = next(journal.folder.glob("*.journal"))
    ends = [end + FILE_HEADER_BYTES for end in ends]
    with path.open("r+b") as file:
        file.truncate(ends[-1])
    return Written(run_id, journal.writer_id, path, ends, _torn_lengths(path.read_bytes()))


def _torn_lengths(content: bytes) -> frozenset[int]:
    """Lengths that cut a frame in two. A frame that only lacks padding is whole."""
    lengths: set[int] = set()
    place = FILE_HEADER_BYTES
    while place < len(content):
        length, _ = FRAME_HEADER.unpack_from(content, place)
        lengths.update(range(place + 1, place + FRAME_HEADER.size + length))
        place += frame_size(length)
    return frozenset(lengths)


def _damage_all(location: Location, every: int) -> Iterator[Damage]:
    length = _write(location).ends[-1]
    for place in range(FILE_HEADER_BYTES, length, every):
        journal = _write(location)
        with journal.path.open("r+b") as file:
            file.truncate(place)
        yield Damage(journal, place, True, None)
    for place in range(length):
        if place % every:
            continue
        journal = _write(location)
        with journal.path.open("r+b") as file:
            file.seek(place)
            byte = file.read(1)[0]
            file.seek(place)
            file.write(bytes([byte ^ 1 << random.randrange(8)]))
        hurt = _record_at(journal, place) if place >= FILE_HEADER_BYTES else None
        yield Damage(journal, place, False, hurt)


def _record_at(journal: Written, place: int) -> int:
    return next(number for number, end in enumerate(journal.ends) if place < end)


def _judge(store: Store, damages: list[Damage], report: StatusReport) -> Figures:
    """Compare each run with its journal.

    A record may be hurt without being lost: in its padding, or in a definition or the start of
    a run, which are there twice. What was cut off behind the record that the cut went through
    is nobody's to deliver.
    """
    told = {path.path.name.rpartition("-")[0] for path in report.bad}
    figures: Figures = {
        "journals": len(damages),
        "records": len(damages) * (1 + 3 * ROUNDS),
        "good_lost": 0,
        "wrong": 0,
        "bad_lost": 0,
        "set_aside": len(report.bad),
        "unreported": 0,
    }
    for damage in damages:
        journal, hurt = damage.journal, damage.hurt
        kept, wrong = _kept(store, journal)
        lost = set(range(len(journal.ends))) - kept
        if damage.cut:
            lost = {number for number in lost if journal.ends[number] <= damage.place}
        figures["wrong"] += wrong
        figures["good_lost"] += len(lost - {hurt})
        figures["bad_lost"] += hurt in lost
        torn = damage.cut and damage.place in journal.torn
        figures["unreported"] += (torn or bool(lost)) and journal.writer_id not in told
    return figures


def _kept(store: Store, journal: Written) -> tuple[set[int], int]:
    """The records that arrived, by number, and how many brought something that was not logged."""
    try:
        params = store.runs.get(journal.run_id).data.params
    except RunNotFound:
        return set(), 0
    kept, wrong = {0}, 0
    curves = {
        key: store.metrics.history(journal.run_id, SeriesKey(key)) for key in ("loss", "a", "b")
    }
    points = {
        key: set(zip(*(column.tolist() for column in curve), strict=True))
        for key, curve in curves.items()
    }
    for n in range(ROUNDS):
        at = (n, START + n)
        if (*at, n / 7) in points["loss"]:
            kept.add(1 + 3 * n)
        if (*at, float(n)) in points["a"] and (*at, -0.5) in points["b"]:
            kept.add(2 + 3 * n)
        if params.get(f"p{n}") == "x" * n:
            kept.add(3 + 3 * n)
    wrong += sum(len(found) for found in points.values()) + len(params)
    wrong -= sum(2 if number % 3 == 2 else 1 for number in kept - {0})
    return kept, wrong
