"""The registry from the command line, in real processes: alone, and as a team at a server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml

import pytest

from assay.artifacts.digests import sha256_of_file
from assay.store.sql.store import open_sql_store
from assay.store.user import local_cause
from tests.services.mlflow_client import ServerProcess

_TRAIN = """
import sys
import numpy as np, pandas as pd
from sklearn.linear_model import LogisticRegression
import assay

frame = pd.DataFrame(np.random.default_rng(5).normal(size=(60, 2)), columns=["a", "b"])
labels = (frame["a"] + frame["b"] > 0).astype(int)
frame.assign(label=labels).to_csv("test.csv", index=False)
assay.set_experiment("digits")
for acc in map(float, sys.argv[1:]):
    with assay.start_run() as run:
        assay.log_metric("val_accuracy", acc)
        assay.log_artifact("test.csv")
        model = LogisticRegression().fit(frame, labels if acc > 0.5 else 1 - labels)
        assay.sklearn.log_model(
            model,
            name="model",
            input_example=frame,
            pip_requirements=["scikit-learn"],
            model_card="For tests.",
        )
    print(run.info.run_id)
"""
_POLICY = """\
policy: 1
to:
  Production:
    gates:
      - {{metric: val_accuracy, at_least: 0.8}}
      - golden: replayed
      - digests: intact
      - card: present
      - recomputed: accuracy_score
        data: {data}
        digest: {digest}
        targets: label
        model_type: classifier
        at_least: 0.9
        not_worse_than_holder_by: "5 %"
        higher_is_better: true
      - signature: made
    approvals: {{count: 1, from: [bob, "role:ml-lead"]{signed_in}}}
rollback: {{by: [bob, carol]}}
"""


class Person:
    """Somebody at a terminal."""

    def __init__(self, folder: Path, uri: str, **variables: str) -> None:
        self.folder, self.uri = folder, uri
        folder.mkdir(exist_ok=True)
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("ASSAY_", "MLFLOW_"))}
        self.variables = {
            **kept,
            "ASSAY_QUIET": "1",
            "ASSAY_CAPTURE": "none",
            "ASSAY_TRACKING_URI": uri,
            "XDG_STATE_HOME": str(folder / "state"),
            "XDG_CACHE_HOME": str(folder / "cache"),
            **variables,
        }

    def python(self, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=self.folder,
            env=self.variables,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        assert done.returncode == code, f"{arguments}\n{done.stdout}\n{done.stderr}"
        return done

    def __call__(self, *arguments: str, code: int = 0) -> str:
        done = self.python("-m", "assay", *arguments, code=code)
        assert "Traceback" not in done.stderr, done.stderr
        return done.stdout

    def json(self, *arguments: str, code: int = 0) -> Any:
        return json.loads(self(*arguments, "--json", code=code))

    def train(self, *accuracies: float) -> list[str]:
        return self.python("-c", _TRAIN, *map(str, accuracies)).stdout.split()

    def set_policy(self, *, data: str, signed_in: bool = False) -> None:
        text = _POLICY.format(
            data=data,
            digest=sha256_of_file(self.folder / "test.csv"),
            signed_in=", signed_in: true" if signed_in else "",
        )
        (self.folder / "policy.yaml").write_text(text)
        self("registry", "policy", "set", "digits", "-f", "policy.yaml", "-m", "the team's")


@pytest.mark.slow
def test_one_person_with_a_store_of_her_own(tmp_path: Path) -> None:
    ann = Person(tmp_path / "ann", str(tmp_path / "store"), ASSAY_USER="ann")
    bob = Person(tmp_path / "bob", str(tmp_path / "store"), ASSAY_USER="bob")
    ann.train(0.3, 0.9)
    ann("registry", "key", "signing.key")
    best = ["--from", "experiment=digits", "--best", "metrics.val_accuracy.max"]
    promote = ["registry", "promote", "digits", "--to", "Production", "--key", "signing.key"]
    ann(*promote, *best, "--gate", "metrics.val_accuracy > 0.95", code=1)
    assert ann.json("registry", "list") == []
    ann("registry", "promote", "digits", *best, "--to", "Staging")
    ann.set_policy(data=str(ann.folder / "test.csv"))
    ann("registry", "check", "digits", "1", "--to", "Production", "--key", "signing.key")

    request = ann.json(*promote, "--request", "--junit", "gates.xml")

    assert [one["status"] for one in request["checks"]] == ["passed"] * 6
    assert request["status"] == "open"
    cases = Xml.parse(ann.folder / "gates.xml").getroot().findall(".//testcase")
    assert len(cases) >= 6
    ann("registry", "approve", request["request_id"], code=2)
    assert bob.json("registry", "approve", request["request_id"])["status"] == "completed"
    assert ann("registry", "holder", "digits").strip() == "1"
    ann("registry", "verify", "digits", "1", "--key", "signing.pub")
    ann("audit", "verify")


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Person]]:
    """A server that asks for sign-in, and those who may."""
    folder = tmp_path_factory.mktemp("team")
    roles = {
        "alice": ["writer"],
        "bob": ["writer"],
        "lena": ["writer", "ml-lead"],
        "carol": ["manager"],
        "wanda": ["worker"],
        "rita": ["reader"],
    }
    store = open_sql_store(f"sqlite:///{folder}/assay.db", artifact_root=str(folder / "artifacts"))
    secrets = {}
    for name, held in roles.items():
        store.users.set(name, held, cause=local_cause())
        secrets[name] = store.users.make_token(name, cause=local_cause())[1]
    store.close()
    server = ServerProcess(folder, auth="tokens")
    server.start()
    yield {
        name: Person(folder / name, server.url, ASSAY_TRACKING_TOKEN=secret)
        for name, secret in secrets.items()
    }
    server.stop()


@pytest.mark.slow
def test_team_promotes_and_rolls_back_at_a_server(team: dict[str, Person]) -> None:
    alice, bob, carol, wanda = (team[name] for name in ("alice", "bob", "carol", "wanda"))
    runs = alice.train(0.85, 0.9, 0.3)
    data = f"runs:/{runs[0]}/test.csv"
    for run_id in runs:
        alice("registry", "register", f"runs:/{run_id}/model", "digits")
    (carol.folder / "test.csv").write_bytes((alice.folder / "test.csv").read_bytes())
    carol.set_policy(data=data, signed_in=True)
    wanda("registry", "key", "worker.key")

    for version in ("1", "2"):
        promote = ["registry", "promote", "digits", "--version", version, "--to", "Production"]
        request = alice.json(*promote, "--request", "--reason", "better")
        assert request["status"] == "open"
        assert request["requested_by"] == "alice"
        alice("registry", "approve", request["request_id"], code=2)
        approver = bob if version == "1" else team["lena"]
        waits = approver.json("registry", "approve", request["request_id"], "--comment", "seen")
        assert waits["status"] == "open"
        looked = wanda.json("registry", "worker", "--once", "--trust", "--key", "worker.key")
        assert looked["requests"] == 1
        done = alice.json("registry", "requests", "--id", request["request_id"])
        assert (done["status"], done["status_reason"]) == ("completed", "")
        assert {one["status"] for one in done["checks"]} == {"passed"}
        assert done["votes"][0]["verified"] is True

    refused = alice.json("registry", "promote", "digits", "-v", "3", "--to", "Production", code=1)
    assert refused["status"] == "refused"
    assert alice("registry", "holder", "digits").strip() == "2"
    alice("registry", "verify", "digits", "2", "--key", str(wanda.folder / "worker.pub"))
    alice("registry", "rollback", "digits", code=2)
    (back,) = bob.json("registry", "rollback", "digits", "--reason", "wrong on sevens")
    assert (back["version"], back["current_stage"]) == (1, "Production")
    history = alice.json("registry", "history", "digits")
    assert history[-1]["action"] == "rolled_back"
    assert (history[-1]["actor"], history[-1]["verified"]) == ("bob", True)
    assert alice.json("audit", "verify")["ok"] is True


@pytest.mark.slow
def test_each_may_do_what_the_role_allows(team: dict[str, Person]) -> None:
    rita, alice = team["rita"], team["alice"]
    alice.train(0.95)
    best = ["--from", "experiment=digits", "--best", "metrics.val_accuracy.max"]
    (alice.folder / "p.yaml").write_text("policy: 1\nto:\n  Staging:\n    gates: [card: present]\n")

    rita("registry", "promote", "roles", *best, "--to", "Staging", code=2)
    alice("registry", "policy", "set", "roles", "-f", "p.yaml", code=2)
    alice("registry", "worker", "--once", code=2)

    alice("registry", "promote", "roles", *best, "--to", "Staging")
    assert rita.json("registry", "show", "roles", "1")["version"]["current_stage"] == "Staging"
    assert rita.json("registry", "lineage", "roles/1")["nodes"]
    assert rita.json("registry", "diff", "roles", "1", "1")["files"] == []
    assert "digraph" in rita("registry", "lineage", "roles/1", "--dot")
    assert rita.json("audit", "head")["seq"] > 0
