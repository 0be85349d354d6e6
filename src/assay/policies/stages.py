"""Stages: a model's own list of them, and the steps between them that are allowed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final, TypeAlias

from assay.entities.model_versions import ARCHIVED, NO_STAGE, STAGES
from assay.entities.registry_names import check_stage
from assay.policies.parts import Part, known_are, shown

MAX_STAGES: Final = 50
MAX_TRANSITIONS: Final = 500
ANY: Final = "*"
_ARROW: Final = re.compile("->|→")

Transitions: TypeAlias = tuple[tuple[str, str], ...] | None
"""Pairs of a stage, or ``*``, before and after; ``None``: every step is allowed."""


def find_stage(stages: Iterable[str], name: str) -> str | None:
    """The stage of a list that has this name in any case, as the list spells it."""
    return next((stage for stage in stages if stage.lower() == name.lower()), None)


def read_stages(part: Part | None) -> tuple[str, ...]:
    """The stages in their order; ``None`` and ``Archived`` are always among them.

    Raises:
        InvalidPolicy: there are too many, one is listed twice or can't be a name.
    """
    if part is None:
        return STAGES
    stages: list[str] = []
    for one in part.items():
        stage = _stage_name(one)
        if find_stage(stages, stage) is not None:
            one.fail(f"the stage {shown(stage)} is listed twice (case plays no part)")
        stages.append(stage)
    if NO_STAGE not in stages:
        stages.insert(0, NO_STAGE)
    if ARCHIVED not in stages:
        stages.append(ARCHIVED)
    if len(stages) > MAX_STAGES:
        part.fail(f"there are {len(stages)} stages, at most {MAX_STAGES} are allowed")
    return tuple(stages)


def _stage_name(part: Part) -> str:
    stage = part.name(check_stage)
    return find_stage((NO_STAGE, ARCHIVED), stage) or stage


def read_transitions(part: Part | None, stages: Sequence[str]) -> Transitions:
    """The allowed steps, such as ``None -> Staging`` or ``* -> Archived``.

    Raises:
        InvalidPolicy: one is no step between two stages of the list, or is listed twice.
    """
    if part is None:
        return None
    steps: list[tuple[str, str]] = []
    for one in part.items():
        step = _step(one, stages)
        if step in steps:
            one.fail("this transition is listed twice")
        steps.append(step)
    if len(steps) > MAX_TRANSITIONS:
        part.fail(f"there are {len(steps)} transitions, at most {MAX_TRANSITIONS} are allowed")
    return tuple(steps)


def _step(part: Part, stages: Sequence[str]) -> tuple[str, str]:
    ends = [end.strip() for end in _ARROW.split(part.text())]
    if len(ends) != 2:
        part.fail("a transition is written as 'Staging -> Production'")
    before, after = (_end(part, end, stages) for end in ends)
    if before == after != ANY:
        part.fail(f"it leads from {shown(before)} to itself")
    return before, after


def _end(part: Part, name: str, stages: Sequence[str]) -> str:
    if name == ANY:
        return ANY
    stage = find_stage(stages, name)
    if stage is None:
        part.fail(f"there is no stage {shown(name)}; {known_are(name, stages)}")
    return stage


def step_allowed(transitions: Transitions, before: str, after: str) -> bool:
    """Whether a version may go from one stage to another; staying is no step."""
    if transitions is None or before == after:
        return True
    return any(start in (before, ANY) and end in (after, ANY) for start, end in transitions)


def reachable(stages: Sequence[str], transitions: Transitions) -> set[str]:
    """The stages that a new version can come to, step by step."""
    reached, waiting = {NO_STAGE}, [NO_STAGE]
    while waiting:
        here = waiting.pop()
        found = {one for one in stages if step_allowed(transitions, here, one)} - reached
        reached |= found
        waiting += found
    return reached
