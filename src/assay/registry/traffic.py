"""Traffic of a registered model: trying versions on a part of its requests, and ending trials.

What is written here is carried out by every server that serves the model by a stage or an alias.
"""

from __future__ import annotations

from assay.entities.transitions import RequestStatus, TransitionRequest
from assay.fluent.reading import client_for
from assay.policies.traffic import Abort, TrafficRule
from assay.registry.promotion import promote
from assay.registry.trials import (
    put_on_trial,
    put_rule,
    rule_of,
    take_off_trial,
    version_to_promote,
)
from assay.store.user import local_cause


def traffic_of(name: str) -> TrafficRule:
    """The traffic rule of a model; an empty one where it has none.

    Raises:
        RegisteredModelNotFound: there is no such model.
        InvalidInput: its tag is no traffic rule.
    """
    return rule_of(client_for().store, name)


def set_traffic(name: str, rule: TrafficRule, *, reason: str = "") -> TrafficRule:
    """Replace the traffic rule of a model. An empty one takes all trials back.

    Raises:
        RegisteredModelNotFound: there is no such model.
        InvalidInput: parts of the rule don't go together.
    """
    return put_rule(client_for().store, name, rule, cause=local_cause(reason))


def try_version(
    name: str,
    selector: str,
    percent: float,
    *,
    shadow: bool = False,
    sticky: str | None = None,
    abort: Abort | None = None,
    reason: str = "",
) -> TrafficRule:
    """Let a version answer a share of the requests, or be asked them without answering.

    Args:
        name: of the registered model.
        selector: ``@alias``, a stage or a number.
        percent: of the requests.
        shadow: whether its answers are only counted.
        sticky: header whose value decides who answers; ``None`` keeps what was set.
        abort: what ends the trial; ``None`` keeps what was set.
        reason: for the audit log.

    Raises:
        NotFound, AliasNotFound: there is no such version.
        InvalidInput: a percentage that can't be.
    """
    return put_on_trial(
        client_for().store,
        name,
        selector,
        percent,
        shadow=shadow,
        sticky=sticky,
        abort=abort,
        cause=local_cause(reason),
    )


def end_trial(name: str, selector: str, *, reason: str = "") -> TrafficRule:
    """Take a canary or shadow out.

    Raises:
        InvalidInput: it is none.
    """
    return take_off_trial(client_for().store, name, selector, cause=local_cause(reason))


def promote_trial(name: str, selector: str, *, to: str, reason: str = "") -> TransitionRequest:
    """Give a stage or ``@alias`` to the version on trial, by the model's policy; once it has moved,
    the trial ends.

    Raises:
        TransitionRefused: the policy doesn't let it.
        InvalidInput: the version isn't on trial, or is found by the very target.
    """
    version = version_to_promote(client_for().store, name, selector, to=to)
    request = promote(name, to=to, version=version, reason=reason)
    if request.status is RequestStatus.COMPLETED:
        end_trial(name, selector, reason=f"promoted to {to}")
    return request
