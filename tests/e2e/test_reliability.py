"""The short form of each reliability case; ``make reliability`` runs them in full and prints the
figures.
"""

from __future__ import annotations

import pytest

from benchmarks.reliability.case import Case, cases


@pytest.mark.slow
@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
def test_promise_holds(case: Case) -> None:
    outcome = case.run(True)

    assert outcome.held, f"{case.claim}: {outcome.figures}"
