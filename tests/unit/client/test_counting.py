"""Counting what waits in a journal."""

from __future__ import annotations

from pathlib import Path

from assay.client.counting import Counts, count_records


def test_a_journal_whose_folder_was_deleted_holds_nothing(tmp_path: Path) -> None:
    assert count_records(tmp_path / "gone", 0, 64) == Counts(0, 0, 0, 0)
