"""Jobs: runs in queues, and the agents that take them."""

from __future__ import annotations

from assay.entities.jobs import Job
from assay.entities.page import Page
from assay.http.replies import Reply
from assay.server.assay_api.encoding import answer
from assay.server.context import Context
from assay.server.routing import Body, Permission, Route
from assay.store.rest import jobs_wire as wire

GROUP = "Queues"


def enqueue(context: Context, request: wire.Enqueue) -> Reply:
    """Put a run into a queue."""
    cause = context.cause(request.reason)
    return answer(context, context.store.jobs.enqueue(request.job, cause=cause))


def lease(context: Context, request: wire.Lease) -> Reply:
    """Take a job."""
    job = context.store.jobs.lease(
        request.queues,
        agent=request.agent,
        lease_id=request.lease_id,
        lease_s=request.lease_s,
        capacity=request.capacity,
        cause=context.cause(),
    )
    return answer(context, wire.JobFound(job))


def heartbeat(context: Context, request: wire.Heartbeat) -> Reply:
    """Prolong a lease."""
    job = context.store.jobs.heartbeat(
        request.job_id, lease_id=request.lease_id, lease_s=request.lease_s, cause=context.cause()
    )
    return answer(context, job)


def finish(context: Context, request: wire.Finish) -> Reply:
    """Tell how a job ended."""
    job = context.store.jobs.finish(
        request.job_id,
        lease_id=request.lease_id,
        state=request.state,
        reason=request.reason,
        cause=context.cause(),
    )
    return answer(context, job)


def give_back(context: Context, request: wire.GiveBack) -> Reply:
    """Put a job back into its queue."""
    job = context.store.jobs.give_back(
        request.job_id,
        lease_id=request.lease_id,
        lost=request.lost,
        reason=request.reason,
        cause=context.cause(),
    )
    return answer(context, job)


def cancel(context: Context, request: wire.Cancel) -> Reply:
    """End a job."""
    cause = context.cause(request.reason)
    return answer(context, context.store.jobs.cancel(request.job_id, cause=cause))


def get(context: Context, request: wire.JobName) -> Reply:
    """One job."""
    return answer(context, context.store.jobs.get(request.job_id))


def search(context: Context, request: wire.JobQuery) -> Reply:
    """Jobs of a queue, in some states, or of a run."""
    page = context.store.jobs.search(
        queue=request.queue,
        states=request.states,
        run_id=request.run_id,
        max_results=request.max_results,
        page_token=request.page_token,
    )
    return answer(context, page)


ROUTES: tuple[Route, ...] = (
    Route(
        method="POST",
        path=wire.PREFIX + "/enqueue",
        handler=enqueue,
        permission=Permission.WRITE,
        summary="Put a run into a queue: an agent will run its code.",
        request=wire.Enqueue,
        response=Job,
        body=Body.MSGPACK,
        group=GROUP,
    ),
    Route(
        method="POST",
        path=wire.PREFIX + "/lease",
        handler=lease,
        permission=Permission.WRITE,
        summary="Take the next job that fits, for one agent alone; needs the role agent.",
        request=wire.Lease,
        response=wire.JobFound,
        body=Body.MSGPACK,
        group=GROUP,
    ),
    Route(
        method="POST",
        path=wire.PREFIX + "/heartbeat",
        handler=heartbeat,
        permission=Permission.WRITE,
        summary="Prolong a lease, and learn whether to end the job; needs the role agent.",
        request=wire.Heartbeat,
        response=Job,
        body=Body.MSGPACK,
        group=GROUP,
    ),
    Route(
        method="POST",
        path=wire.PREFIX + "/finish",
        handler=finish,
        permission=Permission.WRITE,
        summary="Tell how a job ended; needs the role agent.",
        request=wire.Finish,
        response=Job,
        body=Body.MSGPACK,
        group=GROUP,
    ),
    Route(
        method="POST",
        path=wire.PREFIX + "/give-back",
        handler=give_back,
        permission=Permission.WRITE,
        summary="Put a job back into its queue before it has ended; needs the role agent.",
        request=wire.GiveBack,
        response=Job,
        body=Body.MSGPACK,
        group=GROUP,
    ),
    Route(
        method="POST",
        path=wire.PREFIX + "/cancel",
        handler=cancel,
        permission=Permission.WRITE,
        summary="End a job: at once while it waits, else by its agent.",
        request=wire.Cancel,
        response=Job,
        body=Body.MSGPACK,
        group=GROUP,
    ),
    Route(
        method="GET",
        path=wire.PREFIX + "/get",
        handler=get,
        permission=Permission.READ,
        summary="One job.",
        request=wire.JobName,
        response=Job,
        group=GROUP,
    ),
    Route(
        method="POST",
        path=wire.PREFIX + "/search",
        handler=search,
        permission=Permission.READ,
        summary="Jobs, the latest first: of a queue, in some states, or of a run.",
        request=wire.JobQuery,
        response=Page[Job],
        body=Body.MSGPACK,
        group=GROUP,
    ),
)
