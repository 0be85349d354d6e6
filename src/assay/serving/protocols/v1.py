"""MLflow's scoring protocol: ``/invocations``, ``/ping``, ``/health``, ``/version``.

Matched: mlflow/pyfunc/scoring_server of 3.17, asked side by side.
"""

from __future__ import annotations

from assay.http.replies import TEXT, Reply, StreamReply
from assay.models.mlmodel import MLFLOW_VERSION
from assay.serving.protocols.bodies import media_type
from assay.serving.protocols.streaming import stream, wants_stream
from assay.serving.request import Request


async def invocations(request: Request) -> Reply | StreamReply:
    """Predictions for the body of a request, by the route that its path names, or the only one."""
    kind = media_type(request.header(b"content-type"))
    traffic = request.host.traffic(request.path_name)
    lane = traffic.choose(request.headers)
    with request.host.asking():
        body = await request.body()
        request.lane = lane
        if lane.served.streams and wants_stream(body, kind):
            return await stream(request, lane, body)
        note = request.host.note(request.id, body)
        answer = await lane.answer(body, kind, note)
    request.host.ask_shadows(traffic, body, kind, answer, note)
    return Reply(answer, headers=lane.headers if note is None else lane.headers + note.headers)


async def ping(request: Request) -> Reply:
    """200 when predictions would be answered."""
    return Reply(b"\n", status=200 if request.host.is_ready else 503)


async def version(_request: Request) -> Reply:
    """The version of MLflow whose protocol is spoken."""
    return Reply(MLFLOW_VERSION.encode(), content_type=TEXT)
