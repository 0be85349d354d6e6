from __future__ import annotations

import math

from assay.cli.plot import Canvas, plot


def dots(lines: list[str]) -> int:
    return sum((ord(c) - 0x2800).bit_count() for line in lines for c in line if ord(c) >= 0x2800)


def test_a_canvas_sets_the_dot_that_was_named() -> None:
    canvas = Canvas(2, 1)
    canvas.set(0, 0)
    canvas.set(3, 3)
    assert canvas.lines() == ["\u2840\u2808"]


def test_a_rising_curve_goes_from_the_lower_left_to_the_upper_right() -> None:
    lines = plot(
        range(10), [float(i) for i in range(10)], [float(i) for i in range(10)], width=40, height=5
    )
    assert lines[0].startswith("9 ┤")
    assert lines[4].startswith("0 ┤")
    assert lines[4][3] != "\u2800"
    assert lines[0].rstrip()[-1] != "\u2800"
    assert lines[0][3] == "\u2800"
    assert lines[-1].split() == ["0", "9"]


def test_a_band_is_filled_from_low_to_high() -> None:
    flat = plot([0, 1], [0.0, 0.0], [0.0, 4.0], width=20, height=4)
    assert dots(flat) > dots(plot([0, 1], [0.0, 0.0], [0.0, 0.0], width=20, height=4))


def test_no_line_is_wider_than_asked() -> None:
    values = [math.sin(i / 5) * 1e9 for i in range(500)]
    assert max(map(len, plot(range(500), values, values, width=60, height=10))) <= 60


def test_values_that_are_not_finite_leave_a_gap() -> None:
    values = [1.0, math.nan, math.inf, 2.0]
    assert plot(range(4), values, values, width=30, height=4)
    assert plot([1], [math.nan], [math.nan], width=30, height=4) == []


def test_the_widest_span_of_floats_can_be_drawn() -> None:
    values = [-1.7e308, 1.7e308]
    assert dots(plot([-(2**62), 2**62], values, values, width=30, height=4)) > 2


def test_a_single_point_is_drawn() -> None:
    assert dots(plot([7], [1.0], [1.0], width=30, height=4)) == 1
