"""Curves of a run's metrics as small pictures: SVG drawn by the server, so no script is needed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from assay.entities.metrics import Buckets
from assay.server.start_page.html import Html, element

BUCKETS = 160
"""Points of a curve at most: one for two pixels."""
WIDTH, HEIGHT, MARGIN = 320, 110, 4


class _Scale(NamedTuple):
    """Maps the values of an axis to the places of a picture."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> str:
        # Halves, because the whole range of doubles doesn't fit into one of them.
        span = self.high / 2 - self.low / 2
        share = (value / 2 - self.low / 2) / span if span else 0.5
        return f"{self.start + share * (self.end - self.start):.1f}"


def curves(found: Iterable[Buckets]) -> Html | None:
    """The pictures of all series that have more than one step; ``None`` if none has."""
    drawn = [picture for picture in map(_curve, found) if picture is not None]
    return element("div", *drawn, class_="curves") if drawn else None


def _curve(series: Buckets) -> Html | None:
    rows = [
        row
        for row in zip(
            series.last_steps.tolist(),
            series.min.tolist(),
            series.mean.tolist(),
            series.max.tolist(),
            strict=True,
        )
        if all(map(math.isfinite, row))
    ]
    if len(rows) < 2:
        return None
    steps, lows, means, highs = zip(*rows, strict=True)
    low, high = min(lows), max(highs)
    across = _Scale(steps[0], steps[-1], MARGIN, WIDTH - MARGIN)
    up = _Scale(low, high, HEIGHT - MARGIN, MARGIN)
    name = " · ".join(part for part in (series.series.key, series.series.dataset_name) if part)
    first_step = int(series.steps[0])
    told = f"{low:.4g} to {high:.4g}, steps {first_step:,} to {steps[-1]:,}"
    there = _path(steps, highs, across=across, up=up)
    back = _path(steps[::-1], lows[::-1], across=across, up=up)
    return element(
        "figure",
        element("figcaption", name),
        element(
            "svg",
            element("path", d=f"M{there}L{back}Z", class_="band"),
            element("path", d="M" + _path(steps, means, across=across, up=up), class_="line"),
            viewBox=f"0 0 {WIDTH} {HEIGHT}",
            role="img",
            aria_label=f"{name}: {told}",
        ),
        element("small", told),
    )


def _path(steps: Sequence[float], values: Sequence[float], *, across: _Scale, up: _Scale) -> str:
    places = (f"{across(step)} {up(value)}" for step, value in zip(steps, values, strict=True))
    return "L".join(places)
