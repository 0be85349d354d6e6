"""Rules of an Assay server that register models by themselves."""

from __future__ import annotations

from assay.entities.audit import Cause
from assay.entities.governance import Rule, RuleRun
from assay.store.registry import RuleStore
from assay.store.rest import mlflow_wire as mw
from assay.store.rest import registry_governance_wire as gw
from assay.store.rest.registry_routes import RegistryRoutes
from assay.store.rest.server import Server


class RestRules(RuleStore):
    """Rules over HTTP."""

    def __init__(self, server: Server) -> None:
        self._routes = RegistryRoutes(server, "register models by rules")

    def set(self, rule: Rule, *, cause: Cause) -> Rule:  # noqa: D102 - the contract is in the base class
        return self._routes.post("rules/set", Rule, gw.SetRule(rule, cause.reason))

    def remove(self, rule_name: str, *, cause: Cause) -> None:  # noqa: D102
        self._routes.post("rules/remove", mw.Nothing, gw.RemoveRule(rule_name, cause.reason))

    def all(self) -> list[Rule]:  # noqa: D102
        return self._routes.get("rules/list", gw.Rules).rules

    def runs(self, rule_name: str, *, max_results: int = 100) -> list[RuleRun]:  # noqa: D102
        return self._routes.get(
            "rules/runs", gw.RuleRuns, rule_name=rule_name, max_results=max_results
        ).runs
