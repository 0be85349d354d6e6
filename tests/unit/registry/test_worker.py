"""The worker: looks at what waits, one worker at each request, and tells the store."""

from __future__ import annotations

import threading

import pytest

from assay.entities.audit import Actor, Cause
from assay.entities.transitions import TransitionRequest
from assay.registry import asking
from assay.registry.checks import How
from assay.registry.worker import claim, look_at, run, run_own_checks
from tests.unit.registry.conftest import Registry

_POLICY = """\
policy: 1
to:
  Production:
    gates:
      - digests: intact
      - card: present
"""
_ANN = Cause(Actor("ann", origin="test"))


@pytest.fixture
def waiting(registry: Registry) -> TransitionRequest:
    """A request whose checks wait for a worker."""
    return asked(registry)


def asked(registry: Registry) -> TransitionRequest:
    version = registry.register(acc=0.5)
    asking.set_policy("digits", _POLICY)
    return asking.request("digits", version.version, "Production")


def current(request: TransitionRequest) -> TransitionRequest:
    return next(one for one in asking.requests() if one.request_id == request.request_id)


def test_worker_looks_at_all_that_waits_and_the_version_moves(
    registry: Registry, waiting: TransitionRequest
) -> None:
    assert waiting.status == "open"

    assert run(how=How(worker="w"), once=True) == 1

    done = current(waiting)
    assert done.status == "completed"
    assert {one.by for one in done.checks} == {"w"}
    assert asking.holder_at("digits", "Production") == [1]
    assert run(how=How(worker="w"), once=True) == 0


def test_failed_check_refuses_the_request(registry: Registry, waiting: TransitionRequest) -> None:
    version = registry.client.store.model_versions.get("digits", 1)
    (registry.files(version) / "MLmodel").write_text("{}")

    run(how=How(worker="w"), once=True)

    done = current(waiting)
    assert done.status == "refused"
    assert "digests intact" in done.status_reason


def test_two_workers_never_have_one_request(registry: Registry, waiting: TransitionRequest) -> None:
    first = claim(registry.client, How(worker="one"))
    second = claim(registry.client, How(worker="two"))

    assert first is not None
    assert second is None
    assert claim(registry.client, How(worker="two"), waiting.request_id) is None


def test_many_workers_at_once_look_at_each_request_once(registry: Registry) -> None:
    for number in range(3):
        version = registry.register(f"model {number}", acc=0.5)
        asking.set_policy(version.name, _POLICY)
        asking.request(version.name, 1, "Production")
    counts: list[int] = []

    def work(name: str) -> None:
        counts.append(run(how=How(worker=name), once=True))

    threads = [threading.Thread(target=work, args=(f"w{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert sum(counts) == 3
    assert {one.status for one in asking.requests()} == {"completed"}


def test_worker_that_lost_its_claim_decides_nothing(
    registry: Registry, waiting: TransitionRequest
) -> None:
    requests = registry.client.store.requests
    lost = requests.claim("slow", lease_s=0.001, cause=_ANN)
    assert lost is not None
    taken = None
    while taken is None:
        taken = claim(registry.client, How(worker="quick"))

    after = look_at(registry.client, lost, How(worker="slow"))

    assert after.status == "open"
    assert look_at(registry.client, taken, How(worker="quick")).status == "completed"


def test_request_closed_while_a_worker_looks_stays_closed(
    registry: Registry, waiting: TransitionRequest
) -> None:
    claimed = claim(registry.client, How(worker="w"))
    assert claimed is not None
    asking.cancel(waiting.request_id)

    assert look_at(registry.client, claimed, How(worker="w")).status == "cancelled"


def test_request_of_a_deleted_version_does_not_stop_the_worker(
    registry: Registry, waiting: TransitionRequest
) -> None:
    other = asked(registry)
    registry.client.store.model_versions.delete("digits", 1, cause=_ANN)

    run(how=How(worker="w"), once=True)

    assert not current(waiting).is_open
    assert current(other).status == "completed"
    assert asking.holder_at("digits", "Production") == [2]


def test_request_of_a_deleted_model_does_not_stop_the_worker(
    registry: Registry, waiting: TransitionRequest
) -> None:
    claimed = claim(registry.client, How(worker="w"))
    assert claimed is not None
    registry.client.store.registered_models.delete("digits", cause=_ANN)

    look_at(registry.client, claimed, How(worker="w"))

    assert run(how=How(worker="w"), once=True) == 0


def test_policy_removed_meanwhile_closes_what_it_governed(
    registry: Registry, waiting: TransitionRequest
) -> None:
    claimed = claim(registry.client, How(worker="w"))
    assert claimed is not None
    registry.client.store.policies.remove("digits", cause=_ANN)

    assert look_at(registry.client, claimed, How(worker="w")).status == "cancelled"


def test_worker_ends_when_it_is_told(registry: Registry) -> None:
    stop = threading.Event()
    counts: list[int] = []
    thread = threading.Thread(
        target=lambda: counts.append(run(how=How(worker="w"), poll_s=60, stop=stop))
    )
    thread.start()
    stop.set()
    thread.join(30)

    assert counts == [0]


def test_program_with_a_store_of_its_own_looks_by_itself(
    registry: Registry, waiting: TransitionRequest
) -> None:
    done = run_own_checks(registry.client, waiting, How(worker="me"))

    assert done.status == "completed"
    assert run_own_checks(registry.client, done, How(worker="me")) == done
