"""Jobs and their queues, on an Assay server."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import msgspec

from assay.entities.audit import Cause
from assay.entities.ids import RunId
from assay.entities.jobs import Capacity, Job, JobState, NewJob
from assay.entities.names import check_value
from assay.entities.page import Page
from assay.store.jobs import Ending, JobStore
from assay.store.rest import jobs_wire as jw
from assay.store.rest.server import Server

T = TypeVar("T")


class RestJobs(JobStore):
    """Jobs over HTTP."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def enqueue(self, new: NewJob, *, cause: Cause) -> Job:  # noqa: D102 - the contract is in the base class
        return self._post("enqueue", Job, jw.Enqueue(new, cause.reason))

    def lease(  # noqa: D102
        self,
        queues: Sequence[str],
        *,
        agent: str,
        lease_id: str,
        lease_s: float,
        capacity: Capacity,
        cause: Cause,
    ) -> Job | None:
        request = jw.Lease(list(queues), agent, lease_id, lease_s, capacity)
        return self._post("lease", jw.JobFound, request).job

    def heartbeat(self, job_id: str, *, lease_id: str, lease_s: float, cause: Cause) -> Job:  # noqa: D102
        return self._post("heartbeat", Job, jw.Heartbeat(job_id, lease_id, lease_s))

    def finish(  # noqa: D102
        self, job_id: str, *, lease_id: str, state: Ending, reason: str = "", cause: Cause
    ) -> Job:
        return self._post("finish", Job, jw.Finish(job_id, lease_id, state, reason))

    def give_back(  # noqa: D102
        self, job_id: str, *, lease_id: str, lost: bool = False, reason: str = "", cause: Cause
    ) -> Job:
        request = jw.GiveBack(job_id, lease_id, lost, reason)
        # Sent again it would find the job taken from this lease.
        return self._post("give-back", Job, request, repeatable=False)

    def cancel(self, job_id: str, *, cause: Cause) -> Job:  # noqa: D102
        return self._post("cancel", Job, jw.Cancel(job_id, cause.reason))

    def get(self, job_id: str) -> Job:  # noqa: D102
        self._require()
        query: dict[str, str | list[str]] = {"job_id": check_value("job id", job_id)}
        return self._server.assay("/jobs/get", Job, query=query)

    def search(  # noqa: D102
        self,
        *,
        queue: str | None = None,
        states: Sequence[JobState] = (),
        run_id: RunId | None = None,
        max_results: int = 100,
        page_token: str | None = None,
    ) -> Page[Job]:
        wanted = [JobState(state) for state in states]
        request = jw.JobQuery(queue, wanted, run_id, max_results, page_token)
        return self._post("search", Page[Job], request)

    def _post(
        self, path: str, answer: type[T], request: msgspec.Struct, *, repeatable: bool = True
    ) -> T:
        self._require()
        return self._server.assay(f"/jobs/{path}", answer, request, repeatable=repeatable)

    def _require(self) -> None:
        self._server.require_assay("keep queues", hint="Queues need a server of Assay's.")
