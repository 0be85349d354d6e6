"""Bisection: the cause of a difference between two runs, isolated by running mixes of them.

First each run is repeated as it was: if the good one doesn't come out good again, nothing can be
told; if the bad one comes out good, the cause is nothing that was captured. Then the search goes
from whole dimensions (code, data, params, packages …) over families of packages to single things.
What is found is checked the other way round: the bad run without it has to come out good.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Final, Literal, NamedTuple

import msgspec

from assay.entities import tags
from assay.errors import AssayError, InvalidInput
from assay.reproduction.bisect.judging import HALFWAY, Judge, Result, described
from assay.reproduction.bisect.search import Answer, smallest
from assay.reproduction.bisect.swaps import Swap, mixed
from assay.reproduction.recipe import Recipe

DEFAULT_MAX_RUNS: Final = 30
FEWEST: Final = 3
"""Both runs repeated, and one mix of them."""

_MAX_TAG: Final = 2_000
_BETWEEN: Final = (0.1, 0.9)
"""Shares of results that are neither like the good run's nor like the bad one's."""

Verdict = Literal["isolated", "joint", "sufficient", "narrowed", "not reproducible", "not captured"]
VERDICTS: Final[dict[Verdict, str]] = {
    "isolated": "With this alone the good run comes out bad, and the bad run without it good.",
    "joint": "These make the difference together; none of them does without the others.",
    "sufficient": "This is enough to make the good run come out bad, but the bad run without it"
    " doesn't come out good: there is another cause beside it.",
    "narrowed": "The cause is among these; the number of runs allowed didn't suffice to tell more.",
    "not reproducible": "The good run, repeated as it was, doesn't come out good again: look at"
    " seeds, time, network and data that weren't logged.",
    "not captured": "The bad run, repeated as it was, comes out good: what made it bad is nothing"
    " that was captured.",
}


class Tried(msgspec.Struct, frozen=True, kw_only=True):
    """What came of carrying out a recipe."""

    result: Result | None
    """``None``: it couldn't be carried out."""
    run_id: str | None = None
    why: str = ""
    """Why it couldn't."""
    notes: list[str] = []
    """What was other than the recipe says."""


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """One mix that was tried."""

    swapped: list[Swap]
    """What of it was the bad run's."""
    answer: Answer
    share: float | None = None
    """How far on the way from good (0) to bad (1) it came out."""
    run_id: str | None = None
    why: str = ""


class Question(NamedTuple):
    """What is to be found out."""

    good: Recipe
    """Of the run that is as wanted."""
    bad: Recipe
    """Of the run that isn't."""
    swaps: Sequence[Swap]
    """What they don't have in common, the likeliest cause first."""
    judge: Judge
    """Tells a good result from a bad one."""


class Bisection(msgspec.Struct, frozen=True, kw_only=True):
    """What a bisection found."""

    good: str
    bad: str
    verdict: Verdict
    sentence: str
    looked_at: str
    """What tells good from bad."""
    cause: list[Swap] = []
    attempts: list[Attempt] = []
    notes: list[str] = []


Try = Callable[[Recipe, Mapping[str, str]], Tried]
"""Carries out a recipe as a new run with these tags. An ``AssayError``: it can't be done."""


def bisect(
    question: Question,
    try_recipe: Try,
    *,
    max_runs: int = DEFAULT_MAX_RUNS,
    progress: Callable[[Attempt], None] | None = None,
) -> Bisection:
    """Find out which of the swaps make the good run come out bad.

    Args:
        question: the two runs, and what tells them apart.
        try_recipe: carries out a mix.
        max_runs: to carry out at most.
        progress: told of each mix after it was tried.

    Raises:
        InvalidInput: nothing that can be exchanged differs, ``max_runs`` is below 3, or one of the
            two runs can't be repeated at all.
    """
    if not question.swaps:
        raise InvalidInput(
            "Nothing that can be exchanged differs between the two runs: `assay runs diff` tells"
            " what else does."
        )
    if max_runs < FEWEST:
        raise InvalidInput(f"At least {FEWEST} runs are needed, not {max_runs}.")
    trials = _Trials(question, try_recipe, max_runs, progress)
    swaps = list(question.swaps)
    try:
        verdict, cause = _searched(trials, swaps)
    except _Spent:
        verdict, cause = "narrowed", trials.smallest_bad or swaps
    return Bisection(
        good=question.good.run_id,
        bad=question.bad.run_id,
        verdict=verdict,
        sentence=VERDICTS[verdict],
        looked_at=described(question.judge),
        cause=cause,
        attempts=trials.attempts,
        notes=[*trials.notes, *_notes(trials.attempts, cause)],
    )


def _searched(trials: _Trials, swaps: list[Swap]) -> tuple[Verdict, list[Swap]]:
    if trials.repeat("good", []) != "good":
        return "not reproducible", []
    if trials.repeat("bad", swaps) != "bad":
        return "not captured", []
    left = swaps
    for grouped_by in (_dimension, _family, _itself):
        groups = _groups(left, grouped_by)
        found = smallest(groups, lambda chosen: trials.test(_flat(chosen)))
        left = _flat(found)
    if trials.test([swap for swap in swaps if swap not in left]) == "bad":
        return "sufficient", left
    return ("isolated" if len(left) == 1 else "joint"), left


def _dimension(swap: Swap) -> Hashable:
    return swap.dimension


def _family(swap: Swap) -> Hashable:
    return swap.dimension, swap.family or swap.name


def _itself(swap: Swap) -> Hashable:
    return swap


def _groups(swaps: Sequence[Swap], by: Callable[[Swap], Hashable]) -> list[tuple[Swap, ...]]:
    """Groups in the order of their first members."""
    groups: dict[Hashable, list[Swap]] = {}
    for swap in swaps:
        groups.setdefault(by(swap), []).append(swap)
    return [tuple(group) for group in groups.values()]


def _flat(groups: Sequence[tuple[Swap, ...]]) -> list[Swap]:
    return [swap for group in groups for swap in group]


def _notes(attempts: Sequence[Attempt], cause: Sequence[Swap]) -> list[str]:
    notes = []
    failed = [one for one in attempts if one.answer == "unknown"]
    if failed:
        notes.append(
            f"{len(failed)} of {len(attempts)} mixes couldn't be judged:"
            f" {failed[0].why or 'no result'}"
        )
        if len(cause) > 1:
            notes.append("So some of what is named may have no part in it.")
    low, high = _BETWEEN
    between = [one.share for one in attempts if one.share is not None and low < one.share < high]
    if between:
        notes.append(
            f"{len(between)} results lay between good and bad (the first"
            f" {100 * between[0]:.0f} % of the way): several things may add up."
        )
    return notes


class _Spent(Exception):
    """As many runs as allowed were made."""


class _Trials:
    """Mixes that were tried; none is tried twice."""

    def __init__(
        self,
        question: Question,
        try_recipe: Try,
        max_runs: int,
        progress: Callable[[Attempt], None] | None,
    ) -> None:
        self._question, self._try, self._progress = question, try_recipe, progress
        self._left = max_runs
        self._known: dict[frozenset[Swap], Answer] = {}
        self.attempts: list[Attempt] = []
        self.notes: list[str] = []
        """Of the good run, repeated: the same holds for the mixes."""
        self.smallest_bad: list[Swap] | None = None

    def repeat(self, which: str, chosen: Sequence[Swap]) -> Answer:
        """What one of the two runs comes to when it is repeated as it was."""
        answer = self.test(chosen)
        if answer == "unknown":
            raise InvalidInput(f"The {which} run can't be repeated: {self.attempts[-1].why}")
        return answer

    def test(self, chosen: Sequence[Swap]) -> Answer:
        """What the good run comes to with these things of the bad one."""
        key = frozenset(chosen)
        if key not in self._known:
            if self._left <= 0:
                raise _Spent
            self._left -= 1
            attempt = self._attempt([swap for swap in self._question.swaps if swap in key])
            self.attempts.append(attempt)
            self._known[key] = attempt.answer
            if attempt.answer == "bad" and (
                self.smallest_bad is None or len(attempt.swapped) < len(self.smallest_bad)
            ):
                self.smallest_bad = attempt.swapped
            if self._progress is not None:
                self._progress(attempt)
        return self._known[key]

    def _attempt(self, swapped: list[Swap]) -> Attempt:
        question = self._question
        told = {
            tags.BISECT: f"{question.good.run_id}..{question.bad.run_id}",
            tags.BISECT_SWAPPED: "; ".join(swap.label for swap in swapped) or "nothing",
        }
        try:
            tried = self._try(mixed(question.good, question.bad, swapped), told)
        except AssayError as error:
            # Packages that don't go together, data that is gone: the search goes on without.
            return Attempt(swapped=swapped, answer="unknown", why=error.message)
        if not swapped:
            self.notes += tried.notes
        share = None if tried.result is None else question.judge.share(tried.result)
        if share is None:
            why = tried.why or "it ended without the metric"
            return Attempt(swapped=swapped, answer="unknown", run_id=tried.run_id, why=why)
        answer: Answer = "bad" if share >= HALFWAY else "good"
        return Attempt(swapped=swapped, answer=answer, share=share, run_id=tried.run_id)
