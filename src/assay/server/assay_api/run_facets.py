"""Facets of runs: the keys and values there are.

To count the keys of ten thousand runs with a hundred metrics and params each takes most of a
second. So what took long is kept for ten times as long, some seconds at most: a page that is opened
again, by one person or by ten, asks the database once.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

import msgspec

from assay.http.replies import Reply
from assay.server.assay_api.encoding import answer
from assay.server.assay_api.filter_errors import with_place
from assay.server.assay_api.run_rows import GROUP
from assay.server.context import Context
from assay.server.routing import Body, Permission, Route
from assay.store.rest import wire
from assay.store.run_views import KeysQuery, RunKeys, RunValues, ValuesQuery

KEPT_FROM_S: Final = 0.15
"""What is quicker is always read anew."""
_KEPT_TIMES: Final = 10
KEPT_MOST_S: Final = 10.0
_MOST: Final = 32
"""Answers kept at once; one is some hundred kilobytes."""
_encode = msgspec.msgpack.Encoder().encode


class KeptKeys:
    """Answers that took long, for a while. Thread-safe."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: OrderedDict[bytes, tuple[float, RunKeys]] = OrderedDict()

    def get(self, query: KeysQuery, read: Callable[[KeysQuery], RunKeys]) -> RunKeys:
        """What ``read`` answers, or answered a moment ago."""
        name, begin = _encode(query), self._clock()
        with self._lock:
            until, kept = self._kept.get(name, (0.0, None))
            if kept is not None and begin < until:
                return kept
        found = read(query)
        end = self._clock()
        if end - begin >= KEPT_FROM_S:
            lasts = min(KEPT_MOST_S, _KEPT_TIMES * (end - begin))
            with self._lock:
                self._kept[name] = (end + lasts, found)
                self._kept.move_to_end(name)
                while len(self._kept) > _MOST:
                    self._kept.popitem(last=False)
        return found


def values(context: Context, request: ValuesQuery) -> Reply:
    """The values of a key."""
    return answer(context, context.store.run_views.values(request))


def facet_routes() -> tuple[Route, ...]:
    """The routes, for one application."""
    kept = KeptKeys()

    def keys(context: Context, request: KeysQuery) -> Reply:
        return answer(context, kept.get(request, context.store.run_views.keys))

    return (
        Route(
            method="POST",
            path=wire.PREFIX + "/runs/keys",
            handler=with_place(keys, filter_of=lambda request: request.filter),
            permission=Permission.READ,
            summary="Metrics, params, tags and data sets of runs, and which tell runs apart.",
            request=KeysQuery,
            response=RunKeys,
            body=Body.MSGPACK,
            group=GROUP,
        ),
        Route(
            method="POST",
            path=wire.PREFIX + "/runs/values",
            handler=values,
            permission=Permission.READ,
            summary="Values of a param, tag or attribute, the most frequent first.",
            request=ValuesQuery,
            response=RunValues,
            body=Body.MSGPACK,
            group=GROUP,
        ),
    )
