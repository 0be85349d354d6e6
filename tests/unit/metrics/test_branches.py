from __future__ import annotations

import numpy as np

from assay.entities.metrics import History
from assay.metrics.branches import MOST_RESTARTS, branches_of
from assay.metrics.points import merge


def series(*parts: tuple[list[int], int]) -> History:
    """Points of several processes: their steps, and when each began."""
    return merge(
        [
            History(
                np.array(steps), start + np.arange(len(steps)), np.full(len(steps), float(start))
            )
            for steps, start in parts
        ]
    )


def test_a_restart_is_a_branch_of_its_own():
    points = series((list(range(100)), 0), (list(range(40, 70)), 1_000))
    first, second = branches_of(points)
    assert first.steps.tolist() == list(range(100))
    assert set(first.values.tolist()) == {0.0}
    assert second.steps.tolist() == list(range(40, 70))
    assert set(second.values.tolist()) == {1_000.0}


def test_a_restart_that_went_further_is_one_too():
    points = series((list(range(0, 100, 10)), 0), (list(range(50, 200, 10)), 1_000))
    first, second = branches_of(points)
    assert (first.steps[-1], second.steps[0], second.steps[-1]) == (90, 50, 190)


def test_what_runs_forward_is_one_branch():
    points = series((list(range(100)), 0), (list(range(100, 200)), 1_000))
    assert len(branches_of(points)) == 1
    assert len(branches_of(series(([5, 5, 5], 0)))) == 1


def test_processes_side_by_side_are_no_restarts():
    steps = np.arange(200)
    points = History(steps, steps + 3 * (steps % 2), np.zeros(200))
    assert len(branches_of(points)) == 1
    few = History(steps[:MOST_RESTARTS], (steps + 3 * (steps % 2))[:MOST_RESTARTS], np.zeros(20))
    assert 1 < len(branches_of(few)) <= MOST_RESTARTS
