"""The progress of a sweep on a terminal."""

from __future__ import annotations

import pytest

from assay.cli.sweep_progress import LiveTable
from assay.sweeps.reading import make_spec
from assay.sweeps.run import Progress
from assay.sweeps.state import TrialResult


def test_the_table_shows_the_latest_trials_the_best_one_and_how_far_it_is(
    capsys: pytest.CaptureFixture[str],
) -> None:
    spec = make_spec({"parameters": {"x": list(range(40))}, "metric": "loss", "method": "grid"})
    trials = [
        TrialResult(number=number, point={"x": number}, state="completed", value=1.0 + number)
        for number in range(20)
    ]
    trials += [
        TrialResult(number=20, point={"x": 20}, state="failed", reason="a \x1b[31mred\x1b[0m [b]"),
        TrialResult(number=21, point={"x": 21}, state="pruned", pruned_at=3),
        TrialResult(number=22, point={"x": 22}, state="running"),
    ]

    with LiveTable() as table:
        table.show(Progress(spec, "ab12", "my sweep", trials, best=trials[0]))

    shown = capsys.readouterr().out
    assert "my sweep" in shown
    assert "22 of 40 ended, 1 running" in shown
    assert "best 1 (trial 0)" in shown
    assert "x=0" in shown
    assert "x=12" not in shown
    assert "at step 3" in shown
    assert "\x1b[31m" not in shown
    assert "[b]" in shown
    assert table.run_id == "ab12"
