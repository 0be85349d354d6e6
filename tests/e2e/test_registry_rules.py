"""A run finishes through a real client, and the server registers its model by itself."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from assay.entities.audit import Actor, AuditAction, Cause
from assay.entities.governance import NodeKind, Rule, RuleRun, RuleRunStatus
from assay.entities.ids import DEFAULT_EXPERIMENT_ID
from assay.errors import InvalidInput
from assay.registry.rules import run_rules
from assay.store.base import Query
from assay.store.rest import RestStore, open_rest_store
from tests.services.mlflow_client import ServerProcess

T = TypeVar("T")
LIMIT_S = 60.0
CAUSE = Cause(Actor(""), "for the test")
_TRAIN = """
import sys
import {client} as ml
with ml.start_run():
    ml.log_metric("acc", float(sys.argv[1]))
    ml.pyfunc.log_model(name="net", python_model=lambda model_input: model_input, {more})
"""
_CLIENTS = {
    "assay": _TRAIN.format(client="assay", more=""),
    "mlflow": _TRAIN.format(client="mlflow", more='pip_requirements=["mlflow"]'),
}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    server = ServerProcess(tmp_path, workers=2)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def store(server: ServerProcess) -> Iterator[RestStore]:
    store = open_rest_store(server.url)
    yield store
    store.close()


def wait_for(look: Callable[[], T | None]) -> T:
    """What ``look`` finds, as soon as it does."""
    end = time.monotonic() + LIMIT_S
    while time.monotonic() < end:
        found = look()
        if found is not None:
            return found
        time.sleep(0.05)
    pytest.fail("it never came")


def train(server: ServerProcess, client: str, *, acc: float) -> None:
    """Run a training script, which logs a model and ends well."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("ASSAY_", "MLFLOW_"))}
    result = subprocess.run(
        [sys.executable, "-c", _CLIENTS[client], str(acc)],
        cwd=server.folder,
        env={
            **kept,
            "MLFLOW_TRACKING_URI": server.url,
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "GIT_PYTHON_REFRESH": "quiet",
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert result.returncode == 0, result.stderr


def closed(store: RestStore, count: int = 1) -> list[RuleRun] | None:
    """What the rule did, once it is done with so many runs."""
    runs = store.rules.runs("best")
    done = [one for one in runs if one.status is not RuleRunStatus.WAITING]
    return done if len(done) == count else None


def set_rule(store: RestStore) -> None:
    rule = Rule(
        rule_id="",
        rule_name="best",
        experiment_id=DEFAULT_EXPERIMENT_ID,
        model_name="digits",
        filter="metrics.acc > 0.9",
        target="Staging",
    )
    store.rules.set(rule, cause=CAUSE)


@pytest.mark.parametrize("client", ["assay", "mlflow"])
def test_model_of_a_good_run_is_registered_and_requested(
    server: ServerProcess, store: RestStore, client: str
) -> None:
    set_rule(store)
    train(server, client, acc=0.99)
    (done,) = wait_for(lambda: closed(store))
    assert done.status is RuleRunStatus.DONE, done.message
    version = store.model_versions.get("digits", 1)
    assert (version.run_id, version.current_stage) == (done.run_id, "Staging")
    assert done.request_id is not None
    assert store.requests.get(done.request_id).version == 1
    graph = store.lineage.graph(NodeKind.VERSION, "digits/1")
    assert f"run:{done.run_id}" in {edge.source for edge in graph.edges}
    actions = [record.action for record in store.audit.page(name="digits")]
    assert actions[-1] == AuditAction.RULE_FIRED


def test_run_that_is_not_good_enough_is_left_alone(server: ServerProcess, store: RestStore) -> None:
    set_rule(store)
    train(server, "assay", acc=0.5)
    (skipped,) = wait_for(lambda: closed(store))
    assert skipped.status is RuleRunStatus.SKIPPED
    assert skipped.version is None
    assert len(store.registered_models.search(Query())) == 0


def test_rules_are_worked_off_after_a_crash_of_the_server(
    server: ServerProcess, store: RestStore
) -> None:
    set_rule(store)
    train(server, "assay", acc=0.99)
    server.stop(signal.SIGKILL)
    server.start()
    again = open_rest_store(server.url)
    (done,) = wait_for(lambda: closed(again))
    again.close()
    assert (done.status, done.version) == (RuleRunStatus.DONE, 1)


def test_server_works_its_rules_off_alone_and_stops_at_once(
    server: ServerProcess, store: RestStore
) -> None:
    set_rule(store)
    with pytest.raises(InvalidInput, match="by the server itself"):
        run_rules(store)
    started = time.monotonic()
    assert server.stop() == 0
    assert time.monotonic() - started < 5
