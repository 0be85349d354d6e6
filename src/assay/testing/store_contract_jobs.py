"""The store contract: jobs, and that one agent has each."""

# ruff: noqa: D102 - the names of tests say it all
from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
import pytest

from assay import errors
from assay.entities.experiments import Experiment
from assay.entities.ids import RunId, new_run_id
from assay.entities.jobs import Capacity, Job, JobState, NewJob, new_job_id
from assay.entities.runs import Run, RunStatus
from assay.entities.tags import PROJECT_REASON
from assay.store.base import Store
from assay.store.user import local_cause
from assay.testing.store_contract_base import AWKWARD, HALF_A_PAIR, ContractPart, start

QUEUE = "gpu"
LARGE = Capacity(cpu=64, memory_mb=262_144, gpu=8)


def new_job(run: Run, **facts: Any) -> NewJob:
    """A job of a run; ``facts`` are fields of ``NewJob``."""
    given = {"job_id": new_job_id(), "queue": QUEUE, "launch": '{"project": "."}', **facts}
    return NewJob(**{"run_id": run.info.run_id, **given})


def enqueued(store: Store, run: Run | None = None, **facts: Any) -> Job:
    """A job in the queue, of a run of its own unless one is given."""
    return store.jobs.enqueue(new_job(run or start(store), **facts), cause=local_cause())


def leased(store: Store, lease_id: str = "", **facts: Any) -> tuple[Job | None, str]:
    """The next job for an agent, and the id of its lease."""
    given = {"queues": [QUEUE], "agent": "a1", "lease_s": 60.0, "capacity": LARGE, **facts}
    lease_id = lease_id or new_job_id()
    return store.jobs.lease(lease_id=lease_id, cause=local_cause(), **given), lease_id


def held(store: Store, **facts: Any) -> tuple[Job, str]:
    """As ``leased``, where there must be a job."""
    job, lease_id = leased(store, **facts)
    assert job is not None
    return job, lease_id


def finished(store: Store, job: Job, lease_id: str, state: Any = "finished", why: str = "") -> Job:
    """Tell how a job ended."""
    return store.jobs.finish(
        job.job_id, lease_id=lease_id, state=state, reason=why, cause=local_cause()
    )


def status(store: Store, job: Job) -> RunStatus:
    """Of a job's run."""
    return store.runs.get(job.run_id).info.status


class JobContract(ContractPart):
    """Jobs from the queue to their end."""

    def test_job_reads_back(self, store: Store, run: Run) -> None:
        asked = new_job(
            run,
            launch=msgspec.json.encode({"project": AWKWARD}).decode(),
            priority=-3,
            max_attempts=5,
            resources=Capacity(cpu=1.5, memory_mb=2_048, gpu=1),
        )
        made = store.jobs.enqueue(asked, cause=local_cause())
        assert (made.state, made.attempt, made.agent, made.reason) == (JobState.QUEUED, 0, "", "")
        assert (made.run_id, made.experiment_id) == (run.info.run_id, run.info.experiment_id)
        assert (made.priority, made.max_attempts, made.launch) == (-3, 5, asked.launch)
        assert made.resources == asked.resources
        assert made.author == local_cause().actor.name
        assert made.created == made.updated > 0
        assert store.jobs.get(made.job_id) == made
        assert store.jobs.search().items == [made]
        assert status(store, made) is RunStatus.SCHEDULED

    def test_same_job_again_is_the_same(self, store: Store, run: Run) -> None:
        asked = new_job(run)
        first = store.jobs.enqueue(asked, cause=local_cause())
        assert store.jobs.enqueue(asked, cause=local_cause()) == first
        job, lease_id = held(store)
        finished(store, job, lease_id)
        assert store.jobs.enqueue(asked, cause=local_cause()).state is JobState.FINISHED
        with pytest.raises(errors.AlreadyExists):
            store.jobs.enqueue(new_job(run, job_id=asked.job_id, priority=1), cause=local_cause())

    def test_run_waits_in_one_queue_only(self, store: Store, run: Run) -> None:
        first = enqueued(store, run)
        with pytest.raises(errors.AlreadyExists, match=first.job_id):
            enqueued(store, run, queue="cpu")

    def test_run_that_is_missing_deleted_or_over_cannot_wait(self, store: Store, run: Run) -> None:
        with pytest.raises(errors.RunNotFound):
            enqueued(store, run, run_id=new_run_id())
        store.runs.update(run.info.run_id, status=RunStatus.FAILED)
        with pytest.raises(errors.InvalidInput, match="FAILED"):
            enqueued(store, run)
        gone = start(store)
        store.runs.delete(gone.info.run_id)
        with pytest.raises(errors.InactiveResource):
            enqueued(store, gone)
        assert store.jobs.search().items == []

    @pytest.mark.parametrize(
        "facts",
        [
            {"job_id": ""},
            {"job_id": "../x"},
            {"queue": ""},
            {"queue": "a b"},
            {"queue": "x" * 101},
            {"queue": HALF_A_PAIR},
            {"run_id": "a/b"},
            {"launch": "[]"},
            {"launch": "{"},
            {"launch": '{"x": "' + "y" * 262_144 + '"}'},
            {"launch": HALF_A_PAIR},
            {"priority": 1_000_001},
            {"max_attempts": 0},
            {"max_attempts": 101},
            {"resources": Capacity(cpu=-1)},
            {"resources": Capacity(cpu=float("nan"))},
            {"resources": Capacity(memory_mb=2**50)},
        ],
        ids=lambda facts: repr(facts)[:40],
    )
    def test_malformed_job_is_refused(self, store: Store, run: Run, facts: dict[str, Any]) -> None:
        with pytest.raises(errors.InvalidInput):
            enqueued(store, run, **facts)
        assert store.jobs.search().items == []

    def test_lease_gives_the_job_to_one_agent(self, store: Store) -> None:
        made = enqueued(store)
        job, _ = held(store, agent="a1")
        assert (job.job_id, job.state, job.attempt) == (made.job_id, JobState.LEASED, 1)
        assert job.agent == "a1"
        assert job.lease_until is not None
        assert 50_000 < job.lease_until - job.updated <= 60_000
        assert leased(store, agent="a2")[0] is None

    def test_same_lease_again_gives_the_same_job(self, store: Store) -> None:
        first, second = (enqueued(store, job_id=f"j{number}") for number in range(2))
        job, lease_id = held(store)
        again, _ = held(store, lease_id=lease_id)
        assert job.job_id == again.job_id == first.job_id
        assert again.attempt == 1
        with pytest.raises(errors.Conflict):
            leased(store, lease_id=lease_id, agent="a2")
        assert held(store)[0].job_id == second.job_id

    def test_jobs_come_by_priority_then_by_age(self, store: Store) -> None:
        low = enqueued(store, priority=-1)
        first, second = (enqueued(store, job_id=f"j{number}", priority=0) for number in range(2))
        high = enqueued(store, priority=7)
        order = [held(store)[0].job_id for _ in range(4)]
        assert order == [high.job_id, first.job_id, second.job_id, low.job_id]

    def test_agent_takes_from_its_queues_what_fits(self, store: Store) -> None:
        large = enqueued(store, resources=Capacity(cpu=8, memory_mb=1_000, gpu=1))
        small = enqueued(store, queue="cpu", resources=Capacity(cpu=0.5))
        assert leased(store, queues=["other"])[0] is None
        assert leased(store, capacity=Capacity(cpu=8, memory_mb=999, gpu=1))[0] is None
        assert leased(store, capacity=Capacity(cpu=8, memory_mb=1_000))[0] is None
        little = Capacity(cpu=1, memory_mb=100)
        assert held(store, queues=["gpu", "cpu"], capacity=little)[0].job_id == small.job_id
        assert held(store, queues=["cpu", "gpu"])[0].job_id == large.job_id

    @pytest.mark.parametrize(
        "facts",
        [
            {"queues": []},
            {"queues": ["a b"]},
            {"queues": [f"q{number}" for number in range(101)]},
            {"agent": ""},
            {"agent": "a\nb"},
            {"lease_id": "x" * 65},
            {"lease_s": 0.0},
            {"lease_s": 1e9},
            {"capacity": Capacity(gpu=-1)},
        ],
        ids=lambda facts: repr(facts)[:40],
    )
    def test_malformed_lease_is_refused(self, store: Store, facts: dict[str, Any]) -> None:
        enqueued(store)
        with pytest.raises(errors.InvalidInput):
            leased(store, **facts)

    def test_many_agents_at_once_never_get_one_job_twice(self, store: Store) -> None:
        jobs = {enqueued(store).job_id for _ in range(12)}

        def take(number: int) -> list[str]:
            taken = []
            while (job := leased(store, agent=f"a{number}")[0]) is not None:
                taken.append(job.job_id)
            return taken

        with ThreadPoolExecutor(4) as pool:
            taken = [job_id for some in pool.map(take, range(4)) for job_id in some]
        assert len(taken) == len(jobs)
        assert set(taken) == jobs

    def test_heartbeat_prolongs(self, store: Store) -> None:
        enqueued(store)
        job, lease_id = held(store, lease_s=30.0)
        beat = store.jobs.heartbeat(
            job.job_id, lease_id=lease_id, lease_s=300.0, cause=local_cause()
        )
        assert beat.state is JobState.RUNNING
        assert beat.lease_until is not None
        assert job.lease_until is not None
        assert beat.lease_until > job.lease_until
        assert not beat.cancel_asked

    @pytest.mark.parametrize(
        ("state", "run_status"),
        [
            ("finished", RunStatus.FINISHED),
            ("failed", RunStatus.FAILED),
            ("cancelled", RunStatus.KILLED),
        ],
    )
    def test_end_of_a_job_ends_its_run(
        self, store: Store, state: Any, run_status: RunStatus
    ) -> None:
        enqueued(store)
        job, lease_id = held(store)
        ended = finished(store, job, lease_id, state, AWKWARD)
        assert (ended.state, ended.reason, ended.lease_until) == (state, AWKWARD, None)
        run = store.runs.get(job.run_id)
        assert run.info.status is run_status
        assert run.info.end_time is not None
        assert run.data.tags[PROJECT_REASON] == AWKWARD
        assert finished(store, job, lease_id, state, "once more") == ended

    def test_run_that_says_how_it_ended_is_left_so(self, store: Store) -> None:
        enqueued(store)
        job, lease_id = held(store)
        store.runs.update(job.run_id, status=RunStatus.FINISHED, end_time=77)
        finished(store, job, lease_id, "failed", "It was lost.")
        info = store.runs.get(job.run_id).info
        assert (info.status, info.end_time) == (RunStatus.FINISHED, 77)

    def test_who_does_not_have_the_job_changes_nothing(self, store: Store) -> None:
        waiting = enqueued(store)
        for lease_id in ("", "other"):
            self._refused(store, waiting, lease_id)
        job, lease_id = held(store)
        self._refused(store, job, "other")
        finished(store, job, lease_id)
        self._refused(store, job, "other")
        with pytest.raises(errors.Conflict):
            finished(store, job, lease_id, "failed")
        assert store.jobs.get(job.job_id).state is JobState.FINISHED

    def _refused(self, store: Store, job: Job, lease_id: str) -> None:
        wrong = (errors.Conflict, errors.InvalidInput)
        before = store.jobs.get(job.job_id)
        with pytest.raises(wrong):
            store.jobs.heartbeat(job.job_id, lease_id=lease_id, lease_s=60.0, cause=local_cause())
        with pytest.raises(wrong):
            finished(store, job, lease_id)
        with pytest.raises(wrong):
            store.jobs.give_back(job.job_id, lease_id=lease_id, cause=local_cause())
        assert store.jobs.get(job.job_id) == before

    def test_unknown_job_is_not_found(self, store: Store) -> None:
        ident = new_job_id()
        with pytest.raises(errors.NotFound):
            store.jobs.get(ident)
        with pytest.raises(errors.NotFound):
            store.jobs.cancel(ident, cause=local_cause())
        with pytest.raises(errors.NotFound):
            store.jobs.heartbeat(ident, lease_id="x", lease_s=60.0, cause=local_cause())
        with pytest.raises(errors.NotFound):
            store.jobs.finish(ident, lease_id="x", state="failed", cause=local_cause())
        with pytest.raises(errors.NotFound):
            store.jobs.give_back(ident, lease_id="x", cause=local_cause())

    def test_cancelled_while_it_waits_it_ends_at_once(self, store: Store) -> None:
        made = enqueued(store)
        ended = store.jobs.cancel(made.job_id, cause=local_cause("not needed"))
        assert ended.state is JobState.CANCELLED
        assert ended.reason.endswith("cancelled it: not needed.")
        assert status(store, made) is RunStatus.KILLED
        assert leased(store)[0] is None
        assert store.jobs.cancel(made.job_id, cause=local_cause("again")) == ended

    def test_cancelled_while_it_runs_its_agent_ends_it(self, store: Store) -> None:
        enqueued(store)
        job, lease_id = held(store)
        asked = store.jobs.cancel(job.job_id, cause=local_cause())
        assert (asked.state, asked.cancel_asked) == (JobState.LEASED, True)
        beat = store.jobs.heartbeat(
            job.job_id, lease_id=lease_id, lease_s=60.0, cause=local_cause()
        )
        assert beat.cancel_asked
        assert finished(store, job, lease_id, "cancelled").state is JobState.CANCELLED
        assert status(store, job) is RunStatus.KILLED

    def test_given_back_it_waits_again_and_the_attempt_does_not_count(self, store: Store) -> None:
        enqueued(store, max_attempts=1)
        job, lease_id = held(store)
        back = store.jobs.give_back(
            job.job_id, lease_id=lease_id, reason="a1 stops", cause=local_cause()
        )
        assert (back.state, back.attempt, back.reason) == (JobState.QUEUED, 0, "a1 stops")
        assert status(store, job) is RunStatus.SCHEDULED
        self._refused(store, job, lease_id)
        again, _ = held(store, agent="a2")
        assert (again.job_id, again.attempt, again.reason) == (job.job_id, 1, "")

    def test_lost_once_it_is_run_again_lost_twice_it_fails(self, store: Store) -> None:
        enqueued(store)
        job, lease_id = held(store)
        store.runs.update(job.run_id, status=RunStatus.KILLED, end_time=5)
        back = store.jobs.give_back(job.job_id, lease_id=lease_id, lost=True, cause=local_cause())
        assert (back.state, back.attempt) == (JobState.QUEUED, 1)
        info = store.runs.get(job.run_id).info
        assert (info.status, info.end_time) == (RunStatus.SCHEDULED, None)
        job, lease_id = held(store, agent="a2")
        assert job.attempt == 2
        ended = store.jobs.give_back(job.job_id, lease_id=lease_id, lost=True, cause=local_cause())
        assert (ended.state, ended.attempt) == (JobState.FAILED, 2)
        assert ended.reason == "Agent 'a2' was lost. It was attempt 2."
        run = store.runs.get(job.run_id)
        assert run.info.status is RunStatus.FAILED
        assert run.data.tags[PROJECT_REASON] == ended.reason

    def test_given_back_when_its_run_has_ended_it_has_ended(self, store: Store) -> None:
        enqueued(store)
        job, lease_id = held(store)
        store.runs.update(job.run_id, status=RunStatus.FINISHED, end_time=5)
        back = store.jobs.give_back(job.job_id, lease_id=lease_id, lost=True, cause=local_cause())
        assert back.state is JobState.FINISHED

    def test_given_back_when_cancel_was_asked_it_is_cancelled(self, store: Store) -> None:
        enqueued(store)
        job, lease_id = held(store)
        store.jobs.cancel(job.job_id, cause=local_cause())
        back = store.jobs.give_back(job.job_id, lease_id=lease_id, cause=local_cause())
        assert back.state is JobState.CANCELLED
        assert status(store, job) is RunStatus.KILLED

    def test_lease_that_ends_gives_the_job_to_another_agent(self, store: Store) -> None:
        enqueued(store)
        job, lease_id = held(store, agent="a1", lease_s=1.0)
        limit = time.monotonic() + 20
        again, _ = leased(store, agent="a2")
        assert again is None
        while again is None and time.monotonic() < limit:
            time.sleep(0.05)
            again, _ = leased(store, agent="a2")
        assert again is not None
        assert (again.job_id, again.agent, again.attempt) == (job.job_id, "a2", 2)
        self._refused(store, job, lease_id)

    def test_job_whose_run_is_deleted_or_over_is_passed_over(self, store: Store) -> None:
        deleted, over, good = (enqueued(store) for _ in range(3))
        store.runs.delete(deleted.run_id)
        store.runs.update(over.run_id, status=RunStatus.KILLED)
        assert held(store)[0].job_id == good.job_id
        # What was enqueued in the same millisecond stands in any order.
        assert leased(store)[0] is None
        assert "was deleted" in store.jobs.get(deleted.job_id).reason
        assert store.jobs.get(over.job_id).state is JobState.CANCELLED

    def test_jobs_are_found_by_queue_state_and_run(
        self, store: Store, experiment: Experiment
    ) -> None:
        one = enqueued(store, start(store, experiment.experiment_id))
        two = enqueued(store, queue="cpu")
        held(store)
        assert [job.job_id for job in store.jobs.search(queue="cpu")] == [two.job_id]
        assert [job.job_id for job in store.jobs.search(states=[JobState.LEASED])] == [one.job_id]
        assert len(store.jobs.search(states=[JobState.LEASED, JobState.QUEUED])) == 2
        assert [job.job_id for job in store.jobs.search(run_id=two.run_id)] == [two.job_id]
        assert store.jobs.search(queue="none").items == []
        assert store.jobs.search(run_id=RunId("unknown")).items == []

    def test_pages_of_jobs_join_up(self, store: Store) -> None:
        made = {enqueued(store).job_id for _ in range(5)}
        page = store.jobs.search(max_results=2)
        found = list(page)
        while page.token is not None:
            page = store.jobs.search(max_results=2, page_token=page.token)
            found += page
        assert [job.created for job in found] == sorted((j.created for j in found), reverse=True)
        assert sorted(job.job_id for job in found) == sorted(made)
        with pytest.raises(errors.InvalidInput):
            store.jobs.search(max_results=0)
        with pytest.raises(errors.InvalidPageToken):
            store.jobs.search(queue=QUEUE, page_token="nonsense")  # noqa: S106 - no secret
