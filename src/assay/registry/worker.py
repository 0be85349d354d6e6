"""The worker: looks at what requests wait for, wherever the models' packages are installed.

It claims one request at a time for a while, prolongs the claim as it goes, and tells the store what
it found. A worker that dies loses its claim; the next one looks anew.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from msgspec.structs import replace

from assay.client.client import Client
from assay.entities.transitions import (
    CheckStatus,
    GateResult,
    RequestStatus,
    TransitionRequest,
)
from assay.errors import AssayError, Conflict, NotFound, StoreUnavailable
from assay.fluent.reading import client_for
from assay.policies.policy import TargetRules, parse_policy
from assay.registry.checks import How, Looker, places_to_look_at
from assay.store.user import local_cause

_log = logging.getLogger(__name__)
LEASE_S: Final = 120.0
"""How long a claim holds without being prolonged: a dead worker's request waits no longer."""
POLL_S: Final = 2.0


def worker_name() -> str:
    """This process's name among workers."""
    return f"{socket.gethostname()}:{os.getpid()}"


def run(
    *,
    how: How,
    once: bool = False,
    poll_s: float = POLL_S,
    stop: threading.Event | None = None,
) -> int:
    """Look at requests until ``stop`` is set, or (``once``) nothing waits; returns how many.

    Raises:
        PermissionDenied: the caller may not judge checks here.
        StoreUnavailable: the store is away, with ``once``; else it is waited for.
    """
    stop = stop or threading.Event()
    done = 0
    while not stop.is_set():
        try:
            request = claim(client_for(), how)
            if request is not None:
                look_at(client_for(), request, how)
                done += 1
                continue
        except StoreUnavailable as error:
            if once:
                raise
            _log.warning("The store is away: %s", error.message)
        if once:
            break
        stop.wait(poll_s)
    return done


def claim(client: Client, how: How, request_id: str | None = None) -> TransitionRequest | None:
    """A request whose checks wait, or ``None``; of one request if its id is given."""
    return client.store.requests.claim(
        how.worker, lease_s=LEASE_S, request_id=request_id, cause=local_cause()
    )


def look_at(client: Client, request: TransitionRequest, how: How) -> TransitionRequest:
    """Look at all that a claimed request waits for, and tell the store; returns what it is then,
    or as it was if it went with its model.

    Raises:
        StoreUnavailable: the store is away; the request waits for the next look.
    """
    try:
        results = _found(client, request, how)
        return client.store.requests.record_checks(
            request.request_id, results, worker=how.worker, cause=local_cause()
        )
    except (Conflict, NotFound) as error:
        # Closed or deleted meanwhile, or the place has changed hands: an outcome, not a failure.
        _log.warning("Request %s: %s", request.request_id, error.message)
    try:
        return client.store.requests.get(request.request_id)
    except NotFound:
        return request


def _found(client: Client, request: TransitionRequest, how: How) -> list[GateResult]:
    rules = rules_of(client, request)
    pending = {one.place for one in request.checks if one.status is CheckStatus.PENDING}
    holder = max(request.expected, default=None)
    version = client.store.model_versions.get(request.name, request.version)
    looker = Looker(client, version, holder=holder, how=how)
    with _prolonged(client, request, how):
        results = looker.look(places_to_look_at(rules.gates, pending))
    for one in results:
        _log.info(
            "%s %d: %s: %s %s",
            *(request.name, request.version),
            one.condition,
            one.status,
            one.message,
        )
    return results


def rules_of(client: Client, request: TransitionRequest) -> TargetRules:
    """What the policy in force asks of a request; nothing, if there is none any more."""
    policy = client.store.policies.find(request.name)
    rules = None if policy is None else parse_policy(policy.text).rules_for(request.target)
    return TargetRules() if rules is None else rules


def run_own_checks(client: Client, request: TransitionRequest, how: How) -> TransitionRequest:
    """What a program does that made a request in a store of its own: look by itself, at once."""
    if request.status is not RequestStatus.OPEN:
        return request
    claimed = claim(client, how, request.request_id)
    return request if claimed is None else look_at(client, claimed, how)


@contextmanager
def _prolonged(client: Client, request: TransitionRequest, how: How) -> Iterator[None]:
    """Keep the claim while the work lasts."""
    over = threading.Event()

    def keep() -> None:
        while not over.wait(LEASE_S / 3):
            try:
                claim(client, how, request.request_id)
            except AssayError as error:
                _log.warning("The claim of %s: %s", request.request_id, error.message)

    thread = threading.Thread(target=keep, name="assay-claim", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def as_worker(how: How) -> How:
    """``how``, under this process's name."""
    return replace(how, worker=worker_name())
