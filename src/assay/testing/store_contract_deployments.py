"""The store contract: deployments."""

# ruff: noqa: D102 - the names of tests say it all
from __future__ import annotations

from typing import Any

import pytest

from assay import errors
from assay.entities.audit import AuditAction
from assay.entities.governance import AlertKind, Deployment, ServingAlert
from assay.entities.model_versions import ModelVersion, NewModelVersion
from assay.entities.runs import Run
from assay.entities.served_figures import Part, ServedFigures, ServedMinute
from assay.entities.webhooks import WebhookEvent
from assay.store.base import Store
from assay.store.registry import NewWebhook
from assay.store.user import local_cause
from assay.testing.store_contract_base import AWKWARD, HALF_A_PAIR, ContractPart


def registered(store: Store, run: Run, name: str = "digits") -> ModelVersion:
    """A version of a folder that a run keeps; its model is made if it is missing."""
    try:
        store.registered_models.get(name)
    except errors.RegisteredModelNotFound:
        store.registered_models.create(name, cause=local_cause())
    source = f"runs:/{run.info.run_id}/model"
    new = NewModelVersion(name=name, source=source, run_id=run.info.run_id)
    return store.model_versions.create(new, cause=local_cause())


def deployed(store: Store, name: str = "digits", version: int = 1, **facts: Any) -> Deployment:
    """Note a deployment; ``facts`` are fields of ``Deployment``."""
    given = {"deployment_id": "", "target": "kubernetes", **facts}
    return store.deployments.record(
        Deployment(name=name, version=version, **given), cause=local_cause()
    )


def alert(**facts: Any) -> ServingAlert:
    """An alert about the first version of digits, unless ``facts`` say otherwise."""
    given = {"name": "digits", "version": 1, "kind": "errors", "message": "It fails.", **facts}
    return ServingAlert(**{**given, "kind": AlertKind(given["kind"])})


def told(server_id: str = "s-1", **facts: Any) -> ServedFigures:
    """What a server tells of the first version of digits, unless ``facts`` say otherwise."""
    given = {"name": "digits", "version": 1, "part": Part.MAIN, **facts}
    return ServedFigures(server_id=server_id, **given)


class DeploymentContract(ContractPart):
    """Where versions were put to work."""

    def test_deployment_reads_back(self, store: Store, run: Run) -> None:
        registered(store, run)
        made = deployed(
            store,
            deployment_id="eu/prod-1",
            endpoint="https://models.example/digits",
            details={"namespace": "ml", "note": AWKWARD},
        )
        assert made.deployment_id == "eu/prod-1"
        assert made.actor == local_cause().actor.name
        assert made.time > 0
        assert made.ended_time is None
        assert made.details == {"namespace": "ml", "note": AWKWARD}
        assert store.deployments.of() == [made]
        assert store.deployments.of(name="digits", version=1) == [made]

    def test_alert_is_in_the_audit_log_and_told_to_webhooks(self, store: Store, run: Run) -> None:
        registered(store, run)
        webhook = store.webhooks.create(
            NewWebhook(
                name="alarm",
                url="https://1.1.1.1/alarm",
                events=[WebhookEvent("model_version", "alerted")],
            ),
            cause=local_cause(),
        )
        facts = {"kind": "drift", "message": AWKWARD, "details": {"a b": AWKWARD}}
        store.deployments.alert(alert(**facts), cause=local_cause("it drifted"))
        (told,) = store.webhooks.deliveries(webhook.webhook_id)
        assert told.payload == {"name": "digits", "version": "1", **facts}
        last = list(store.audit.iterate("digits"))[-1]
        assert (last.action, last.version) == (AuditAction.VERSION_ALERTED, 1)
        assert (last.details, last.reason) == (facts, "it drifted")

    @pytest.mark.parametrize(
        "facts",
        [
            {"message": HALF_A_PAIR},
            {"message": "x" * 5_001},
            {"details": {"": "x"}},
            {"details": {"x": "y" * 2_001}},
            {"version": 0},
            {"name": ""},
        ],
    )
    def test_malformed_alert_is_refused(
        self, store: Store, run: Run, facts: dict[str, Any]
    ) -> None:
        registered(store, run)
        with pytest.raises((errors.InvalidInput, errors.LimitExceeded)):
            store.deployments.alert(alert(**facts), cause=local_cause())

    def test_alert_about_no_version_is_refused(self, store: Store, run: Run) -> None:
        registered(store, run)
        with pytest.raises(errors.NotFound):
            store.deployments.alert(alert(version=9), cause=local_cause())

    def test_deployment_without_an_id_gets_one(self, store: Store, run: Run) -> None:
        registered(store, run)
        first, second = deployed(store), deployed(store)
        assert first.deployment_id != second.deployment_id
        assert len(store.deployments.of(name="digits")) == 2

    def test_same_id_again_replaces(self, store: Store, run: Run) -> None:
        registered(store, run)
        registered(store, run)
        deployed(store, deployment_id="prod")
        second = deployed(store, version=2, deployment_id="prod", endpoint="http://new.example")
        assert store.deployments.of() == [second]
        assert store.deployments.of(name="digits", version=1) == []

    def test_the_very_same_again_changes_nothing(self, store: Store, run: Run) -> None:
        registered(store, run)
        first = deployed(store, deployment_id="prod")
        head = store.audit.head()
        assert deployed(store, deployment_id="prod") == first
        assert store.audit.head() == head

    def test_ended_deployment_stays_with_the_time(self, store: Store, run: Run) -> None:
        registered(store, run)
        made = deployed(store)
        ended = store.deployments.end(made.deployment_id, cause=local_cause("scaled down"))
        assert ended.ended_time is not None
        assert ended.ended_time >= made.time
        assert store.deployments.end(made.deployment_id, cause=local_cause()) == ended
        assert store.deployments.of(name="digits") == [ended]

    def test_deployment_that_ended_can_begin_again(self, store: Store, run: Run) -> None:
        registered(store, run)
        made = deployed(store, deployment_id="prod")
        store.deployments.end("prod", cause=local_cause())
        again = deployed(store, deployment_id="prod")
        assert again.ended_time is None
        assert again.time >= made.time
        assert store.deployments.of() == [again]

    def test_deployments_are_audited(self, store: Store, run: Run) -> None:
        registered(store, run)
        head = store.audit.head()
        made = deployed(store, endpoint="http://a.example")
        store.deployments.end(made.deployment_id, cause=local_cause("over"))
        records = store.audit.page(name="digits", after=head.seq)
        assert [(one.action, one.version) for one in records] == [
            (AuditAction.DEPLOYED, 1),
            (AuditAction.DEPLOYMENT_ENDED, 1),
        ]
        assert records[0].details["endpoint"] == "http://a.example"
        assert records[1].reason == "over"

    def test_missing_things_are_told(self, store: Store, run: Run) -> None:
        with pytest.raises(errors.RegisteredModelNotFound):
            deployed(store)
        with pytest.raises(errors.RegisteredModelNotFound):
            store.deployments.of(name="digits")
        registered(store, run)
        with pytest.raises(errors.ModelVersionNotFound):
            deployed(store, version=2)
        with pytest.raises(errors.RegistryItemNotFound):
            store.deployments.end("nothing", cause=local_cause())

    @pytest.mark.parametrize(
        "facts",
        [
            {"target": ""},
            {"target": "a\nb"},
            {"endpoint": "http://a.example/\r\nx"},
            {"endpoint": "https://user:secret@a.example"},
            {"endpoint": "https://token@a.example"},
            {"endpoint": "x" * 2_001},
            {"details": {"": "x"}},
            {"details": {"a": "x" * 2_001}},
            {"details": {f"k{number}": "x" for number in range(51)}},
            {"deployment_id": "../x"},
            {"endpoint": HALF_A_PAIR},
        ],
        ids=lambda facts: str(facts)[:60],
    )
    def test_malformed_deployment_is_refused(
        self, store: Store, run: Run, facts: dict[str, Any]
    ) -> None:
        registered(store, run)
        with pytest.raises(errors.InvalidInput) as caught:
            deployed(store, **facts)
        assert "secret" not in str(caught.value)
        assert store.deployments.of() == []

    def test_version_without_a_name_is_refused(self, store: Store) -> None:
        with pytest.raises(errors.InvalidInput):
            store.deployments.of(version=1)

    def test_deployments_follow_their_model_to_its_new_name(self, store: Store, run: Run) -> None:
        registered(store, run)
        made = deployed(store)
        store.registered_models.rename("digits", "numbers", cause=local_cause())
        assert [one.name for one in store.deployments.of(name="numbers")] == ["numbers"]
        assert store.deployments.end(made.deployment_id, cause=local_cause()).name == "numbers"

    def test_deployments_outlive_their_model(self, store: Store, run: Run) -> None:
        registered(store, run)
        made = deployed(store)
        store.registered_models.delete("digits", cause=local_cause())
        assert store.deployments.of() == [made]
        assert store.deployments.of(name="digits", version=1) == [made]
        ended = store.deployments.end(made.deployment_id, cause=local_cause())
        assert ended.ended_time is not None

    def test_figures_replace_what_the_server_told_before(self, store: Store, run: Run) -> None:
        registered(store, run)
        minute = ServedMinute(
            time=60_000, answered=3, refused=1, failed=2, seconds=0.25, buckets=[3] + [0] * 15
        )
        facts = {
            "percent": 80.0,
            "source": "models:/digits@a",
            "host": AWKWARD,
            "minutes": [minute],
        }
        store.deployments.tell([told(), told("s-1", **facts)])
        store.deployments.tell([told("s-2", deployment_id="d-1")])

        one, two = store.deployments.figures(name="digits")
        assert (one.server_id, one.percent, one.host) == ("s-1", 80.0, AWKWARD)
        assert one.minutes == [minute]
        assert one.time > 0
        assert (two.server_id, two.deployment_id, two.minutes) == ("s-2", "d-1", [])
        assert store.deployments.figures() == [one, two]
        assert store.deployments.figures(name="other") == []

    def test_figures_of_what_is_gone_are_left_out(self, store: Store, run: Run) -> None:
        registered(store, run)
        store.deployments.tell([told(name="gone"), told(version=9), told()])
        assert [one.version for one in store.deployments.figures()] == [1]
        store.registered_models.rename("digits", "numbers", cause=local_cause())
        assert [one.name for one in store.deployments.figures(name="numbers")] == ["numbers"]
        store.registered_models.delete("numbers", cause=local_cause())
        assert store.deployments.figures() == []

    @pytest.mark.parametrize(
        ("figures", "error"),
        [
            ([told("")], errors.InvalidName),
            ([told(name="a/b")], errors.InvalidInput),
            ([told(host="x" * 501)], errors.LimitExceeded),
            ([told(source=HALF_A_PAIR)], errors.InvalidInput),
            ([told(version=one) for one in range(1, 102)], errors.LimitExceeded),
            ([told(), told("s-2")], errors.InvalidInput),
            ([told(minutes=[ServedMinute(time=1, buckets=[1])])], errors.InvalidInput),
        ],
    )
    def test_figures_that_cant_be_kept_are_refused(
        self, store: Store, run: Run, figures: list[ServedFigures], error: type[Exception]
    ) -> None:
        registered(store, run)
        with pytest.raises(error):
            store.deployments.tell(figures)
        assert store.deployments.figures() == []
