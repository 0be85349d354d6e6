"""Grouping: runs with the same settings, and the seed that tells the runs of a group apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from assay.comparison.meaning import NOTHING, meaning
from assay.comparison.statistics import Observation
from assay.comparison.weights import is_seed
from assay.context.seeds import DETERMINISTIC
from assay.entities import tags
from assay.entities.runs import Run
from assay.errors import InvalidInput

MAX_GROUPS: Final = 1_000
_SHORT: Final = 60
_DETERMINISTIC: Final = tags.SEED_PREFIX + DETERMINISTIC


class Columns(NamedTuple):
    """What runs are grouped by."""

    names: tuple[str, ...]
    """``params.lr`` or ``tags.team``."""

    @classmethod
    def parse(cls, texts: Sequence[str]) -> Columns:
        """From ``params.lr,tags.team`` or several such texts; a name without kind is a param.

        Raises:
            InvalidInput: there is none, or one of another kind.
        """
        names = [name.strip() for text in texts for name in text.split(",") if name.strip()]
        if not names:
            raise InvalidInput("Say what to group the runs by, as in params.lr or tags.team.")
        return cls(tuple(dict.fromkeys(_column(name) for name in names)))

    def value(self, run: Run, name: str) -> str | None:
        """What a run has in a column."""
        kind, _, key = name.partition(".")
        return (run.data.params if kind == "params" else run.data.tags).get(key)

    def has_some(self, run: Run) -> bool:
        """Whether a run has any of the columns."""
        return any(self.value(run, name) is not None for name in self.names)

    def group_of(self, run: Run) -> tuple[str, str]:
        """What tells a run's group from others by meaning, and the group's name."""
        values = [self.value(run, name) for name in self.names]
        keys = [name.partition(".")[2] for name in self.names]
        named = [
            f"{key}={_short(value)}" if value is not None else f"no {key}"
            for key, value in zip(keys, values, strict=True)
        ]
        return "\0".join(map(meaning, values)), ", ".join(named)


def _column(name: str) -> str:
    kind, dot, key = name.partition(".")
    if not dot:
        return f"params.{name}"
    if kind in ("metrics", "attributes") or not key:
        raise InvalidInput(f"Runs are grouped by params and tags, not by {name!r}.")
    # A param may have a dot in its name: optimizer.lr.
    return name if kind in ("params", "tags") else f"params.{name}"


def grouped(
    runs: Sequence[Run], metric: str, columns: Columns, *, pair_by: str | None = None
) -> dict[str, list[Observation]]:
    """What the runs of each group measured, groups in the order of their values.

    Args:
        runs: those without the metric are left out.
        metric: whose latest value is taken.
        columns: what a group has in common.
        pair_by: the column that pairs runs of different groups; ``None``: their seeds.

    Raises:
        InvalidInput: there are more than 1,000 groups.
    """
    pairing = None if pair_by is None else Columns.parse([pair_by])
    found: dict[str, tuple[str, list[Observation]]] = {}
    for run in runs:
        if metric not in run.data.metrics:
            continue
        key, name = columns.group_of(run)
        pair = pairing.group_of(run)[0] if pairing is not None else seed_of(run, columns)
        seen = found.setdefault(key, (name, []))[1]
        seen.append(Observation(run.data.metrics[metric], None if pair == NOTHING else pair))
        if len(found) > MAX_GROUPS:
            raise InvalidInput(
                f"{', '.join(columns.names)} makes more than {MAX_GROUPS:,} groups. Group by what"
                " several runs have in common."
            )
    return {name: seen for _, (name, seen) in sorted(found.items(), key=_place)}


def _place(item: tuple[str, object]) -> list[tuple[int, float, str]]:
    """Numbers in their order, before texts."""
    places: list[tuple[int, float, str]] = []
    for part in item[0].split("\0"):
        try:
            number = float(part.removeprefix("n:")) if part.startswith("n:") else None
        except (ValueError, OverflowError):
            number = None
        places.append((1, 0.0, part) if number is None else (0, number, ""))
    return places


def seed_of(run: Run, columns: Columns) -> str | None:
    """The seed of a run, from its params or from what ``assay.seed`` recorded."""
    params = {
        key: value
        for key, value in run.data.params.items()
        if is_seed(key) and f"params.{key}" not in columns.names
    }
    recorded = {
        key: value
        for key, value in run.data.tags.items()
        if key.startswith(tags.SEED_PREFIX) and key != _DETERMINISTIC
    }
    chosen = params or recorded
    if not chosen:
        return None
    # One number seeds several libraries: which of them a run had imported doesn't matter.
    values = sorted({meaning(value) for value in chosen.values()})
    return " ".join(values)


def named_group(groups: Sequence[str], wanted: str) -> str:
    """The group that a person means: by its name, or by its value where there is one column.

    Raises:
        InvalidInput: there is none, or several.
    """
    if wanted in groups:
        return wanted
    alike = [
        name
        for name in groups
        if ", " not in name and meaning(name.partition("=")[2]) == meaning(wanted)
    ]
    if len(alike) == 1:
        return alike[0]
    raise InvalidInput(
        f"There is no group {wanted!r} to compare with. There are: {'; '.join(groups[:20])}."
    )


def _short(value: str) -> str:
    text = " ".join(value.split())
    return text if len(text) <= _SHORT else text[: _SHORT - 1] + "…"
