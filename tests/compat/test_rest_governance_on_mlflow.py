"""What MLflow has nothing like is refused in plain words on a plain MLflow server."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from assay.entities.governance import Deployment, NodeKind, Rule
from assay.entities.ids import ExperimentId, RunId
from assay.entities.jobs import Capacity, NewJob
from assay.entities.model_versions import VersionSignature
from assay.errors import InvalidInput
from assay.store.rest import RestStore, open_rest_store
from assay.store.user import local_cause

pytestmark = [pytest.mark.mlflow, pytest.mark.slow]

CAUSE = local_cause()
RULE = Rule(rule_id="r", rule_name="r", experiment_id=ExperimentId("0"), model_name="m")
DEPLOYMENT = Deployment(deployment_id="d", name="m", version=1, target="local")
JOB = NewJob(job_id="j", queue="q", run_id=RunId("r"), launch="{}")
SIGNATURE = VersionSignature(key_id="0" * 64, signer="ada", time=1, bundle="{}")
CALLS: dict[str, Callable[[RestStore], object]] = {
    "policies.set": lambda store: store.policies.set("m", "policy: 1", cause=CAUSE),
    "policies.remove": lambda store: store.policies.remove("m", cause=CAUSE),
    "policies.find": lambda store: store.policies.find("m"),
    "policies.revisions": lambda store: store.policies.revisions("m"),
    "requests.create": lambda store: store.requests.create("m", 1, "Production", cause=CAUSE),
    "requests.get": lambda store: store.requests.get("x"),
    "requests.search": lambda store: store.requests.search(),
    "requests.approve": lambda store: store.requests.approve("x", cause=CAUSE),
    "requests.reject": lambda store: store.requests.reject("x", cause=CAUSE),
    "requests.cancel": lambda store: store.requests.cancel("x", cause=CAUSE),
    "requests.claim": lambda store: store.requests.claim("w", cause=CAUSE),
    "requests.record_checks": lambda store: store.requests.record_checks(
        "x", [], worker="w", cause=CAUSE
    ),
    "requests.rollback": lambda store: store.requests.rollback("m", "Production", cause=CAUSE),
    "signatures.add": lambda store: store.signatures.add("m", 1, SIGNATURE, cause=CAUSE),
    "signatures.of": lambda store: store.signatures.of("m", 1),
    "audit.page": lambda store: store.audit.page(),
    "audit.head": lambda store: store.audit.head(),
    "audit.verify": lambda store: store.audit.verify(),
    "audit.holders": lambda store: store.audit.holders("m", "Production", 1),
    "audit.iterate": lambda store: list(store.audit.iterate()),
    "rules.set": lambda store: store.rules.set(RULE, cause=CAUSE),
    "rules.remove": lambda store: store.rules.remove("r", cause=CAUSE),
    "rules.all": lambda store: store.rules.all(),
    "rules.runs": lambda store: store.rules.runs("r"),
    "deployments.record": lambda store: store.deployments.record(DEPLOYMENT, cause=CAUSE),
    "deployments.end": lambda store: store.deployments.end("d", cause=CAUSE),
    "deployments.tell": lambda store: store.deployments.tell([]),
    "deployments.figures": lambda store: store.deployments.figures(),
    "deployments.of": lambda store: store.deployments.of(),
    "jobs.enqueue": lambda store: store.jobs.enqueue(JOB, cause=CAUSE),
    "jobs.lease": lambda store: store.jobs.lease(
        ["q"], agent="a", lease_id="l", lease_s=60, capacity=Capacity(), cause=CAUSE
    ),
    "jobs.get": lambda store: store.jobs.get("j"),
    "jobs.search": lambda store: store.jobs.search(),
    "jobs.cancel": lambda store: store.jobs.cancel("j", cause=CAUSE),
    "lineage.graph": lambda store: store.lineage.graph(NodeKind.RUN, "r"),
}


@pytest.fixture
def store(mlflow_url: str) -> Iterator[RestStore]:
    store = open_rest_store(mlflow_url)
    yield store
    store.close()


@pytest.mark.parametrize("call", list(CALLS))
def test_governance_is_refused_clearly(store: RestStore, call: str) -> None:
    with pytest.raises(InvalidInput, match="is not an Assay server and can't"):
        CALLS[call](store)
