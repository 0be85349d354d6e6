"""A curve drawn with braille characters: two dots across and four down in each character."""

from __future__ import annotations

import math
from collections.abc import Sequence

_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""Bit of the dot at [row][column] of a braille character (Unicode 15, chapter 21.1)."""
_BLANK = 0x2800


class Canvas:
    """Dots that can be set, ``2 * width`` across and ``4 * height`` down, y growing upwards."""

    def __init__(self, width: int, height: int) -> None:
        self.across, self.down = 2 * width, 4 * height
        self._cells = [[0] * width for _ in range(height)]

    def set(self, x: int, y: int) -> None:
        """Set a dot."""
        top = self.down - 1 - y
        self._cells[top // 4][x // 2] |= _DOTS[top % 4][x % 2]

    def lines(self) -> list[str]:
        """The canvas as text, from the top."""
        return ["".join(chr(_BLANK + bits) for bits in row) for row in self._cells]


def plot(
    steps: Sequence[int],
    lows: Sequence[float],
    highs: Sequence[float],
    *,
    width: int,
    height: int,
) -> list[str]:
    """A curve as lines of text with an axis: per step the band from low to high, joined by a line.

    Steps ascend; points that aren't finite leave a gap. Nothing finite at all gives no lines.
    """
    points = [
        (step, low, high)
        for step, low, high in zip(steps, lows, highs, strict=True)
        if math.isfinite(low) and math.isfinite(high)
    ]
    if not points:
        return []
    bottom, top = min(p[1] for p in points), max(p[2] for p in points)
    labels = [f"{value:.4g}" for value in (top, bottom)]
    margin = max(map(len, labels))
    canvas = Canvas(max(1, width - margin - 2), height)
    first, last = points[0][0], points[-1][0]
    before: tuple[int, int, int] | None = None
    for step, low, high in points:
        x = _place(step, first, last, canvas.across)
        here = (x, _place(low, bottom, top, canvas.down), _place(high, bottom, top, canvas.down))
        for y in range(here[1], here[2] + 1):
            canvas.set(x, y)
        if before is not None:
            _join(canvas, before, here)
        before = here
    heads = [labels[0], *[""] * (height - 2), labels[1]] if height > 1 else [labels[0]]
    drawn = [f"{h:>{margin}} ┤{line}" for h, line in zip(heads, canvas.lines(), strict=True)]
    inner = canvas.across // 2
    ends = f"{first}{last:>{max(1, inner - len(str(first)))}}" if last > first else f"{first}"
    return [*drawn, f"{'':>{margin}} └{'─' * inner}", f"{'':>{margin}}  {ends}"]


def _place(value: float, low: float, high: float, dots: int) -> int:
    if high <= low:
        return dots // 2
    # Halves keep the span finite where it is wider than a float.
    share = (value / 2 - low / 2) / (high / 2 - low / 2)
    return min(dots - 1, max(0, round(share * (dots - 1))))


def _join(canvas: Canvas, before: tuple[int, int, int], here: tuple[int, int, int]) -> None:
    middle_before, middle = (before[1] + before[2]) / 2, (here[1] + here[2]) / 2
    span = max(here[0] - before[0], round(abs(middle - middle_before)), 1)
    for part in range(1, span):
        share = part / span
        canvas.set(
            round(before[0] + (here[0] - before[0]) * share),
            round(middle_before + (middle - middle_before) * share),
        )
