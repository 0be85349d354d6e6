"""Rules that register models by themselves: set, removed, listed, and what they did."""

from __future__ import annotations

from assay.entities.governance import Rule
from assay.http.replies import Reply
from assay.server.assay_api.encoding import answer, done
from assay.server.context import Context
from assay.server.routing import Body, Empty, Permission, Route
from assay.store.rest import registry_governance_wire as wire

GROUP = "Rules"


def set_rule(context: Context, request: wire.SetRule) -> Reply:
    """Make or replace a rule."""
    cause = context.cause(request.reason)
    return answer(context, context.store.rules.set(request.rule, cause=cause))


def remove(context: Context, request: wire.RemoveRule) -> Reply:
    """Take a rule away."""
    context.store.rules.remove(request.rule_name, cause=context.cause(request.reason))
    return done(context)


def all_rules(context: Context, _request: Empty) -> Reply:
    """All rules."""
    return answer(context, wire.Rules(context.store.rules.all()))


def runs(context: Context, request: wire.RuleRunsQuery) -> Reply:
    """What a rule did lately."""
    found = context.store.rules.runs(request.rule_name, max_results=request.max_results)
    return answer(context, wire.RuleRuns(found))


ROUTES: tuple[Route, ...] = (
    Route(
        method="POST",
        path=wire.PREFIX + "/rules/set",
        handler=set_rule,
        permission=Permission.MANAGE,
        summary="Make a rule that registers models of finished runs, or replace it.",
        request=wire.SetRule,
        response=Rule,
        body=Body.MSGPACK,
        group=GROUP,
    ),
    Route(
        method="POST",
        path=wire.PREFIX + "/rules/remove",
        handler=remove,
        permission=Permission.MANAGE,
        summary="Take a rule away.",
        request=wire.RemoveRule,
        body=Body.MSGPACK,
        group=GROUP,
    ),
    Route(
        method="GET",
        path=wire.PREFIX + "/rules/list",
        handler=all_rules,
        permission=Permission.READ,
        summary="All rules by name.",
        response=wire.Rules,
        group=GROUP,
    ),
    Route(
        method="GET",
        path=wire.PREFIX + "/rules/runs",
        handler=runs,
        permission=Permission.READ,
        summary="What a rule did with finished runs, the latest first.",
        request=wire.RuleRunsQuery,
        response=wire.RuleRuns,
        group=GROUP,
    ),
)
