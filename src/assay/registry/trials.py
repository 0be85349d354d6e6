"""Trials: the changes of a model's traffic rule, in a given store and in somebody's name.

``traffic`` makes them where the tracking URI points to, the server in the name of whoever asks.
"""

from __future__ import annotations

from assay.client.version_uris import find_version
from assay.entities.audit import Cause
from assay.errors import InvalidInput
from assay.policies.traffic import TAG, Abort, TrafficRule, check_traffic, parse_traffic
from assay.store.base import Store


def rule_of(store: Store, name: str) -> TrafficRule:
    """The traffic rule of a model; an empty one where it has none.

    Raises:
        RegisteredModelNotFound: there is no such model.
        InvalidInput: its tag is no traffic rule.
    """
    text = store.registered_models.get(name).tags.get(TAG)
    return TrafficRule() if text is None else parse_traffic(text)


def put_rule(store: Store, name: str, rule: TrafficRule, *, cause: Cause) -> TrafficRule:
    """Replace the traffic rule of a model. An empty one takes all trials back.

    Raises:
        RegisteredModelNotFound: there is no such model.
        InvalidInput: parts of the rule don't go together.
    """
    check_traffic(rule)
    models = store.registered_models
    if not rule.is_empty:
        models.set_tag(name, TAG, rule.text(), cause=cause)
    elif TAG in models.get(name).tags:
        models.delete_tag(name, TAG, cause=cause)
    return rule


def put_on_trial(
    store: Store,
    name: str,
    selector: str,
    percent: float,
    *,
    shadow: bool = False,
    sticky: str | None = None,
    abort: Abort | None = None,
    cause: Cause,
) -> TrafficRule:
    """Let a version answer a share of the requests, or be asked them without answering.

    Raises:
        NotFound, AliasNotFound: there is no such version.
        InvalidInput: a percentage that can't be.
    """
    find_version(store, name, selector)
    rule = rule_of(store, name).without(selector)
    shares = {selector: percent}
    changed = TrafficRule(
        canaries=rule.canaries if shadow else {**rule.canaries, **shares},
        shadows={**rule.shadows, **shares} if shadow else rule.shadows,
        sticky=sticky or rule.sticky,
        abort=abort or rule.abort,
    )
    # What a program passes is checked as what a tag says is.
    return put_rule(store, name, parse_traffic(changed.text()), cause=cause)


def require_trial(store: Store, name: str, selector: str) -> TrafficRule:
    """The rule of a model on which a version is tried.

    Raises:
        InvalidInput: it isn't.
    """
    rule = rule_of(store, name)
    if selector not in rule.canaries and selector not in rule.shadows:
        tried = ", ".join([*rule.canaries, *rule.shadows]) or "none"
        raise InvalidInput(f"{selector!r} isn't tried on {name!r}; on trial: {tried}.")
    return rule


def take_off_trial(store: Store, name: str, selector: str, *, cause: Cause) -> TrafficRule:
    """Take a canary or shadow out.

    Raises:
        InvalidInput: it is none.
    """
    rule = require_trial(store, name, selector)
    return put_rule(store, name, rule.without(selector), cause=cause)


def version_to_promote(store: Store, name: str, selector: str, *, to: str) -> int:
    """The number of the version on trial that is to be moved.

    Raises:
        InvalidInput: the version isn't on trial, or is found by the very target.
    """
    if to == selector:
        raise InvalidInput(f"{selector!r} is where the version is already; name another place.")
    require_trial(store, name, selector)
    return find_version(store, name, selector).version
