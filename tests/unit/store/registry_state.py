"""What must hold of a registry at every moment, seen in one snapshot of its database."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from assay.entities.audit import Actor, Cause
from assay.entities.ids import new_model_id
from assay.entities.logged_models import NewLoggedModel
from assay.entities.model_versions import NewModelVersion
from assay.policies.holders import trail
from assay.store.sql.audit import records_of
from assay.store.sql.model_refs import find_ref
from assay.store.sql.moves import places_of
from assay.store.sql.statements import Sql
from assay.store.sql.store import SqlStore

_STATUSES = Sql("SELECT request_id, status FROM transition_requests WHERE registered_id = ?")
_CLOSING = {
    "request.completed": "completed",
    "request.refused": "refused",
    "request.rejected": "rejected",
    "request.conflicted": "conflict",
    "request.expired": "expired",
    "request.cancelled": "cancelled",
}


class Seen(NamedTuple):
    """A registered model in one snapshot."""

    places: dict[str, list[int]]
    """Holders of each stage and ``@alias``, as the tables have them."""
    told: dict[str, list[int]]
    """The same, as the last records of the audit log tell."""
    requests: dict[str, str]
    """Status of each request of the model."""
    requests_told: dict[str, str]
    """Status of each request that the audit log tells to be closed."""


def somebody(name: str, *roles: str, verified: bool = False, reason: str = "") -> Cause:
    """A change by somebody."""
    return Cause(Actor(name, roles, verified, "local"), reason)


def make_versions(store: SqlStore, name: str, count: int) -> None:
    """A registered model with versions 1 to ``count``."""
    cause = somebody("maker")
    store.registered_models.create(name, cause=cause)
    model = store.logged_models.create(NewLoggedModel(new_model_id(), "0", name="net"))  # type: ignore[arg-type]
    for _ in range(count):
        new = NewModelVersion(name=name, source=f"models:/{model.model_id}")
        store.model_versions.create(new, cause=cause)


def in_threads(*work: Callable[[], None]) -> None:
    """Do all of it at once; raises what one of them raises."""
    with ThreadPoolExecutor(len(work)) as pool:
        for done in [pool.submit(one) for one in work]:
            done.result()


def look(store: SqlStore, name: str) -> Seen:
    """What tables and log say at one moment."""
    with store.database.read() as conn:
        ref = find_ref(conn, name)
        places = places_of(conn, ref)
        records = records_of(conn, ref.registered_id)
        requests = dict(_STATUSES.all(conn, ref.registered_id))
    targets = {move["target"] for record in records for move in record.details.get("moves", ())}
    told = {target: list(trail(records, target)[-1]) for target in targets}
    closed = {
        record.details["request"]: _CLOSING[record.action]
        for record in records
        if record.action in _CLOSING
    }
    return Seen(places, {k: v for k, v in told.items() if v}, requests, closed)


def assert_whole(store: SqlStore, name: str) -> Seen:
    """Tables and log tell the same, and the chain holds."""
    seen = look(store, name)
    assert seen.places == seen.told
    assert {k: v for k, v in seen.requests.items() if v != "open"} == seen.requests_told
    report = store.audit.verify()
    assert report.problem is None
    return seen
