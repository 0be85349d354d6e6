"""A server notices lost agents by itself, though nobody asks for jobs."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from assay.entities.ids import DEFAULT_EXPERIMENT_ID, new_run_id
from assay.entities.jobs import Capacity, JobState, NewJob
from assay.entities.runs import NewRun, RunStatus
from assay.server.background import start_background
from assay.server.run import open_services
from assay.server.settings import ServerSettings
from assay.store.user import local_cause

LIMIT_S = 120.0
LEASE_S = 60.0


def test_run_of_an_agent_that_was_lost_fails_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = ServerSettings(
        store_uri=f"sqlite:///{tmp_path}/a.db", artifacts_uri=str(tmp_path / "artifacts")
    )
    services = open_services(settings)
    jobs, run_id = services.store.jobs, new_run_id()
    services.store.runs.create(NewRun(run_id, DEFAULT_EXPERIMENT_ID, 1))
    new = NewJob(job_id="j", queue="q", run_id=run_id, launch="{}", max_attempts=1)
    jobs.enqueue(new, cause=local_cause())
    jobs.lease(
        ["q"],
        agent="a",
        lease_id="l",
        lease_s=LEASE_S,
        capacity=Capacity(),
        cause=local_cause(),
    )
    # Leases hold for minutes: time is moved, there is no other way to see them end.
    later = time.time_ns() // 1_000_000 + int((LEASE_S + 1) * 1_000)
    monkeypatch.setattr("assay.store.sql.jobs.now_ms", lambda: later)

    start_background(services)
    try:
        end = time.monotonic() + LIMIT_S
        while jobs.get("j").state is not JobState.FAILED:
            assert time.monotonic() < end, "nobody noticed"
            time.sleep(0.02)
        assert services.store.runs.get(run_id).info.status is RunStatus.FAILED
    finally:
        services.close()
