"""Comparing: two runs' results, metric by metric, file by file, model by model.

Numbers are compared bit by bit, then within the tolerance that was given. Files are compared by
digest; where those differ, JSON, CSV and PNG by content, since their writers note times and
versions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

import msgspec

from assay.models import golden
from assay.reproduction.file_contents import same_content
from assay.reproduction.report import Finding, Kind, Tolerance, ordered
from assay.reproduction.results import FileFacts, ModelFacts, Read, Results, Series

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SHOWN: Final = 120
T = TypeVar("T")


class Side(NamedTuple):
    """One of two runs."""

    results: Results
    read: Read


def compare(
    before: Side, after: Side, *, tolerance: Tolerance, ignore: Sequence[str] = ()
) -> list[Finding]:
    """What was compared and what came of it, differences first.

    Args:
        before: the run that was repeated.
        after: the run that repeats it.
        tolerance: of metrics and predictions.
        ignore: names of metrics, params, files and models to leave out, with ``*`` and ``?``.
    """
    one, other = before.results, after.results
    found = [
        *_in_both(
            "metric", one.metrics, other.metrics, lambda *it: _metric(*it, tolerance=tolerance)
        ),
        *_in_both("param", one.params, other.params, _param),
        *_in_both(
            "artifact",
            one.artifacts,
            other.artifacts,
            lambda *it: _artifact(*it, before=before, after=after),
        ),
        *_in_both("model", one.models, other.models, lambda *it: _model(*it, tolerance=tolerance)),
    ]
    found = [it for it in found if not any(fnmatchcase(it.name, word) for word in ignore)]
    return ordered(found)


def _in_both(
    kind: Kind, before: dict[str, T], after: dict[str, T], check: Callable[[str, T, T], Finding]
) -> Iterator[Finding]:
    for name in sorted(before.keys() | after.keys()):
        if name not in after:
            detail = f"the {kind} {name} is missing now"
            yield Finding(kind=kind, name=name, verdict="different", detail=detail)
        elif name not in before:
            detail = f"the {kind} {name} is new"
            yield Finding(kind=kind, name=name, verdict="different", detail=detail)
        else:
            yield check(name, before[name], after[name])


def _metric(name: str, before: Series, after: Series, *, tolerance: Tolerance) -> Finding:
    import numpy as np

    if before == after:
        return Finding(kind="metric", name=name, verdict="identical", before=_last(before))
    steps = [np.frombuffer(one.steps, "<i8") for one in (before, after)]
    values = [np.frombuffer(one.values, "<f8") for one in (before, after)]
    if len(steps[0]) != len(steps[1]):
        detail = f"{len(steps[1])} points instead of {len(steps[0])}"
        return _metric_differs(name, before, after, detail)
    if not np.array_equal(steps[0], steps[1]):
        at = int(np.argmax(steps[0] != steps[1]))
        detail = f"point {at + 1} is at step {steps[1][at]} instead of {steps[0][at]}"
        return _metric_differs(name, before, after, detail)
    # Equal values in other bits, such as −0.0 or another NaN, are no difference.
    same = (values[0] == values[1]) | (np.isnan(values[0]) & np.isnan(values[1]))
    if same.all():
        return Finding(kind="metric", name=name, verdict="identical", before=_last(before))
    far = ~_near(values[0], values[1], tolerance) & ~same
    largest = _largest(values[0], values[1])
    if not far.any():
        detail = f"{int((~same).sum())} of {len(same)} values differ, by at most {largest:.3g}"
        return Finding(
            kind="metric",
            name=name,
            verdict="within tolerance",
            detail=detail,
            before=_last(before),
            after=_last(after),
            max_difference=largest,
        )
    at = int(np.argmax(far))
    where = f"from step {steps[0][at]} on" if len(far) > 1 else "its value"
    detail = f"{where}: {values[1][at]:.9g} instead of {values[0][at]:.9g}"
    if len(far) > 1:
        detail += f"; {int(far.sum())} of {len(far)} values differ, by at most {largest:.3g}"
    return _metric_differs(name, before, after, detail, largest)


def _metric_differs(
    name: str, before: Series, after: Series, detail: str, largest: float | None = None
) -> Finding:
    return Finding(
        kind="metric",
        name=name,
        verdict="different",
        detail=detail,
        before=_last(before),
        after=_last(after),
        max_difference=largest,
    )


def _near(before: NDArray[Any], after: NDArray[Any], tolerance: Tolerance) -> NDArray[Any]:
    import numpy as np

    near: NDArray[Any] = np.isclose(
        after, before, rtol=tolerance.relative, atol=tolerance.absolute, equal_nan=True
    )
    return near


def _largest(before: NDArray[Any], after: NDArray[Any]) -> float:
    import numpy as np

    both = np.isfinite(before) & np.isfinite(after)
    if not both.any() or (np.isfinite(before) != np.isfinite(after)).any():
        return float("inf")
    with np.errstate(over="ignore"):
        return float(np.abs(after[both] - before[both]).max())


def _last(series: Series) -> str | None:
    import numpy as np

    values = np.frombuffer(series.values, "<f8")
    return f"{values[-1]:.9g}" if len(values) else None


def _param(name: str, before: str, after: str) -> Finding:
    if before == after:
        return Finding(kind="param", name=name, verdict="identical", before=_short(before))
    return Finding(
        kind="param",
        name=name,
        verdict="different",
        detail=f"{_short(after)!r} instead of {_short(before)!r}",
        before=_short(before),
        after=_short(after),
    )


def _artifact(name: str, old: FileFacts, new: FileFacts, *, before: Side, after: Side) -> Finding:
    if old.sha256 == new.sha256:
        return Finding(kind="artifact", name=name, verdict="identical", before=old.sha256)
    same = same_content(name, before.read, after.read)
    if same:
        return Finding(
            kind="artifact",
            name=name,
            verdict="identical",
            detail="the same content, in other bytes",
            before=old.sha256,
            after=new.sha256,
        )
    detail = "other bytes" if same is None else "another content"
    if old.size_bytes != new.size_bytes:
        detail += f", {new.size_bytes} bytes instead of {old.size_bytes}"
    return Finding(
        kind="artifact",
        name=name,
        verdict="different",
        detail=detail,
        before=old.sha256,
        after=new.sha256,
    )


def _model(name: str, old: ModelFacts, new: ModelFacts, *, tolerance: Tolerance) -> Finding:
    if old.golden is None or new.golden is None:
        if old.files == new.files and old.files:
            return Finding(kind="model", name=name, verdict="identical", detail="the same files")
        return Finding(
            kind="model",
            name=name,
            verdict="not compared",
            detail="no predictions were kept with it: log it with an input_example",
        )
    if old.golden == new.golden:
        return Finding(kind="model", name=name, verdict="identical", detail="the same predictions")
    exact = _predictions(old.golden, new.golden, Tolerance())
    if not exact:
        return Finding(kind="model", name=name, verdict="identical", detail="the same predictions")
    if tolerance.is_exact or (far := _predictions(old.golden, new.golden, tolerance)):
        shown = exact if tolerance.is_exact else far
        more = f" and {len(shown) - 1} more" if len(shown) > 1 else ""
        detail = _short(f"{shown[0]}{more}")
        return Finding(kind="model", name=name, verdict="different", detail=detail)
    return Finding(
        kind="model", name=name, verdict="within tolerance", detail=_short(str(exact[0]))
    )


def _predictions(old: bytes, new: bytes, tolerance: Tolerance) -> list[golden.Difference]:
    try:
        want = msgspec.json.decode(old, type=golden.Golden)
        got = msgspec.json.decode(new, type=golden.Golden)
        return golden.differences_of(
            want.output, got.output, golden.Tolerance(tolerance.relative, tolerance.absolute)
        )
    except (msgspec.DecodeError, KeyError, TypeError, ValueError) as error:
        return [golden.Difference("", "predictions", f"a file that can't be read ({error})")]


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
