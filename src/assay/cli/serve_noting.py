"""Noting in the registry which version a deployment answers with, as its server changes over."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from assay.errors import AssayError

if TYPE_CHECKING:
    from assay.serving.process.plan import Plan

_log = logging.getLogger(__name__)
_AGAIN_S: Final = 10.0
"""Between two tries while the registry is away."""
_LOOKS: Final = 2
"""Who makes a deployment notes it too, at the same time, and may have looked a moment before."""


def noting(deployment_id: str) -> Callable[[Plan], None]:
    """What to call with each plan; the registry is told by a thread, again and again if it is away,
    of the latest plan only.
    """
    plans: queue.SimpleQueue[Plan] = queue.SimpleQueue()
    threading.Thread(
        target=_note, args=(deployment_id, plans), daemon=True, name="assay-note"
    ).start()
    return plans.put


def _note(deployment_id: str, plans: queue.SimpleQueue[Plan]) -> None:
    plan = plans.get()
    looks = _LOOKS
    while True:
        try:
            _move(deployment_id, plan)
            looks -= 1
        except AssayError as error:
            _log.warning("the deployment can't be noted now: %s", error.message)
        try:
            plan = plans.get(timeout=_AGAIN_S if looks > 0 else None)
            looks = _LOOKS
        except queue.Empty:
            continue


def _move(deployment_id: str, plan: Plan) -> None:
    # Beside a server that has no deployment, nothing of the room is needed.
    from assay.deployments.recording import Meant, move

    route = plan.routes[0]
    main = next(one for one in plan.versions if one.key == route.main)
    if main.version is None:
        return
    meant = Meant(uri=route.source, model=main.name, version=main.version)
    move(deployment_id, meant, reason=f"its server follows {route.source}")
