"""Gates as a policy's text has them, each by itself and checked against each other."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial
from typing import Final
from urllib.parse import unquote

from assay.entities.names import artifact_path, check_key
from assay.policies.bounds import Amount, Bounds, number_text
from assay.policies.gates import (
    CHECK_WORDS,
    CheckGate,
    CheckKind,
    Gate,
    MetricGate,
    RecomputedGate,
)
from assay.policies.parts import Part, known_are, shown

MAX_GATES: Final = 50
MODEL_TYPES: Final = ("classifier", "regressor", "forecaster")
"""Those of ``assay.evaluate`` that need nothing but a column of targets."""
_KINDS: Final = ("metric", *CHECK_WORDS, "recomputed")
_NUMBERS: Final = ("at_least", "above", "at_most", "below")
_NOT_WORSE: Final = "not_worse_than_holder_by"
_BETTER: Final = "better_than_holder_by"
_BOUNDS: Final = (*_NUMBERS, _NOT_WORSE, _BETTER, "higher_is_better")
_RECOMPUTED: Final = ("data", "digest", "targets", "model_type")
_PERCENT: Final = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+) ?%\Z")
_DIGEST: Final = re.compile(r"[0-9a-f]{64}\Z")
_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*):")
_SCHEMES: Final = ("runs", "mlflow-artifacts")
_MAX_DATA_LENGTH: Final = 1_000


def read_gates(part: Part) -> tuple[Gate, ...]:
    """The gates of a target.

    Raises:
        InvalidPolicy: one doesn't parse, repeats another, or can't be met together with it.
    """
    items = part.items()
    if len(items) > MAX_GATES:
        part.fail(f"there are {len(items)} gates, at most {MAX_GATES} are allowed")
    gates: list[Gate] = []
    for one in items:
        gate = read_gate(one)
        if gate in gates:
            one.fail(f"it repeats gates[{gates.index(gate)}]")
        gates.append(gate)
        _check_bounds_together(one, gates)
    return tuple(gates)


def read_gate(part: Part) -> Gate:
    """One gate.

    Raises:
        InvalidPolicy: it doesn't parse or can't be met.
    """
    given = part.named()
    kinds = [kind for kind in _KINDS if kind in given]
    if not kinds:
        name = next(iter(given))
        part.fail(f"there is no gate {shown(name)}; {known_are(name, _KINDS)}")
    if len(kinds) > 1:
        part.fail(f"{' and '.join(kinds)} are gates of their own: list them one by one")
    if kinds == ["metric"]:
        entries = part.entries(("metric", *_BOUNDS))
        return MetricGate(read_metric(entries["metric"]), _bounds(part, entries))
    if kinds == ["recomputed"]:
        return _recomputed(part, part.entries(("recomputed", *_RECOMPUTED, *_BOUNDS)))
    kind = CheckKind(kinds[0])
    part.entries((kind,))[kind].word(CHECK_WORDS[kind][:1])
    return CheckGate(kind)


def read_metric(part: Part) -> str:
    """The name of a metric."""
    return part.name(partial(check_key, "metric"))


def _recomputed(part: Part, entries: dict[str, Part]) -> RecomputedGate:
    missing = [name for name in _RECOMPUTED if name not in entries]
    if missing:
        part.fail(f"it needs {' and '.join(missing)} too")
    return RecomputedGate(
        metric=read_metric(entries["recomputed"]),
        bounds=_bounds(part, entries),
        data=_data(entries["data"]),
        digest=_digest(entries["digest"]),
        targets=entries["targets"].text(),
        model_type=entries["model_type"].word(MODEL_TYPES),
    )


def _data(part: Part) -> str:
    """Where the data is: the worker reads nothing from elsewhere, and checks the digest."""
    text = part.text()
    if len(text) > _MAX_DATA_LENGTH:
        part.fail(f"it has more than {_MAX_DATA_LENGTH:,} characters")
    scheme = _SCHEME.match(text)
    if scheme is not None and scheme[1].lower() not in _SCHEMES:
        part.fail("it must be runs:/<run id>/<path>, mlflow-artifacts:/<path> or a path")
    path = text if scheme is None else text[scheme.end() :]
    if any(mark in unquote(path) for mark in "?#"):
        part.fail("'?' and '#' have no place in it")
    part.name(lambda _: artifact_path(path.lstrip("/")))
    if scheme is not None and scheme[1] == "runs" and "/" not in path.strip("/"):
        part.fail("it names no file of the run; write runs:/<run id>/<path>")
    return text


def _digest(part: Part) -> str:
    digest = part.text().lower()
    if not _DIGEST.match(digest):
        part.fail("it must be the SHA-256 of the file, 64 hexadecimal digits (sha256sum FILE)")
    return digest


def _bounds(part: Part, entries: dict[str, Part]) -> Bounds:
    numbers = {name: entries[name].number() for name in _NUMBERS if name in entries}
    amounts = {name: _amount(entries[name]) for name in (_NOT_WORSE, _BETTER) if name in entries}
    if not numbers and not amounts:
        part.fail(f"it has no condition; give it one of {', '.join(_BOUNDS[:-1])}")
    for one, other in (("at_least", "above"), ("at_most", "below")):
        if one in numbers and other in numbers:
            part.fail(f"{one} and {other} are two forms of one condition; keep one")
    if amounts and "higher_is_better" not in entries:
        part.fail("it needs higher_is_better: true or false, which tells what 'worse' means")
    higher = entries["higher_is_better"].flag() if "higher_is_better" in entries else True
    bounds = Bounds(
        **numbers,
        not_worse_by=amounts.get(_NOT_WORSE),
        better_by=amounts.get(_BETTER),
        higher_is_better=higher,
    )
    if why := _contradiction(bounds, bounds):
        part.fail(why)
    return bounds


def _amount(part: Part) -> Amount:
    percent = _PERCENT.match(part.value) if isinstance(part.value, str) else None
    if percent is None and isinstance(part.value, str):
        part.fail(f"it must be a number or percents such as '0.5 %', not {shown(part.value)}")
    value = Part(part.where, float(percent[1])).number() if percent else part.number()
    if value < 0:
        part.fail("it must not be negative")
    return Amount(value, percent is not None)


def _check_bounds_together(part: Part, gates: Sequence[Gate]) -> None:
    """Whether some number can meet the last gate and those before it on the same metric."""
    last = gates[-1]
    if isinstance(last, CheckGate):
        return
    for place, gate in enumerate(gates[:-1]):
        if isinstance(gate, CheckGate) or not _same_number(gate, last):
            continue
        why = _contradiction(gate.bounds, last.bounds) or _contradiction(last.bounds, gate.bounds)
        why = why or _opposite(gate.bounds, last.bounds)
        if why is not None:
            part.fail(f"it contradicts gates[{place}], which is about the same metric: {why}")


def _same_number(one: MetricGate | RecomputedGate, other: MetricGate | RecomputedGate) -> bool:
    if isinstance(one, MetricGate) or isinstance(other, MetricGate):
        return type(one) is type(other) and one.metric == other.metric
    facts = ("metric", "digest", "targets", "model_type")
    return all(getattr(one, fact) == getattr(other, fact) for fact in facts)


def _contradiction(lower: Bounds, upper: Bounds) -> str | None:
    """Why no number lies above the lower end of one and below the upper end of the other."""
    floor, ceiling = lower.floor, upper.ceiling
    if floor is None or ceiling is None or floor[0] < ceiling[0]:
        return None
    if floor[0] == ceiling[0] and not floor[1] and not ceiling[1]:
        return None
    over = "above" if floor[1] else "at_least"
    under = "below" if ceiling[1] else "at_most"
    low, high = number_text(floor[0]), number_text(ceiling[0])
    return f"no number meets both {over} {low} and {under} {high}"


def _opposite(one: Bounds, other: Bounds) -> str | None:
    """Why two comparisons with the holder disagree on what is better."""
    if not (one.compares and other.compares) or one.higher_is_better == other.higher_is_better:
        return None
    return "higher_is_better differs"
