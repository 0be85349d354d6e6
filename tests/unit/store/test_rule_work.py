"""Finished runs are claimed by one worker at a time, and by another when that one is gone."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from assay import errors
from assay.entities.audit import Actor, Cause
from assay.entities.governance import Rule, RuleRunStatus
from assay.entities.ids import DEFAULT_EXPERIMENT_ID, new_model_id, new_run_id
from assay.entities.logged_models import LoggedModelOutput, LoggedModelStatus, NewLoggedModel
from assay.entities.model_versions import NewModelVersion
from assay.entities.operations import Delivery, StartRun, UpdateRun
from assay.entities.runs import NewRun, RunStatus
from assay.registry.rules import run_rules
from assay.store.base import Query
from assay.store.registry import RuleClaim, RuleOutcome
from assay.store.sql.store import SqlStore, open_sql_store

CAUSE = Cause(Actor("alice", origin="test"))
LIMIT_S = 30.0
DONE = RuleOutcome(status=RuleRunStatus.DONE, message="done")


def set_rule(store: SqlStore, rule_name: str = "best") -> Rule:
    rule = Rule(
        rule_id="",
        rule_name=rule_name,
        experiment_id=DEFAULT_EXPERIMENT_ID,
        model_name="digits",
    )
    return store.rules.set(rule, cause=CAUSE)


def trained(store: SqlStore) -> str:
    """A finished run with a model."""
    run_id, model_id = new_run_id(), new_model_id()
    store.runs.create(NewRun(run_id, DEFAULT_EXPERIMENT_ID, 1_000))
    model = NewLoggedModel(
        model_id=model_id, experiment_id=DEFAULT_EXPERIMENT_ID, name="net", source_run_id=run_id
    )
    store.logged_models.create(model)
    store.inputs.log_outputs(run_id, [LoggedModelOutput(model_id)])
    store.logged_models.finalize(model_id, LoggedModelStatus.READY)
    store.runs.update(run_id, status=RunStatus.FINISHED)
    return run_id


def claimed(store: SqlStore, *, lease_s: float = 60.0) -> RuleClaim:
    """The claim of the run that is due, or becomes so soon."""
    limit = time.monotonic() + LIMIT_S
    while time.monotonic() < limit:
        claim = store.rules.claim(lease_s=lease_s)
        if claim is not None:
            return claim
    pytest.fail("no run became due")


def _waiting(store: SqlStore) -> bool:
    return any(
        one.status is RuleRunStatus.WAITING
        for rule in store.rules.all()
        for one in store.rules.runs(rule.rule_name)
    )


class RuleWorkTests:
    """What holds on both databases."""

    @pytest.fixture
    def store(self, uri: str) -> Iterator[SqlStore]:
        store = open_sql_store(uri)
        yield store
        store.close()

    def test_run_is_claimed_once(self, store: SqlStore) -> None:
        set_rule(store)
        run_id = trained(store)
        claim = claimed(store)
        assert (claim.run_id, claim.attempts, claim.rule.rule_name) == (run_id, 1, "best")
        assert store.rules.claim(lease_s=60.0) is None

    def test_worker_whose_lease_ended_has_lost_the_run(self, store: SqlStore) -> None:
        set_rule(store)
        trained(store)
        slow = claimed(store, lease_s=0.001)
        quick = claimed(store)
        assert quick.attempts == 2
        new = NewModelVersion(name="digits", source="models:/m-1")
        with pytest.raises(errors.Conflict):
            store.rules.register(slow, new, cause=CAUSE)
        store.rules.postpone(slow, delay_s=0, message="later")
        assert store.rules.finish(slow, DONE, cause=CAUSE) is None
        finished = store.rules.finish(quick, DONE, cause=CAUSE)
        assert finished is not None
        assert (finished.status, finished.message) == (RuleRunStatus.DONE, "done")
        assert store.rules.finish(quick, DONE, cause=CAUSE) is None

    def test_postponed_run_is_due_again_later(self, store: SqlStore) -> None:
        set_rule(store)
        trained(store)
        store.rules.postpone(claimed(store), delay_s=3_600, message="not yet")
        assert store.rules.claim(lease_s=60.0) is None
        (waiting,) = store.rules.runs("best")
        assert (waiting.status, waiting.message) == (RuleRunStatus.WAITING, "not yet")

    def test_rule_that_is_removed_takes_the_run_from_its_worker(self, store: SqlStore) -> None:
        set_rule(store)
        trained(store)
        claim = claimed(store)
        store.rules.remove("best", cause=CAUSE)
        assert store.rules.finish(claim, DONE, cause=CAUSE) is None
        assert store.rules.claim(lease_s=60.0) is None

    def test_long_message_is_cut(self, store: SqlStore) -> None:
        set_rule(store)
        trained(store)
        outcome = RuleOutcome(status=RuleRunStatus.FAILED, message="x" * 5_000)
        finished = store.rules.finish(claimed(store), outcome, cause=CAUSE)
        assert finished is not None
        assert len(finished.message) == 2_000

    def test_run_that_ends_by_a_delivery_is_looked_at_too(self, store: SqlStore) -> None:
        set_rule(store)
        run_id = new_run_id()
        begun = StartRun(run_id=run_id, experiment_id=DEFAULT_EXPERIMENT_ID, start_time=1_000)
        ended = UpdateRun(run_id=run_id, status=RunStatus.FINISHED, end_time=2_000)
        store.apply(Delivery(writer_id="w", start=0, end=1, operations=[begun, ended]))  # type: ignore[arg-type]
        assert claimed(store).run_id == run_id

    def test_many_workers_register_each_run_once(self, store: SqlStore, uri: str) -> None:
        set_rule(store)
        set_rule(store, "second")
        runs = {trained(store) for _ in range(10)}
        problems: list[BaseException] = []

        def work() -> None:
            own = open_sql_store(uri)
            try:
                limit = time.monotonic() + LIMIT_S
                # Those who meet over one model put it off for a second.
                while _waiting(own) and time.monotonic() < limit:
                    run_rules(own)
            except BaseException as error:
                problems.append(error)
                raise
            finally:
                own.close()

        workers = [threading.Thread(target=work) for _ in range(4)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join(2 * LIMIT_S)
        assert problems == []
        versions = store.model_versions.search(Query(filter="name = 'digits'", max_results=100))
        assert sorted(version.run_id or "" for version in versions) == sorted(runs)
        closed = [one for name in ("best", "second") for one in store.rules.runs(name)]
        assert {one.status for one in closed} == {RuleRunStatus.DONE}
        assert store.audit.verify().ok

    def test_rule_can_be_removed_while_its_runs_finish(self, store: SqlStore) -> None:
        """A run's end never fails for the rule that it would have fired."""
        problems: list[BaseException] = []
        stop = threading.Event()

        def finish_runs() -> None:
            try:
                while not stop.is_set():
                    run_id = new_run_id()
                    store.runs.create(NewRun(run_id, DEFAULT_EXPERIMENT_ID, 1_000))
                    store.runs.update(run_id, status=RunStatus.FINISHED)
            except BaseException as error:
                problems.append(error)
                raise

        threads = [threading.Thread(target=finish_runs) for _ in range(3)]
        for thread in threads:
            thread.start()
        for _ in range(30):
            set_rule(store)
            store.rules.remove("best", cause=CAUSE)
        stop.set()
        for thread in threads:
            thread.join(LIMIT_S)
        assert problems == []


class TestSqlite(RuleWorkTests):
    @pytest.fixture
    def uri(self, tmp_path: Path) -> str:
        return f"sqlite:///{tmp_path}/assay.db"


@pytest.mark.postgres
class TestPostgres(RuleWorkTests):
    @pytest.fixture
    def uri(self, postgres_uri: str) -> str:
        return postgres_uri
