"""Who held a place, read from audit records."""

from __future__ import annotations

from typing import Any

import pytest

from assay.entities.audit import AuditAction, AuditRecord
from assay.policies.holders import before, holders_at, trail

PRODUCTION = "Production"


def record(time: int, *moves: tuple[str, list[int]], back: str = "") -> AuditRecord:
    details: dict[str, Any] = {
        "moves": [{"target": target, "from": [], "to": to} for target, to in moves]
    }
    if back:
        details["target"] = back
    return AuditRecord(
        seq=time,
        time=time,
        actor="ann",
        verified=False,
        origin="",
        action=AuditAction.ROLLED_BACK if back else AuditAction.STAGE_CHANGED,
        name="m",
        version=None,
        details=details,
        reason="",
        previous="",
        digest="",
    )


def promoted(*versions: int) -> list[AuditRecord]:
    return [record(time, (PRODUCTION, [v])) for time, v in enumerate(versions, 1)]


ALL = frozenset(range(1, 10))


@pytest.mark.parametrize(("time", "held"), [(0, []), (1, [1]), (2, [2]), (99, [3])])
def test_holders_at_a_time_are_those_of_the_last_move_before_it(time: int, held: list[int]) -> None:
    assert holders_at(promoted(1, 2, 3), PRODUCTION, time) == held


def test_stages_match_in_any_case_and_aliases_exactly() -> None:
    records = [record(1, ("Production", [1]), ("@Best", [2]))]

    assert holders_at(records, "production", 1) == [1]
    assert holders_at(records, "@Best", 1) == [2]
    assert holders_at(records, "@best", 1) == []


def test_records_that_move_nothing_play_no_part() -> None:
    tagged = record(2)
    tagged.details.pop("moves")

    assert trail([*promoted(1), tagged], PRODUCTION) == [(1,)]


def test_rollback_gives_the_place_to_the_holder_before() -> None:
    assert before(trail(promoted(1, 2, 3), PRODUCTION), ALL) == (2,)


def test_second_rollback_goes_one_further_back() -> None:
    records = [*promoted(1, 2, 3), record(4, (PRODUCTION, [2]), back=PRODUCTION)]

    assert before(trail(records, PRODUCTION), ALL) == (1,)


def test_promotion_after_a_rollback_is_rolled_back_to_what_the_rollback_gave() -> None:
    records = [
        *promoted(1, 2),
        record(3, (PRODUCTION, [1]), back=PRODUCTION),
        record(4, (PRODUCTION, [3])),
    ]

    assert before(trail(records, PRODUCTION), ALL) == (1,)


def test_deleted_holders_are_passed_over() -> None:
    assert before(trail(promoted(1, 2, 3), PRODUCTION), {1, 3}) == (1,)


@pytest.mark.parametrize("versions", [(), (1,)])
def test_nothing_to_go_back_to(versions: tuple[int, ...]) -> None:
    assert before(trail(promoted(*versions), PRODUCTION), ALL) is None


def test_the_present_holder_is_none_to_go_back_to() -> None:
    records = promoted(1, 2, 1)

    assert before(trail(records, PRODUCTION), {1}) is None


def test_an_emptied_place_is_given_back() -> None:
    records = [*promoted(1, 2), record(3, (PRODUCTION, []))]

    assert before(trail(records, PRODUCTION), ALL) == (2,)


def test_rollback_to_a_part_of_earlier_holders_goes_further_back_next_time() -> None:
    # Without a policy a stage has several holders; 4 was deleted before the rollback.
    records = [
        record(1, (PRODUCTION, [1])),
        record(2, (PRODUCTION, [2, 4])),
        record(3, (PRODUCTION, [3])),
        record(4, (PRODUCTION, [2]), back=PRODUCTION),
    ]

    assert before(trail(records, PRODUCTION), {1, 2, 3}) == (1,)


def test_rollback_of_one_place_is_an_ordinary_move_of_the_others() -> None:
    records = [
        record(1, ("Staging", [5])),
        record(2, ("Staging", [1])),
        record(3, (PRODUCTION, [1]), ("Staging", []), back=PRODUCTION),
    ]

    assert trail(records, "Staging") == [(5,), (1,), ()]
    assert before(trail(records, "Staging"), ALL) == (1,)
