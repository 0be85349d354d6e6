"""Holders: which versions held a stage or alias, read from the records of a model.

Stages and aliases are views over one history: each record that moves something lists the holders
of every place that changed, before and after. Going back pops what a rollback gave up, so a second
rollback goes one further back instead of forward again. ``details["target"]`` of its record says
which place it gave back; other places that changed with it were not rolled back.
"""

from __future__ import annotations

from collections.abc import Iterable, Set

from assay.entities.audit import AuditAction, AuditRecord

Holders = tuple[int, ...]


def holders_at(records: Iterable[AuditRecord], target: str, time_ms: int) -> list[int]:
    """The versions that held ``target`` at a time, ascending; ``records`` oldest first."""
    found: Holders = ()
    for record in records:
        if record.time > time_ms:
            break
        for held in _moves(record, target):
            found = held
    return list(found)


def trail(records: Iterable[AuditRecord], target: str) -> list[Holders]:
    """Holders that ``target`` had one after another, without what was rolled back; the last is
    now.
    """
    states: list[Holders] = []
    for record in records:
        for held in _moves(record, target):
            if _gave_back(record, target):
                _forget_given_up(states, held)
            if not states or states[-1] != held:
                states.append(held)
    return states


def _forget_given_up(states: list[Holders], held: Holders) -> None:
    """Drop the state that a rollback re-instated and all later ones. It may have had more holders
    then: those that were deleted since don't come back.
    """
    for place in range(len(states) - 2, -1, -1):
        if set(held) <= set(states[place]):
            del states[place:]
            return


def before(states: list[Holders], existing: Set[int]) -> Holders | None:
    """Whom a rollback gives the place back to: the last holders that still exist, other than
    now's.
    """
    for held in reversed(states[:-1]):
        alive = tuple(version for version in held if version in existing)
        if alive and alive != states[-1]:
            return alive
    return None


def _gave_back(record: AuditRecord, target: str) -> bool:
    return record.action == AuditAction.ROLLED_BACK and _same(
        str(record.details.get("target", "")), target
    )


def _moves(record: AuditRecord, target: str) -> list[Holders]:
    moves = record.details.get("moves", ())
    return [tuple(move["to"]) for move in moves if _same(move["target"], target)]


def _same(one: str, other: str) -> bool:
    """Stages match in any case, aliases exactly."""
    return one == other or (one.lower() == other.lower() and not one.startswith("@"))
