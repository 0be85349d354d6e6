"""Promotion: from a run, a model or a version to a request, and to its end.

These functions work where the process's tracking URI points to, like all of ``assay``'s.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Final

from assay.client.client import Client
from assay.entities.model_versions import ModelVersion, NewModelVersion
from assay.entities.runs import Run
from assay.entities.transitions import TransitionRequest
from assay.errors import AlreadyExists, InvalidInput, RegisteredModelNotFound, TransitionRefused
from assay.fluent.reading import client_for
from assay.registry.best_run import Best, best_run, experiment_of
from assay.registry.checks import How
from assay.registry.worker import as_worker, run_own_checks
from assay.search.parse import parse_filter
from assay.search.vocabulary import RUNS
from assay.store.base import Query
from assay.store.user import local_cause

POLL_S: Final = 0.5
"""How often a request that is waited for is looked at."""


def promote(
    name: str,
    *,
    to: str,
    version: int | None = None,
    from_: str | None = None,
    best: str | None = None,
    gates: Sequence[str] = (),
    reason: str = "",
    wait: bool = False,
    timeout_s: float | None = None,
    how: How | None = None,
) -> TransitionRequest:
    """Ask for a version to be moved; register it first where it is the best of an experiment.

    In a store of one's own the pending checks are run at once, in this process's children; at a
    server a worker (``assay registry worker``) has to look at them.

    Args:
        name: of the registered model; with ``from_`` it is made if it is missing.
        to: a stage, or ``@`` and an alias.
        version: which version; left out without ``from_``, the one with the highest number.
        from_: ``experiment=<name or id>``: take the best run's model of this experiment.
        best: with ``from_``, ``metrics.<key>.max`` or ``metrics.<key>.min``.
        gates: more conditions on the run, such as ``metrics.val_accuracy >= 0.9``, judged before
            anything is changed.
        reason: why; a comment for those who approve.
        wait: return only when the request is closed.
        timeout_s: how long to wait at most; ``None``: until it is closed.
        how: of the checks that this process runs itself.

    Returns:
        The request as it is now: ``status`` tells what became of it.

    Raises:
        TransitionRefused: a gate given here isn't met, or the policy knows no such transition.
        NotFound: there is no such model, version, experiment, or no run with a model.
        Conflict: the version has an open request for this target.
        TimeoutError: it is still open after ``timeout_s``.
    """
    client = client_for()
    end = None if timeout_s is None else time.monotonic() + timeout_s
    chosen = _chosen(client, name, version, from_=from_, best=best, gates=gates, reason=reason)
    request = client.store.requests.create(
        chosen.name, chosen.version, to, cause=local_cause(reason)
    )
    if client.location.kind != "http":
        request = run_own_checks(client, request, as_worker(how or How()))
    return await_request(request.request_id, end=end) if wait else request


def await_request(
    request_id: str,
    *,
    end: float | None = None,
    told: Callable[[TransitionRequest], None] | None = None,
) -> TransitionRequest:
    """The request once it is closed.

    ``end``: a ``time.monotonic()`` after which ``TimeoutError`` is raised.
    """
    client = client_for()
    while True:
        request = client.store.requests.get(request_id)
        if not request.is_open:
            return request
        if told is not None:
            told(request)
        if end is not None and time.monotonic() >= end:
            raise TimeoutError(f"Request {request_id} is still open: {request.status_reason}")
        time.sleep(POLL_S)


def register_best(
    name: str, from_: str, best: str, *, gates: Sequence[str] = (), reason: str = ""
) -> ModelVersion:
    """Register the model of an experiment's best run; one that is registered already is found.

    Raises:
        TransitionRefused: the run doesn't meet a gate; nothing was registered.
        NotFound: there is no such experiment, or no finished run with the metric and a model.
    """
    client = client_for()
    run = best_run(client, experiment_of(client, from_), Best.parse(best))
    _require(client, run, gates, what=f"Registering the model of run {run.info.run_name!r}")
    return register_run(client, name, run, reason=reason)


def register_run(client: Client, name: str, run: Run, *, reason: str = "") -> ModelVersion:
    """Register the model that a run logged last, under a name that is made if it is missing."""
    store, cause = client.store, local_cause(reason)
    model_id = run.outputs.model_outputs[-1].model_id
    try:
        store.registered_models.get(name)
    except RegisteredModelNotFound:
        try:
            store.registered_models.create(name, cause=cause)
        except AlreadyExists:
            pass  # somebody was faster
    quoted = name.replace("'", "''")
    known = store.model_versions.search(
        Query(filter=f"name = '{quoted}' and run_id = '{run.info.run_id}'")
    )
    for version in known:
        if version.model_id == model_id:
            return version
    return store.model_versions.create(
        NewModelVersion(
            name=name, source=f"models:/{model_id}", run_id=run.info.run_id, model_id=model_id
        ),
        cause=cause,
    )


def _chosen(
    client: Client,
    name: str,
    version: int | None,
    *,
    from_: str | None,
    best: str | None,
    gates: Sequence[str],
    reason: str,
) -> ModelVersion:
    if (from_ is None) != (best is None):
        raise InvalidInput("Give both an experiment (from) and what makes its run the best (best).")
    if from_ is not None and best is not None:
        if version is not None:
            raise InvalidInput("Give a version, or an experiment to take the best of, not both.")
        return register_best(name, from_, best, gates=gates, reason=reason)
    store = client.store
    if version is None:
        found = store.registered_models.latest(name)
        if not found:
            raise InvalidInput(f"The registered model {name!r} has no version.")
        chosen = max(found, key=lambda one: one.version)
    else:
        chosen = store.model_versions.get(name, version)
    if gates:
        if chosen.run_id is None:
            raise InvalidInput(f"{chosen.uri} belongs to no run, whose metrics gates are about.")
        run = store.runs.get(chosen.run_id)
        _require(client, run, gates, what=f"Moving {chosen.uri}")
    return chosen


def _require(client: Client, run: Run, gates: Sequence[str], *, what: str) -> None:
    """Hold a run against conditions, each by itself so that the message names it."""
    reasons: list[str] = []
    for gate in gates:
        parse_filter(gate, RUNS)
        text = f"attributes.run_id = '{run.info.run_id}' and ({gate})"
        if not client.store.runs.search([run.info.experiment_id], Query(filter=text)).items:
            reasons.append(f"{gate} does not hold{_values(run, gate)}")
    if reasons:
        raise TransitionRefused(what, reasons)


def _values(run: Run, gate: str) -> str:
    named = [f"{key} is {value:.6g}" for key, value in run.data.metrics.items() if key in gate]
    return f" ({', '.join(named)})" if named else ""
