"""Reading the space of a sweep: what each parameter may be, from entries or Python values."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from assay.entities.names import check_key
from assay.errors import InvalidInput
from assay.policies.parts import Part, shown
from assay.sweeps.space import Choices, Dimension, Fixed, Range, Space, point_text

_RANGE: Final = ("min", "max", "log", "int", "step")
_MAX_WHOLE: Final = 2**53
"""Beyond it neighbouring whole numbers are the same float."""


def check_parameter_name(part: Part, name: str) -> None:
    """Whether a run can log a param of this name. Raises ``InvalidPolicy``."""
    try:
        check_key("param", name)
    except InvalidInput as error:
        part.fail(error.message.rstrip("."))


def read_dimension(part: Part) -> Dimension:
    """One value, a list of choices, or a range. Raises ``InvalidPolicy``."""
    value = part.value
    if hasattr(value, "tolist"):
        value = value.tolist()  # an array, or a number of NumPy
    if isinstance(value, range):
        value = list(value)
    if isinstance(value, Fixed | Choices | Range):
        if isinstance(value, Range):
            return _checked_range(part, value)
        plain = [value.value] if isinstance(value, Fixed) else value.values
        return Fixed(_plain(part, plain[0])) if isinstance(value, Fixed) else _choices(part, plain)
    if isinstance(value, list | tuple):
        return _choices(part, list(value))
    if isinstance(value, Mapping):
        if "choices" in value:
            choices = part.entries(("choices",))["choices"]
            if not isinstance(choices.value, list | tuple):
                choices.fail("it must be a list")
            return _choices(choices, list(choices.value))
        return _range(part)
    return Fixed(_plain(part, value))


def _choices(part: Part, values: list[Any]) -> Choices:
    if not values:
        part.fail("it must be a list with at least one value")
    plain = [_plain(part, value) for value in values]
    texts = [str(value) for value in plain]
    twice = {text for text in texts if texts.count(text) > 1} if len(texts) < 10_000 else set()
    if twice:
        part.fail(f"it has {shown(sorted(twice)[0])} twice")
    return Choices(plain)


def _plain(part: Part, value: Any) -> Any:
    """A value that JSON brings back as it was."""
    if hasattr(value, "tolist"):
        value = value.tolist()  # a number of NumPy
    try:
        again = msgspec.json.decode(msgspec.json.encode(value))
    except (TypeError, ValueError, msgspec.MsgspecError, RecursionError):
        again = None
    if again != value or type(again) is not type(value):
        part.fail(
            "it must be text, a finite number, true or false, or lists and entries of those;"
            " give names to other things, and look them up in the function"
        )
    return value


def _range(part: Part) -> Range:
    entries = part.entries(_RANGE)
    missing = [name for name in ("min", "max") if name not in entries]
    if missing:
        part.fail(f"it has no {' and no '.join(repr(name) for name in missing)}")
    value = Range(
        low=entries["min"].number(),
        high=entries["max"].number(),
        log=entries["log"].flag() if "log" in entries else False,
        whole=entries["int"].flag() if "int" in entries else False,
        step=entries["step"].number() if "step" in entries else None,
    )
    return _checked_range(part, value)


def _checked_range(part: Part, value: Range) -> Range:
    low, high, step = value.low, value.high, value.step
    if not (math.isfinite(low) and math.isfinite(high)) or low > high:
        part.fail(f"'min' must not be above 'max', and both finite: {low:g} to {high:g}")
    if math.isinf(high - low):
        part.fail("'min' and 'max' are too far apart")
    if value.log and (low <= 0 or step is not None):
        part.fail("with 'log' the range begins above 0 and has no 'step'")
    if step is not None and not 0 < step <= max(high - low, math.ulp(0.0)):
        part.fail("'step' must be above 0 and fit into the range")
    if value.whole:
        numbers = [low, high, *([] if step is None else [step])]
        if any(number != int(number) or abs(number) > _MAX_WHOLE for number in numbers):
            part.fail("with 'int' all of it must be whole numbers, up to 2^53")
    return value


def longest_point(space: Space) -> int:
    """Characters that a point of a space may have as JSON."""
    longest = {
        name: max(dimension.values, key=lambda value: len(point_text({"": value})))
        if isinstance(dimension, Choices)
        else dimension.value
        if isinstance(dimension, Fixed)
        else -1.2345678901234567e-300
        for name, dimension in space.items()
    }
    return len(point_text(longest))
