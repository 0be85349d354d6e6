from __future__ import annotations

import pytest

from assay.cli import output, run_rows
from assay.cli.output import clean, how_long, print_rows, size, when
from assay.entities.ids import ExperimentId, RunId
from assay.entities.runs import Run, RunData, RunInfo, RunStatus


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal of eighty columns; what Rich prints is captured all the same."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(output, "is_terminal", lambda: True)
    monkeypatch.setattr(run_rows, "is_terminal", lambda: True)


def run(number: int, **metrics: float) -> Run:
    info = RunInfo(
        RunId(f"{number:032d}"), ExperimentId("0"), f"run {number}", RunStatus.FINISHED, 1, ""
    )
    return Run(info, RunData(metrics=metrics, params={"lr": str(number), "model": "svc"}))


def test_what_could_drive_a_terminal_is_replaced() -> None:
    assert clean("a\tb\n\x1b[31mc\u202ed\ud800") == "a b \ufffd[31mc\ufffdd\ufffd"


def test_markup_of_users_is_shown_as_text(
    terminal: None, capsys: pytest.CaptureFixture[str]
) -> None:
    print_rows(("name",), [("[red]x[/red]",)])
    assert "[red]x[/red]" in capsys.readouterr().out


def test_columns_that_do_not_fit_are_left_out_and_told(
    terminal: None, capsys: pytest.CaptureFixture[str]
) -> None:
    print_rows([f"column {i}" for i in range(20)], [list(range(20))])
    told = capsys.readouterr()
    assert "column 3" in told.out
    assert "column 15" not in told.out
    assert "more columns don't fit" in told.err
    assert max(len(line) for line in told.out.splitlines()) <= 80


def test_what_tells_runs_apart_stands_first_on_a_terminal(terminal: None) -> None:
    columns, rows = run_rows.run_rows(
        [run(1, acc=0.5, same=1.0), run(2, acc=0.6, same=1.0)], "table"
    )
    assert columns[:5] == ["run_id", "name", "status", "metrics.acc", "params.lr"]
    assert columns[-2:] == ["params.model", "metrics.same"]
    assert rows[0][:5] == ["0" * 8, "run 1", "FINISHED", 0.5, "1"]


def test_columns_keep_their_order_in_a_pipe() -> None:
    columns, rows = run_rows.run_rows([run(1, acc=0.5)], "csv")
    assert columns[-3:] == ["params.lr", "params.model", "metrics.acc"]
    assert rows[0][0] == f"{1:032d}"


def test_times_out_of_range_are_shown_as_they_are() -> None:
    assert when(2**62) == str(2**62)
    assert when(None) == ""


def test_durations_and_sizes_read_well() -> None:
    assert (how_long(0, 1_500), how_long(0, 3_725_000), how_long(5, 1)) == (
        "1.5 s",
        "1:02:05",
        "0.0 s",
    )
    assert (size(12), size(1_500), size(2 * 10**9)) == ("12 B", "1.5 kB", "2.0 GB")
