"""Trials that end by themselves, and who is told: a real registry server and its webhooks, a real
receiver, a real scoring server.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from typing import Any

import pandas as pd
import pytest

import assay
from assay.policies.traffic import Abort
from assay.pyfunc import PythonModel
from assay.registry import traffic_of, try_version
from tests.e2e.test_serving import Registry
from tests.services.mlflow_client import ROOT, ServerProcess
from tests.services.scoring import ScoringServer, wait_until
from tests.services.webhook_receiver import Receiver, make_certificate, receiving

_ROW = {"dataframe_split": {"columns": ["a", "b"], "data": [[3.0, 3.0]]}}
_EXAMPLE = pd.DataFrame({"a": [0.5, -0.5], "b": [1.0, 2.0]})
_SLOW_S = 0.4


class Worse(PythonModel):
    """Answers as the champion does; of what is large it is slow, or raises."""

    def __init__(self, fault: str) -> None:
        self.fault = fault

    def predict(self, context: Any, model_input: pd.DataFrame, params: Any = None) -> Any:
        if model_input["a"].max() > 2:
            if self.fault == "fails":
                raise RuntimeError("secret of the model")
            time.sleep(_SLOW_S)
        return [1] * len(model_input)


@pytest.fixture(scope="module")
def receiver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Receiver]:
    folder = tmp_path_factory.mktemp("receiver")
    certificate = make_certificate(folder)
    with pytest.MonkeyPatch.context() as patch:
        # The registry's server trusts the authorities of this file.
        patch.setenv("SSL_CERT_FILE", str(certificate))
        with receiving(certificate) as receiver:
            yield receiver


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory, receiver: Receiver) -> Iterator[Registry]:
    """A server with a champion that answers 1, and whose webhook tells alerts."""
    folder = tmp_path_factory.mktemp("registry")
    server = ServerProcess(folder, webhook_allow=("127.0.0.1",))
    made = Registry(folder, server.start())
    made.add(1, alias="champion")
    made.client.create_webhook("alarm", receiver.url, ["model_version.alerted"], secret="s3cret")
    yield made
    made.client.close()
    assay.set_tracking_uri("")
    assert server.stop() == 0


@pytest.fixture(scope="module")
def server(registry: Registry) -> Iterator[ScoringServer]:
    reference = registry.folder / "train.csv"
    pd.DataFrame({"a": range(-50, 50), "b": range(-50, 50)}).to_csv(reference, index=False)
    log = ("--log-predictions", str(registry.folder / "log"), "--log-every", "0.2")
    options = (*log, "--drift-reference", str(reference))
    path = os.pathsep.join([str(ROOT), *sys.path])
    with registry.serve(options=options, PYTHONPATH=path) as running:
        yield running


def _add_worse(registry: Registry, fault: str) -> None:
    with assay.start_run():
        logged = assay.pyfunc.log_model(
            name=fault,
            python_model=Worse(fault),
            input_example=_EXAMPLE,
            pip_requirements=["pandas"],
            registered_model_name="digits",
        )
    version = str(logged.registered_model_version)
    registry.client.set_registered_model_alias("digits", fault, version)


def _told(receiver: Receiver, kind: str) -> list[dict[str, Any]]:
    found = [message for message in receiver.messages if message.json["data"]["kind"] == kind]
    assert all("x-mlflow-signature" in message.headers for message in found)
    return [message.json["data"] for message in found]


@pytest.mark.parametrize(
    ("fault", "abort", "reason"),
    [
        ("fails", Abort(after=15), "of its predictions failed"),
        ("slow", Abort(errors=None, slower=2.0, after=8), "its 95th percentile is"),
        ("shifted", Abort(errors=None, slower=None, shift=0.5, after=15), "differ from the other"),
    ],
)
def test_a_canary_that_does_worse_is_taken_out_and_the_audit_log_and_webhooks_say_why(
    registry: Registry,
    server: ScoringServer,
    receiver: Receiver,
    fault: str,
    abort: Abort,
    reason: str,
) -> None:
    if fault == "shifted":
        registry.add(2, alias=fault)
    else:
        _add_worse(registry, fault)
    try_version("digits", f"@{fault}", 50, abort=abort)
    failures: list[dict[str, Any]] = []

    def is_out() -> bool:
        for _ in range(10):
            response = server.post("/invocations", _ROW)
            if response.status != 200:
                failures.append(response.json())
        return traffic_of("digits").is_empty

    wait_until(is_out, "the end of the trial")

    records = registry.client.store.audit.iterate("digits")
    assert any(
        "taken out by the server that tried it" in record.reason and reason in record.reason
        for record in records
    )
    version = str(registry.client.get_model_version_by_alias("digits", fault).version)
    told = wait_until(
        lambda: [one for one in _told(receiver, "trial_ended") if one["version"] == version],
        "the webhook",
    )
    assert [(one["name"], one["details"]) for one in told] == [
        ("digits", {"selector": f"@{fault}"})
    ]
    assert reason in told[0]["message"]
    assert {one["error_code"] for one in failures} == (
        {"INTERNAL_ERROR"} if fault == "fails" else set()
    )
    assert "secret" not in str(failures) + str(told)
    answers = {server.post("/invocations", _ROW).headers["x-assay-version"] for _ in range(10)}
    assert answers == {"1"}


def test_drift_and_a_version_that_is_refused_reach_the_receiver(
    registry: Registry, server: ScoringServer, receiver: Receiver
) -> None:
    rows = [[500.0, at / 10] for at in range(300)]
    body = {"dataframe_split": {"columns": ["a", "b"], "data": rows}}
    assert server.post("/invocations", body).status == 200

    (drift,) = wait_until(lambda: _told(receiver, "drift"), "the alert about drift")
    bad = registry.add(5)
    model_id = registry.client.get_model_version("digits", bad).model_id
    (golden,) = registry.folder.rglob(f"{model_id}/artifacts/golden.json")
    golden.write_text(golden.read_text().replace("base64", "base65"))
    registry.client.set_registered_model_alias("digits", "champion", bad)
    (refused,) = wait_until(lambda: _told(receiver, "not_served"), "the alert about the version")

    assert (drift["name"], drift["version"], "a" in drift["details"]) == ("digits", "1", True)
    assert (refused["version"], "golden.json" in refused["message"]) == (bad, True)
    assert server.post("/invocations", _ROW).headers["x-assay-version"] == "1"
    wait_until(
        lambda: [one for one in server.get("/models").json()["not_served"] if "golden.json" in one],
        "the reason among the figures",
    )
