"""Rules at work: a run has finished, so its model is registered and a move requested.

Who works off finished runs is no matter: a loop of a server, or a command beside a local store.
Everything here may happen twice, after a crash or a lease that ended: a model that is registered is
found again, and a version is asked for one target once. The author of a rule is the author of what
it does, so that "the author may not approve" holds for them too.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from assay import errors
from assay.entities.audit import Actor, Cause
from assay.entities.governance import Rule, RuleRun, RuleRunStatus
from assay.entities.logged_models import LoggedModel, LoggedModelStatus
from assay.entities.model_versions import ModelVersion, NewModelVersion
from assay.entities.names import artifact_path
from assay.entities.runs import Run, RunStatus
from assay.entities.transitions import TransitionRequest
from assay.store.base import Query, Store
from assay.store.registry import RuleClaim, RuleOutcome, SupportsRuleWork, rule_filter

_logger = logging.getLogger(__name__)

LEASE_S: Final = 120.0
"""How long one finished run may take; looking at it is a handful of queries."""
PATIENCE_S: Final = 3_600.0
"""How long a rule waits for the files of a model, or for what may pass by itself."""
LONGEST_DELAY_S: Final = 60.0
_MOST_MODELS: Final = 100
"""Models of a run that are looked at: the latest ones."""
_HISTORY_TAG: Final = "mlflow.log-model.history"
"""JSON list of the models that clients of MLflow 1 and 2 logged, which have no id."""


class NotYet(Exception):
    """Something that the rule needs isn't there yet, but may come."""


def run_rules(store: Store, stopping: threading.Event | None = None) -> list[RuleRun]:
    """Work off all finished runs that rules wait for, until none is due; returns what came of them.

    Args:
        store: a local store; a server works off its own.
        stopping: ends it between two runs when it is set.

    Raises:
        InvalidInput: the store is a server's.
        StoreUnavailable, StoreFull: the database is away or full; nothing is lost.
    """
    work = store.rules
    if not isinstance(work, SupportsRuleWork):
        raise errors.InvalidInput(f"The rules of {store.uri} are run by the server itself.")
    done = []
    while stopping is None or not stopping.is_set():
        claim = work.claim(lease_s=LEASE_S)
        if claim is None:
            break
        closed = _attend(store, work, claim)
        if closed is not None:
            done.append(closed)
    return done


def cause_of(claim: RuleClaim) -> Cause:
    """In whose name a rule acts, and why."""
    rule = claim.rule
    actor = Actor(rule.author, origin=f"rule {rule.rule_name}")
    return Cause(actor, f"Rule {rule.rule_name}: run {claim.run_id} finished")


def _attend(store: Store, work: SupportsRuleWork, claim: RuleClaim) -> RuleRun | None:
    """Do what the rule says, or put it off; ``None`` where it is put off."""
    outcome: RuleOutcome | None
    try:
        outcome = apply_rule(store, work, claim)
    except (errors.StoreUnavailable, errors.StoreFull):
        raise
    except (NotYet, errors.Conflict) as error:
        outcome = _put_off(work, claim, str(error))
    except errors.AssayError as error:
        outcome = _failed(error.message)
    except Exception as error:
        # One run that nobody thought of must not keep the rules from all others.
        _logger.exception("rule %s failed at run %s", claim.rule.rule_name, claim.run_id)
        outcome = _put_off(work, claim, f"{type(error).__name__}: {error}")
    return None if outcome is None else work.finish(claim, outcome, cause=cause_of(claim))


def _put_off(work: SupportsRuleWork, claim: RuleClaim, why: str) -> RuleOutcome | None:
    if time.time() - claim.time / 1_000 > PATIENCE_S:
        return _failed(f"Given up after an hour: {why}")
    delay_s = min(2.0 ** min(claim.attempts - 1, 10), LONGEST_DELAY_S)
    work.postpone(claim, delay_s=delay_s, message=why)
    return None


def _failed(why: str, version: int | None = None) -> RuleOutcome:
    return RuleOutcome(status=RuleRunStatus.FAILED, message=why, version=version)


def _done(what: str, version: ModelVersion, request_id: str | None = None) -> RuleOutcome:
    return RuleOutcome(
        status=RuleRunStatus.DONE, message=what, version=version.version, request_id=request_id
    )


def _skipped(why: str) -> RuleOutcome:
    return RuleOutcome(status=RuleRunStatus.SKIPPED, message=why)


def apply_rule(store: Store, work: SupportsRuleWork, claim: RuleClaim) -> RuleOutcome:
    """What a rule does with a finished run.

    Raises:
        NotYet: the files of its model are still under way.
        AssayError: it can't be registered.
    """
    rule = claim.rule
    if not rule.enabled:
        return _skipped("The rule is switched off.")
    query = Query(filter=rule_filter(rule, claim.run_id), max_results=1)
    run = next(iter(store.runs.search([rule.experiment_id], query)), None)
    if run is None:
        return _skipped("The run doesn't fit the rule's filter, or was deleted.")
    if run.info.status is not RunStatus.FINISHED:
        return _skipped(f"The run is {run.info.status.value} again.")
    new = _model_to_register(store, rule, run)
    if new is None:
        named = f" named {rule.logged_model!r}" if rule.logged_model else ""
        return _skipped(f"The run made no model{named}.")
    version = work.register(claim, new, cause=cause_of(claim))
    if not rule.target:
        return _done(f"Registered as {version.uri}.", version)
    try:
        return _request(store, claim, version)
    except (errors.StoreUnavailable, errors.StoreFull, errors.Conflict):
        raise
    except errors.AssayError as error:
        return _failed(f"Registered as {version.uri}. {error.message}", version.version)


def _model_to_register(store: Store, rule: Rule, run: Run) -> NewModelVersion | None:
    models = _logged_models(store, rule, run)
    if models:
        model = models[-1]
        if model.status is LoggedModelStatus.PENDING:
            raise NotYet(f"The files of the logged model {model.model_id} are not complete.")
        if model.status is LoggedModelStatus.FAILED:
            raise errors.InvalidInput(
                f"The files of the logged model {model.model_id} could not be stored."
            )
        return NewModelVersion(
            name=rule.model_name,
            source=f"models:/{model.model_id}",
            run_id=model.source_run_id or run.info.run_id,
            model_id=model.model_id,
        )
    paths = [
        path
        for path in _older_models(run)
        if rule.logged_model in ("", path, path.rpartition("/")[2])
    ]
    if not paths:
        return None
    source = f"runs:/{run.info.run_id}/{paths[-1]}"
    return NewModelVersion(name=rule.model_name, source=source, run_id=run.info.run_id)


def _logged_models(store: Store, rule: Rule, run: Run) -> list[LoggedModel]:
    """Those of a run that the rule may take, the last at the end."""
    terms = [f"source_run_id = '{run.info.run_id}'"]
    if rule.logged_model:
        quoted = rule.logged_model.replace("'", "''")
        terms.append(f"name = '{quoted}'")
    query = Query(filter=" and ".join(terms), max_results=_MOST_MODELS)
    page = store.logged_models.search([run.info.experiment_id], query)
    found = {model.model_id: model for model in page}
    steps = {made.model_id: made.step for made in run.outputs.model_outputs}
    for model_id in list(steps)[-_MOST_MODELS:]:
        if model_id not in found:
            try:
                model = store.logged_models.get(model_id)
            except errors.LoggedModelNotFound:
                continue
            if rule.logged_model in ("", model.name):
                found[model_id] = model
    return sorted(
        found.values(), key=lambda m: (steps.get(m.model_id, 0), m.creation_timestamp, m.model_id)
    )


def _older_models(run: Run) -> Iterator[str]:
    """Where the models that have no id are, the last at the end."""
    text = run.data.tags.get(_HISTORY_TAG, "[]")
    try:
        entries: Any = msgspec.json.decode(text)
    except msgspec.DecodeError:
        return
    for entry in entries if isinstance(entries, list) else ():
        path = entry.get("artifact_path") if isinstance(entry, dict) else None
        if isinstance(path, str):
            yield artifact_path(path)


def _request(store: Store, claim: RuleClaim, version: ModelVersion) -> RuleOutcome:
    """Ask for the rule's target, unless that was done or isn't needed."""
    target = claim.rule.target
    request = _asked_before(store, version, target)
    if request is None and _is_there(version, target):
        return _done(f"Registered as {version.uri}, which is in {target} already.", version)
    if request is None:
        request = store.requests.create(
            version.name, version.version, target, cause=cause_of(claim)
        )
    why = f": {request.status_reason}" if request.status_reason else ""
    told = f"Registered as {version.uri}; the request for {target} is {request.status}{why}"
    return _done(told, version, request.request_id)


def _asked_before(store: Store, version: ModelVersion, target: str) -> TransitionRequest | None:
    page = store.requests.search(name=version.name, version=version.version)
    return next((one for one in page if _same_place(one.target, target)), None)


def _is_there(version: ModelVersion, target: str) -> bool:
    if target.startswith("@"):
        return target[1:] in version.aliases
    return _same_place(version.current_stage, target)


def _same_place(one: str, other: str) -> bool:
    """Stages match in any case, aliases exactly."""
    return one == other or (not one.startswith("@") and one.lower() == other.lower())
