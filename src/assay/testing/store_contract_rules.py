"""The store contract: rules, and which finished runs they look at."""

# ruff: noqa: D102 - the names of tests say it all
from __future__ import annotations

from typing import Any

import pytest

from assay import errors
from assay.entities.audit import AuditAction
from assay.entities.experiments import Experiment
from assay.entities.governance import Rule
from assay.entities.ids import DEFAULT_EXPERIMENT_ID, ExperimentId, RunId
from assay.entities.runs import Run, RunStatus
from assay.store.base import Store
from assay.store.user import local_cause
from assay.testing.store_contract_base import AWKWARD, HALF_A_PAIR, ContractPart, start


def rule_for(experiment_id: ExperimentId, **facts: Any) -> Rule:
    """A rule that registers ``digits``; ``facts`` are fields of ``Rule``."""
    given = {"rule_id": "", "rule_name": "best", "model_name": "digits", **facts}
    return Rule(experiment_id=experiment_id, **given)


def finish(store: Store, run: Run) -> RunId:
    """End a run well; returns its id."""
    store.runs.update(run.info.run_id, status=RunStatus.FINISHED, end_time=2_000)
    return run.info.run_id


def looked_at(store: Store, rule_name: str = "best") -> list[RunId]:
    """The runs that a rule looks at or has looked at."""
    return [one.run_id for one in store.rules.runs(rule_name)]


class RuleContract(ContractPart):
    """What rules say, and when they fire."""

    def test_rule_reads_back(self, store: Store, experiment: Experiment) -> None:
        asked = rule_for(
            experiment.experiment_id,
            filter=f"metrics.acc > 0.9 and tags.note != '{AWKWARD.replace(chr(39), chr(39) * 2)}'",
            logged_model="net",
            target="@champion",
            enabled=False,
        )
        made = store.rules.set(asked, cause=local_cause("because"))
        assert made.rule_id
        assert made.author == local_cause().actor.name
        assert made.time > 0
        assert store.rules.all() == [made]
        assert (made.filter, made.logged_model, made.target, made.enabled) == (
            asked.filter,
            "net",
            "@champion",
            False,
        )

    def test_rule_of_the_same_name_replaces_and_keeps_its_id(
        self, store: Store, experiment: Experiment
    ) -> None:
        first = store.rules.set(rule_for(experiment.experiment_id), cause=local_cause())
        second = store.rules.set(
            rule_for(experiment.experiment_id, target="Staging"), cause=local_cause()
        )
        assert second.rule_id == first.rule_id
        assert store.rules.all() == [second]

    def test_same_rule_again_changes_nothing(self, store: Store, experiment: Experiment) -> None:
        first = store.rules.set(rule_for(experiment.experiment_id), cause=local_cause())
        head = store.audit.head()
        assert store.rules.set(rule_for(experiment.experiment_id), cause=local_cause()) == first
        assert store.audit.head() == head

    def test_rules_are_listed_by_name(self, store: Store, experiment: Experiment) -> None:
        for name in ("b", "a", "c"):
            store.rules.set(rule_for(experiment.experiment_id, rule_name=name), cause=local_cause())
        assert [rule.rule_name for rule in store.rules.all()] == ["a", "b", "c"]

    def test_removed_rule_is_gone_with_what_it_noted(
        self, store: Store, experiment: Experiment, run: Run
    ) -> None:
        store.rules.set(rule_for(experiment.experiment_id), cause=local_cause())
        finish(store, run)
        store.rules.remove("best", cause=local_cause())
        assert store.rules.all() == []
        with pytest.raises(errors.RegistryItemNotFound):
            store.rules.runs("best")
        with pytest.raises(errors.RegistryItemNotFound):
            store.rules.remove("best", cause=local_cause())

    def test_changes_of_rules_are_audited(self, store: Store, experiment: Experiment) -> None:
        rule = rule_for(experiment.experiment_id)
        store.rules.set(rule, cause=local_cause("a rule"))
        store.rules.set(
            rule_for(experiment.experiment_id, target="Staging"), cause=local_cause("stricter")
        )
        store.rules.remove("best", cause=local_cause("no more"))
        found = [(one.action, one.reason) for one in store.audit.page()]
        assert found == [
            (AuditAction.RULE_SET, "a rule"),
            (AuditAction.RULE_SET, "stricter"),
            (AuditAction.RULE_REMOVED, "no more"),
        ]

    @pytest.mark.parametrize(
        "facts",
        [
            {"rule_name": ""},
            {"rule_name": "../x"},
            {"model_name": "a/b"},
            {"model_name": ""},
            {"filter": "metrics.acc >"},
            {"filter": "metrics.acc > 1) or (metrics.acc > 0"},
            {"filter": "x" * 70_000},
            {"logged_model": "a:b"},
            {"target": "@v3"},
            {"target": "none"},
            {"target": "1st"},
            {"experiment_id": "x"},
            {"rule_name": HALF_A_PAIR},
            {"filter": f"tags.a = '{HALF_A_PAIR}'"},
        ],
        ids=str,
    )
    def test_malformed_rule_is_refused(self, store: Store, facts: dict[str, Any]) -> None:
        given = {"experiment_id": DEFAULT_EXPERIMENT_ID, **facts}
        with pytest.raises(errors.InvalidInput):
            store.rules.set(rule_for(**given), cause=local_cause())
        assert store.rules.all() == []

    def test_rule_of_a_missing_or_deleted_experiment_is_refused(
        self, store: Store, experiment: Experiment
    ) -> None:
        with pytest.raises(errors.ExperimentNotFound):
            store.rules.set(rule_for(ExperimentId("123456")), cause=local_cause())
        store.experiments.delete(experiment.experiment_id)
        with pytest.raises(errors.InactiveResource):
            store.rules.set(rule_for(experiment.experiment_id), cause=local_cause())

    def test_target_that_the_model_does_not_know_is_refused(
        self, store: Store, experiment: Experiment
    ) -> None:
        store.registered_models.create("digits", cause=local_cause())
        with pytest.raises(errors.InvalidInput, match="Staging"):
            store.rules.set(
                rule_for(experiment.experiment_id, target="Canary"), cause=local_cause()
            )
        made = store.rules.set(
            rule_for(experiment.experiment_id, target="staging"), cause=local_cause()
        )
        assert made.target == "Staging"

    def test_rule_looks_at_runs_that_finish_after_it_was_set(
        self, store: Store, experiment: Experiment, run: Run
    ) -> None:
        finish(store, run)
        store.rules.set(rule_for(experiment.experiment_id), cause=local_cause())
        later = finish(store, start(store, experiment.experiment_id))
        finish(store, start(store))
        store.runs.update(
            start(store, experiment.experiment_id).info.run_id, status=RunStatus.FAILED
        )
        assert looked_at(store) == [later]

    def test_run_that_is_finished_twice_is_looked_at_once(
        self, store: Store, experiment: Experiment, run: Run
    ) -> None:
        store.rules.set(rule_for(experiment.experiment_id), cause=local_cause())
        finish(store, run)
        finish(store, run)
        assert looked_at(store) == [run.info.run_id]

    def test_change_of_a_finished_run_does_not_fire(
        self, store: Store, experiment: Experiment, run: Run
    ) -> None:
        finish(store, run)
        store.rules.set(rule_for(experiment.experiment_id), cause=local_cause())
        store.runs.update(run.info.run_id, run_name="renamed")
        store.runs.update(run.info.run_id, end_time=3_000)
        assert looked_at(store) == []

    def test_rule_that_is_switched_off_looks_at_nothing(
        self, store: Store, experiment: Experiment, run: Run
    ) -> None:
        store.rules.set(rule_for(experiment.experiment_id, enabled=False), cause=local_cause())
        finish(store, run)
        assert looked_at(store) == []

    def test_runs_of_a_rule_are_listed_the_latest_first_up_to_a_number(
        self, store: Store, experiment: Experiment
    ) -> None:
        store.rules.set(rule_for(experiment.experiment_id), cause=local_cause())
        runs = [finish(store, start(store, experiment.experiment_id)) for _ in range(3)]
        found = store.rules.runs("best")
        assert {one.run_id for one in found} == set(runs)
        assert [one.time for one in found] == sorted((one.time for one in found), reverse=True)
        assert store.rules.runs("best", max_results=2) == found[:2]
