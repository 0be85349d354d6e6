"""Checks that a user declares when a model is saved: what its predictions must obey, and cost.

Kept in ``checks.json`` beside the model and run by ``assay models verify``: ranges, monotonicity
and symmetry of predictions, tried on the rows of the input example; latency of one row, memory.
Format: docs/formats/models.md.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, Literal

import msgspec

from assay.errors import InvalidInput
from assay.flavors.base import Predictor
from assay.models import side_files
from assay.models.input_example import Example

FILE: Final = "checks.json"
VERSION: Final = 1
"""Of the file's layout. A change adds a version and keeps reading the older ones."""
_LATENCY_CALLS: Final = 30
_GRID: Final = 16
"""Values between the smallest and largest of the example at which monotonicity is tried."""


class Range(msgspec.Struct, frozen=True, tag="range"):
    """Every prediction lies in [low, high]; ``output`` names one column of several."""

    low: float | None = None
    high: float | None = None
    output: str | None = None


class Monotonic(msgspec.Struct, frozen=True, tag="monotonic"):
    """With all else equal, a larger ``input`` never lowers (or never raises) a prediction."""

    input: str
    direction: Literal["increasing", "decreasing"] = "increasing"
    output: str | None = None


class Symmetric(msgspec.Struct, frozen=True, tag="symmetric"):
    """Swapping two inputs changes no prediction by more than ``tolerance``."""

    inputs: tuple[str, str]
    tolerance: float = 1e-9
    output: str | None = None


Invariant = Range | Monotonic | Symmetric


class Budget(msgspec.Struct, frozen=True):
    """What a prediction may cost."""

    latency_ms: float | None = None
    """Median of one row."""
    memory_mb: float | None = None
    """Growth of the process's memory by loading the model and predicting the example."""


class Checks(msgspec.Struct, frozen=True, omit_defaults=True):
    """Content of the file."""

    invariants: list[Invariant] = []
    budget: Budget | None = None
    version: int = VERSION


class Outcome(msgspec.Struct, frozen=True):
    """What a check found."""

    check: str
    ok: bool
    detail: str = ""


def write(folder: Path, checks: Checks) -> None:
    """Keep the checks with a model."""
    (folder / FILE).write_bytes(msgspec.json.format(msgspec.json.encode(checks), indent=1))


def read(folder: Path) -> Checks | None:
    """The checks of a model; ``None`` if it has none.

    Raises:
        InvalidModel: the file is damaged or of a newer version.
    """
    return side_files.read(folder, FILE, Checks, version=VERSION)


def run(
    checks: Checks, predictor: Predictor, example: Example, *, memory_mb: float | None = None
) -> list[Outcome]:
    """Try each check on the example; ``memory_mb`` is what loading was seen to take."""
    found = [_invariant(one, predictor, example) for one in checks.invariants]
    budget = checks.budget or Budget()
    if budget.latency_ms is not None:
        took = _latency_ms(predictor, example)
        found.append(_limit("latency", took, budget.latency_ms, "ms"))
    if budget.memory_mb is not None and memory_mb is not None:
        found.append(_limit("memory", memory_mb, budget.memory_mb, "MB"))
    return found


def _limit(what: str, got: float, limit: float, unit: str) -> Outcome:
    return Outcome(what, got <= limit, f"{got:.3g} {unit}, at most {limit:g} {unit} allowed")


def _invariant(invariant: Invariant, predictor: Predictor, example: Example) -> Outcome:
    if isinstance(invariant, Range):
        name = f"range of {invariant.output or 'predictions'}"
        wrong = next(_outside(invariant, predictor, example), None)
    elif isinstance(invariant, Monotonic):
        name = f"{invariant.direction} in {invariant.input}"
        wrong = next(_turns(invariant, predictor, example), None)
    else:
        name = f"symmetric in {' and '.join(invariant.inputs)}"
        wrong = next(_asymmetries(invariant, predictor, example), None)
    return Outcome(name, wrong is None, wrong or "")


def _outside(invariant: Range, predictor: Predictor, example: Example) -> Iterator[str]:
    values = _numbers(predictor.predict(example.data, example.params), invariant.output)
    low = float("-inf") if invariant.low is None else invariant.low
    high = float("inf") if invariant.high is None else invariant.high
    for index, value in enumerate(values):
        if not low <= value <= high:
            yield f"{value:g} at {index} is outside [{low:g}, {high:g}]"


def _turns(invariant: Monotonic, predictor: Predictor, example: Example) -> Iterator[str]:
    import numpy as np

    frame = _frame(example, [invariant.input])
    column = frame[invariant.input]
    grid = np.linspace(float(column.min()), float(column.max()), _GRID)
    if column.dtype.kind in "iu":
        grid = np.unique(grid.round())
    sign = 1 if invariant.direction == "increasing" else -1
    before: Any = None
    for value in grid:
        moved = frame.copy()
        moved[invariant.input] = np.full(len(frame), value).astype(column.dtype)
        now = _numbers(predictor.predict(moved, example.params), invariant.output)
        if before is not None and np.any(sign * (now - before) < 0):
            row = int(np.argmax(sign * (now - before) < 0))
            yield (
                f"at {invariant.input}={value:g} the prediction of row {row} goes from"
                f" {before[row]:g} to {now[row]:g}"
            )
        before = now


def _asymmetries(invariant: Symmetric, predictor: Predictor, example: Example) -> Iterator[str]:
    import numpy as np

    left, right = invariant.inputs
    frame = _frame(example, [left, right])
    swapped = frame.copy()
    swapped[left], swapped[right] = frame[right].to_numpy(), frame[left].to_numpy()
    one = _numbers(predictor.predict(frame, example.params), invariant.output)
    other = _numbers(predictor.predict(swapped, example.params), invariant.output)
    for row in np.flatnonzero(np.abs(one - other) > invariant.tolerance):
        yield f"row {row}: {one[row]:g}, swapped {other[row]:g}"


def _frame(example: Example, needed: Sequence[str]) -> Any:
    columns = getattr(example.data, "columns", None)
    missing = [name for name in needed if columns is None or name not in columns]
    if missing:
        raise InvalidInput(
            f"An invariant names the input {missing[0]!r}, which the input example doesn't have:"
            " give the example as a DataFrame with that column."
        )
    return example.data


def _numbers(output: Any, name: str | None) -> Any:
    import numpy as np

    if name is not None:
        try:
            output = output[name]
        except (KeyError, IndexError, TypeError):
            raise InvalidInput(f"The predictions have no column {name!r}.") from None
    numbers = np.asarray(output, dtype=float)
    return numbers.reshape(len(numbers), -1)[:, -1] if numbers.ndim > 1 else numbers.ravel()


def _latency_ms(predictor: Predictor, example: Example) -> float:
    row = _one_row(example.data)
    predictor.predict(row, example.params)
    times = []
    for _ in range(_LATENCY_CALLS):
        began = time.perf_counter()
        predictor.predict(row, example.params)
        times.append((time.perf_counter() - began) * 1e3)
    return statistics.median(times)


def _one_row(data: Any) -> Any:
    if hasattr(data, "iloc"):
        return data.iloc[:1]
    if isinstance(data, dict):
        return {k: v[:1] if type(v).__name__ == "ndarray" else v for k, v in data.items()}
    return data[:1] if hasattr(data, "__getitem__") and not isinstance(data, str) else data
