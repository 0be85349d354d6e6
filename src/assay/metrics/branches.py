"""Branches: a run that was started again from an earlier step logs some steps once more.

In the order of time such a series runs forward, back once, and forward again. Its parts are told
apart by that, so that a chart shows each as a line of its own and no mean of both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from assay.metrics.points import select

if TYPE_CHECKING:
    from assay.entities.metrics import History

__all__ = ["MOST_RESTARTS", "branches_of"]

MOST_RESTARTS: Final = 20
"""Processes that log side by side come a little out of order many times: that is no restart."""


def branches_of(points: History) -> list[History]:
    """Sorted points cut where, in the order of time, their steps run back; each part is sorted.

    Points that run back more than ``MOST_RESTARTS`` times stay one part.
    """
    times = points.timestamps
    if (times[1:] >= times[:-1]).all():
        return [points]
    order = np.argsort(times, kind="stable")
    steps = points.steps[order]
    cuts = np.flatnonzero(steps[1:] < steps[:-1]) + 1
    if not 0 < len(cuts) <= MOST_RESTARTS:
        return [points]
    return [select(points, rows) for rows in np.split(order, cuts)]
