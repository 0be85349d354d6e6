"""The journal when space runs out, files fill up and owners change."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path

import pytest

from assay.client import journal as journal_module
from assay.client.counting import count_records
from assay.client.journal import Journal
from assay.client.journal_files import claim, is_owned, read_owner
from assay.client.packing import Packed
from assay.client.sources import LiveSource, OrphanSource, Source
from assay.entities.ids import RunId
from assay.entities.operations import LogParams, LogPoints
from assay.errors import InvalidInput

RUN = RunId("r" * 32)


def drain(source: Source) -> list[Packed]:
    pieces = []
    while (piece := source.next()) is not None:
        pieces.append(piece)
    return pieces


def points(pieces: list[Packed]) -> int:
    return sum(piece.points for piece in pieces)


def test_journal_goes_on_in_further_files_which_go_once_delivered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "FIRST_FILE_BYTES", 4096)
    monkeypatch.setattr(journal_module, "FILE_BYTES", 8192)
    journal = Journal(tmp_path, "test")
    source = LiveSource(journal)
    for step in range(2_000):
        journal.point(RUN, "loss", 1.0, step, step)
    assert len(list(journal.folder.glob("*.journal"))) > 5
    pieces = drain(source)
    assert points(pieces) == 2_000
    assert [p.start for p in pieces[1:]] == [p.end for p in pieces[:-1]]
    source.delivered(pieces[-1].end)
    assert len(list(journal.folder.glob("*.journal"))) == 1
    journal.point(RUN, "loss", 1.0, 2_000, 1)
    assert points(drain(source)) == 1
    source.close()
    journal.release()


def test_every_file_of_a_journal_is_readable_without_the_ones_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "FIRST_FILE_BYTES", 4096)
    journal = Journal(tmp_path, "test")
    for step in range(200):
        journal.point(RUN, "loss", 1.0, step, step)
    journal.release()
    first = min(journal.folder.glob("*.journal"))
    lost = count_records(journal.folder, 0, 4096 - 16).points
    first.unlink()
    pieces = drain(OrphanSource(journal.folder))
    assert points(pieces) == 200 - lost
    assert not any(p.bad for p in pieces)


def test_a_record_larger_than_a_file_gets_a_file_of_its_size(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "test")
    journal.operation(LogParams(RUN, {"p": "x" * 3_000_000}))
    (piece,) = drain(LiveSource(journal))
    assert piece.operations == [LogParams(RUN, {"p": "x" * 3_000_000})]
    journal.release()


def test_a_value_that_is_no_number_is_refused_at_the_call(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "test")
    with pytest.raises(InvalidInput):
        journal.point(RUN, "loss", "high", 0, 0)  # type: ignore[arg-type]
    with pytest.raises(InvalidInput):
        journal.row(RUN, {"loss": 1.0}, 2**63, 0)
    journal.release()


def test_a_folder_that_cannot_be_written_costs_records_and_not_the_program(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    in_the_way = tmp_path / "journal"
    in_the_way.write_text("not a folder")
    journal = Journal(in_the_way, "test")
    with caplog.at_level(logging.WARNING):
        for step in range(50):
            journal.point(RUN, "loss", 1.0, step, 0)
            journal.row(RUN, {"a": 1.0, "b": 2.0}, step, 0)
    assert journal.dropped.points == 150
    assert len(caplog.records) == 1


def test_writing_resumes_by_itself_and_operations_are_kept_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "RETRY_S", 0.0)
    in_the_way = tmp_path / "journal"
    in_the_way.write_text("not a folder")
    journal = Journal(in_the_way, "test")
    journal.operation(LogParams(RUN, {"p": "1"}))
    journal.point(RUN, "loss", 1.0, 0, 0)
    in_the_way.unlink()
    journal.point(RUN, "loss", 1.0, 1, 0)
    journal.release()
    (piece,) = drain(OrphanSource(journal.folder))
    assert piece.operations[0] == LogParams(RUN, {"p": "1"})
    assert isinstance(piece.operations[1], LogPoints)
    assert piece.points == 1
    assert journal.dropped == (1, 0, 0)


FILL = """
import logging, resource, sys
from pathlib import Path
from assay.client import journal as module
module.RETRY_S = 0.0
logging.basicConfig(format="WARNED %(message)s")
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 1_000_000))
module.FIRST_FILE_BYTES = module.FILE_BYTES = module.SMALLEST_FILE_BYTES = 65_536
journal = module.Journal(Path(sys.argv[1]), "test")
for step in range(1_000):
    journal.point("r" * 32, "loss", 1.0, step, 0)
resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, 1_000_000))
for step in range(1_000, 5_000):
    journal.point("r" * 32, "loss", 1.0, step, 0)
resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
for step in range(5_000, 5_010):
    journal.point("r" * 32, "loss", 1.0, step, 0)
print(journal.folder, journal.dropped.points)
"""


def test_no_space_for_another_file_is_said_once_and_counted(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FILL, str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    folder, dropped = done.stdout.split()
    warnings = [line for line in done.stderr.splitlines() if line.startswith("WARNED")]
    assert "Nothing can be written" in warnings[0]
    assert "can be written again" in warnings[1]
    assert len(warnings) == 2
    assert int(dropped) > 0
    assert points(drain(OrphanSource(Path(folder)))) == 5_010 - int(dropped)


def test_a_journal_has_one_owner_until_it_is_released(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "test")
    journal.point(RUN, "loss", 1.0, 0, 0)
    assert is_owned(journal.folder)
    assert claim(journal.folder) is None
    owner = read_owner(journal.folder)
    assert owner is not None
    assert owner.destination == "test"
    journal.release()
    assert not is_owned(journal.folder)


def test_files_of_a_journal_are_for_their_user_alone(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "deep" / "journal", "test")
    journal.point(RUN, "loss", 1.0, 0, 0)
    for path in (tmp_path / "deep").rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, path
    journal.release()


def test_definitions_of_ended_runs_are_not_carried_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "FIRST_FILE_BYTES", 4096)
    monkeypatch.setattr(journal_module, "FILE_BYTES", 4096)
    journal = Journal(tmp_path, "test")
    for number in range(300):
        run_id = RunId(f"run{number}")
        journal.point(run_id, "loss", 1.0, 0, 0)
        journal.forget(run_id)
    source = LiveSource(journal)
    assert points(drain(source)) == 300
    assert len(journal._definitions) < 100
    source.close()
    journal.release()
