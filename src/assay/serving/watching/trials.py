"""Trials: whether a canary or shadow is to be taken out, by what it did beside the version that
answers the rest. A pure decision over counts.
"""

from __future__ import annotations

from typing import NamedTuple

from assay.policies.traffic import Abort
from assay.serving.watching.counts import Counts


class Verdict(NamedTuple):
    """Why a version is taken out."""

    reason: str


def judge(abort: Abort, trial: Counts, main: Counts) -> Verdict | None:
    """A reason to end a trial; ``None``: there is none, or not enough was seen yet.

    Args:
        abort: the limits.
        trial: of the canary or shadow, since its trial began.
        main: of the version that answers the rest, over the same time.
    """
    if trial.judged < abort.after:
        return None
    if abort.errors is not None:
        failed = trial.failed / trial.judged
        usual = main.failed / main.judged if main.judged else 0.0
        if failed - usual > abort.errors:
            return Verdict(
                f"{failed:.1%} of its predictions failed, {usual:.1%} of the other's; the limit is"
                f" {abort.errors:.1%} more"
            )
    if main.judged < abort.after:
        return None
    if abort.slower is not None:
        slow, usual = trial.quantile(0.95), main.quantile(0.95)
        if slow > abort.slower * usual:
            return Verdict(
                f"its 95th percentile is {slow * 1e3:g} ms, more than {abort.slower:g} times the"
                f" other's {usual * 1e3:g} ms"
            )
    if abort.shift is not None:
        shift = trial.outputs.shift_from(main.outputs)
        if shift > abort.shift:
            return Verdict(
                f"its predictions differ from the other's by {shift:.2f}; the limit is"
                f" {abort.shift:g}"
            )
    return None
