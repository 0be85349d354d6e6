"""``assay registry`` and ``assay audit``: what they print, and the exit codes scripts go by."""

from __future__ import annotations

import csv
import io
import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml

import click
import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

import assay as tracking
from assay.cli.audit import audit
from assay.cli.registry import registry
from assay.client.recorder import recorder_for
from assay.client.tracking_uri import current_location
from assay.fluent.experiments import forget_choices
from assay.fluent.model_places import find_model
from assay.fluent.reading import close_clients
from assay.models import card
from assay.store.user import local_cause
from tests.unit.cli.conftest import Assay

FRAME = pd.DataFrame(np.random.default_rng(3).normal(size=(20, 2)), columns=["a", "b"])
LABELS = (FRAME["a"] > 0).astype(int)
_GATED = """\
policy: 1
to:
  Production:
    gates:
      - {metric: acc, at_least: 0.8}
      - digests: intact
      - card: present
"""
_APPROVED = """\
policy: 1
to:
  Production:
    gates:
      - {metric: acc, at_least: 0.8}
    approvals: {count: 1, from: [bob]}
"""


@pytest.fixture(autouse=True)
def user(assay: Assay, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Ann, who has logged nothing yet."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("ASSAY_QUIET", "1")
    monkeypatch.setenv("ASSAY_CAPTURE", "none")
    monkeypatch.setenv("ASSAY_USER", "ann")
    for name in ("ASSAY_TRUSTED_KEYS", "ASSAY_REQUIRE_SIGNATURE"):
        monkeypatch.delenv(name, raising=False)
    # Set and taken away, so that what a test sets is taken away again.
    for name in ("ASSAY_TRACKING_URI", "ASSAY_EXPERIMENT_ID"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    (tmp_path / ".assay").mkdir()
    yield
    close_clients()
    forget_choices()


@pytest.fixture
def train(assay: Assay, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Logs a run of the experiment digits with a model; returns the run's id."""

    def train(acc: float) -> str:
        with monkeypatch.context() as patch:
            patch.setenv("ASSAY_TRACKING_URI", assay.uri)
            location = current_location()
            tracking.set_experiment("digits")
            with tracking.start_run() as run:
                tracking.log_metric("acc", acc)
                tracking.sklearn.log_model(
                    LogisticRegression().fit(FRAME, LABELS),
                    name="model",
                    input_example=FRAME,
                    pip_requirements=["scikit-learn"],
                    model_card="For tests.",
                )
            recorder_for(location).close()
            close_clients()
        return run.info.run_id

    return train


@pytest.fixture
def digits(assay: Assay, train: Any) -> list[str]:
    """Two versions of the registered model digits; the ids of their runs."""
    runs = [train(0.5), train(0.9)]
    for run_id in runs:
        assay("registry", "register", f"runs:/{run_id}/model", "digits")
    return runs


def set_policy(assay: Assay, tmp_path: Path, text: str) -> None:
    (tmp_path / "policy.yaml").write_text(text)
    assay("registry", "policy", "set", "digits", "-f", str(tmp_path / "policy.yaml"))


def commands(group: click.Command, path: tuple[str, ...]) -> Iterator[tuple[str, click.Command]]:
    if isinstance(group, click.Group):
        for name, command in group.commands.items():
            yield from commands(command, (*path, name))
    else:
        yield " ".join(path), group


ALL = [*commands(registry, ("registry",)), *commands(audit, ("audit",))]


@pytest.mark.parametrize(("path", "command"), ALL, ids=[path for path, _ in ALL])
def test_every_command_can_answer_in_json(path: str, command: click.Command) -> None:
    options = {name for one in command.params for name in one.opts}

    assert options & {"--json", "--format"}, path


@pytest.mark.parametrize(("path", "command"), ALL, ids=[path for path, _ in ALL])
def test_no_command_has_an_option_twice(path: str, command: click.Command) -> None:
    names = [name for one in command.params for name in (*one.opts, *one.secondary_opts)]

    assert len(names) == len(set(names)), path


def test_models_and_versions_are_listed(assay: Assay, digits: list[str]) -> None:
    _, row = assay.lines("registry", "list")
    assert row[:2] == ["digits", "2"]
    assert [model["name"] for model in assay.json("registry", "list")] == ["digits"]
    assert assay.json("registry", "list", "--filter", "name = 'others'") == []
    versions = assay.json("registry", "versions", "digits")
    assert [(one["version"], one["run_id"]) for one in versions] == [
        (2, digits[1]),
        (1, digits[0]),
    ]
    wanted = f"run_id = '{digits[0]}'"
    (one,) = assay.json("registry", "versions", "digits", "--filter", wanted)
    assert one["version"] == 1


def test_model_and_version_are_shown(assay: Assay, digits: list[str], tmp_path: Path) -> None:
    set_policy(assay, tmp_path, _GATED)
    shown = assay.json("registry", "show", "digits")
    assert shown["policy"]["revision"] == 1
    assert "Production" in shown["policy_meaning"]["targets"]
    assert "its own, revision 1, governs Production" in assay("registry", "show", "digits").output
    version = assay.json("registry", "show", "digits", "2")
    assert version["version"]["run_id"] == digits[1]
    assert version["signatures"] == []
    rows = {row[0]: row[1] for row in assay.lines("registry", "show", "digits", "2")}
    assert rows["registered by"] == "ann"


def test_aliases_and_tags_are_set_and_deleted(assay: Assay, digits: list[str]) -> None:
    assay("registry", "alias", "digits", "@champion", "2", "--reason", "the best")
    assay("registry", "tag", "digits", "team", "vision")
    assay("registry", "tag", "digits", "seen", "yes", "--version", "2")
    shown = assay.json("registry", "show", "digits")["model"]
    assert (shown["aliases"], shown["tags"]) == ({"champion": 2}, {"team": "vision"})
    assert assay.json("registry", "show", "digits", "2")["version"]["tags"] == {"seen": "yes"}

    assert assay.json("registry", "alias", "digits", "champion", "--delete")["version"] is None
    assay("registry", "tag", "digits", "team", "--delete")
    assay("registry", "tag", "digits", "seen", "--version", "2", "--delete")

    shown = assay.json("registry", "show", "digits")["model"]
    assert (shown["aliases"], shown["tags"]) == ({}, {})


def test_model_is_renamed_and_deleted(assay: Assay, digits: list[str]) -> None:
    assay("registry", "rename", "digits", "numbers")
    assert "would be deleted" in assay("registry", "delete", "numbers", "1").output
    assert assay.json("registry", "delete", "numbers", "1", "--yes")["deleted"] is True
    assert len(assay.json("registry", "versions", "numbers")) == 1
    assay("registry", "delete", "numbers", "--yes", "--reason", "retired")
    assert assay.json("registry", "list") == []
    actions = [record["action"] for record in assay.json("registry", "history", "numbers")]
    assert actions[-1] == "model.deleted"


@pytest.mark.parametrize(
    "arguments",
    [
        ["show", "unheard-of"],
        ["show", "digits", "9"],
        ["show", "digits", "zero"],
        ["versions", "unheard-of"],
        ["register", "runs:/x/model", "digits"],
        ["alias", "digits", "champion"],
        ["alias", "digits", "v1", "1"],
        ["alias", "digits", "champion", "1", "--delete"],
        ["tag", "digits", "team"],
        ["promote", "digits", "--to", "Moon"],
        ["promote", "digits", "--to", "Staging", "--from", "experiment=digits"],
        ["promote", "digits", "--to", "Staging", "--from", "nothing", "--best", "metrics.acc.max"],
        ["approve", "r-0"],
        ["requests", "--id", "r-0"],
        ["rollback", "digits"],
        ["rollback", "digits", "--stage", "Staging", "--alias", "a"],
        ["holder", "digits", "--stage", "Staging", "--alias", "a"],
        ["holder", "digits", "--at", "yesterday"],
        ["diff", "digits", "1"],
        ["lineage", "digits/9"],
        ["check", "digits", "1"],
        ["policy", "set", "digits", "-f", "none.yaml"],
        ["policy", "show"],
        ["deploy", "end", "d-0"],
        ["deploy", "record", "digits", "1", "--target", "k8s", "--detail", "x"],
        ["rules", "remove", "none"],
        ["verify", "digits", "1", "--key", "none.pub"],
    ],
    ids=" ".join,
)
def test_mistakes_are_told_with_exit_code_2(
    assay: Assay, digits: list[str], arguments: list[str]
) -> None:
    done = assay("registry", *arguments, code=2)

    assert done.stderr
    assert "Traceback" not in done.output


def test_best_of_an_experiment_is_promoted_once_its_gates_hold(
    assay: Assay, train: Any, tmp_path: Path
) -> None:
    train(0.5)
    best = train(0.9)
    arguments = ["registry", "promote", "digits", "--from", "experiment=digits"]
    arguments += ["--best", "metrics.acc.max", "--to", "Staging"]

    refused = assay(*arguments, "--gate", "metrics.acc >= 0.95", code=1)
    done = assay.json(*arguments, "--gate", "metrics.acc >= 0.8")

    assert "metrics.acc >= 0.95 does not hold (acc is 0.9)" in refused.stderr
    assert (done["status"], done["version"]) == ("completed", 1)
    assert assay.json("registry", "versions", "digits")[0]["run_id"] == best


def test_refused_promotion_names_condition_value_and_limit(
    assay: Assay, digits: list[str], tmp_path: Path
) -> None:
    set_policy(assay, tmp_path, _GATED)
    report = tmp_path / "gates.xml"
    arguments = ["registry", "promote", "digits", "--version", "1", "--to", "Production"]

    done = assay(*arguments, "--junit", str(report), code=1)

    assert "metrics.acc >= 0.8" in done.stdout
    assert "0.5" in done.stdout
    assert Xml.parse(report).getroot().findall(".//failure")
    assert assay("registry", "promote", "digits", "--to", "Production").exit_code == 0
    assert assay.json("registry", "holder", "digits")["versions"] == [2]


def test_request_is_approved_by_somebody_else(
    assay: Assay, digits: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_policy(assay, tmp_path, _APPROVED)
    arguments = ["registry", "promote", "digits", "--version", "2", "--to", "Production"]
    request = assay.json(*arguments, "--request", "--reason", "better")
    assert request["status"] == "open"
    assay(*arguments, code=2)
    assay("registry", "approve", request["request_id"], code=2)
    monkeypatch.setenv("ASSAY_USER", "bob")
    done = assay("registry", "approve", request["request_id"], "--comment", "seen")
    assert "approved by bob: seen" in done.stdout
    assert "completed" in done.stdout
    (listed,) = assay.json("registry", "requests", "digits", "--status", "completed")
    assert listed["votes"][0]["comment"] == "seen"
    assert assay.json("registry", "requests", "--id", request["request_id"]) == listed
    assert assay.lines("registry", "requests")[1][0] == request["request_id"]


def test_promotion_that_still_waits_ends_with_exit_code_1(
    assay: Assay, digits: list[str], tmp_path: Path
) -> None:
    set_policy(assay, tmp_path, _APPROVED)
    arguments = ["registry", "promote", "digits", "--to", "Production"]
    waited = assay(*arguments, "--request", "--wait", "--timeout", "0", code=1)
    assert "still open" in waited.stderr
    (request,) = assay.json("registry", "requests", "--status", "open")
    assay("registry", "cancel", request["request_id"], "--reason", "not yet")
    assay(*arguments, code=1)


def test_request_is_rejected(
    assay: Assay, digits: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_policy(assay, tmp_path, _APPROVED)
    request = assay.json("registry", "promote", "digits", "--to", "Production", "--request")
    monkeypatch.setenv("ASSAY_USER", "bob")
    assay("registry", "reject", request["request_id"], code=2)
    done = assay.json("registry", "reject", request["request_id"], "--comment", "no")
    assert (done["status"], done["status_reason"]) == ("rejected", "bob rejected it: no")


def test_dry_run_says_what_would_be_and_changes_nothing(
    assay: Assay, digits: list[str], tmp_path: Path
) -> None:
    (tmp_path / "policy.yaml").write_text(_GATED)
    policy = ["--policy", str(tmp_path / "policy.yaml")]
    report = tmp_path / "gates.xml"

    bad = assay("registry", "check", "digits", "1", *policy, "--junit", str(report), code=1)
    good = assay("registry", "check", "digits", "2", *policy)

    assert bad.stdout.splitlines()[-1] == "NOT OK"
    assert good.stdout.splitlines()[-1] == "ok"
    assert len(Xml.parse(report).getroot().findall(".//testcase")) == 3
    assert assay.json("registry", "check", "digits", "2", *policy)["ok"] is True
    assay("registry", "policy", "show", "digits", code=1)


def test_rollback_gives_a_place_back_and_goes_further_back(assay: Assay, digits: list[str]) -> None:
    for version in ("1", "2"):
        assay("registry", "promote", "digits", "--version", version, "--to", "Production")
        assay("registry", "alias", "digits", "champion", version)
    (back,) = assay.json("registry", "rollback", "digits", "--reason", "wrong on sevens")
    assert (back["version"], back["current_stage"]) == (1, "Production")
    assert assay.json("registry", "rollback", "digits", "--alias", "champion")[0]["version"] == 1
    assert "assay.rolled_back" in assay.json("registry", "show", "digits", "2")["version"]["tags"]
    assert assay("registry", "holder", "digits").stdout == "1\n"
    assert assay("registry", "holder", "digits", "--at", "2000-01-01", code=1).stdout == "none\n"


def test_history_is_told_as_table_json_and_csv(assay: Assay, digits: list[str]) -> None:
    assay("registry", "promote", "digits", "--version", "1", "--to", "Production", "-m", "first")
    records = assay.json("registry", "history", "digits")
    assert records[0]["action"] == "model.created"
    assert assay.json("audit", "log", "digits") == records
    lines = assay.lines("registry", "history", "digits")
    assert "Production: – → 1" in lines[-1][5]
    assert lines[-1][2] == "ann (claimed)"
    rows = list(csv.DictReader(io.StringIO(assay("registry", "history", "digits", "--csv").stdout)))
    assert [int(row["seq"]) for row in rows] == [one["seq"] for one in records]
    assert json.loads(rows[-1]["details"]) == records[-1]["details"]


def test_audit_log_is_verified_here_and_from_an_export(
    assay: Assay, digits: list[str], tmp_path: Path
) -> None:
    head = assay("audit", "head").stdout.strip()
    file = tmp_path / "audit.json"
    assay("audit", "export", "-o", str(file))
    assay("audit", "export", "--format", "csv", "-o", str(tmp_path / "audit.csv"))
    assert assay("audit", "verify", "--anchor", head).stdout.startswith("ok:")
    assert assay.json("audit", "verify", "--file", str(file))["ok"] is True
    assert assay("audit", "verify", "--anchor", "1", code=2).stderr
    records = json.loads(file.read_text())
    assert len((tmp_path / "audit.csv").read_text().splitlines()) > len(records)
    records[1]["actor"] = "eve"
    file.write_text(json.dumps(records))
    done = assay("audit", "verify", "--file", str(file), code=1)
    assert "record 2" in done.stdout
    file.write_text("no json")
    assay("audit", "verify", "--file", str(file), code=2)


def test_lineage_is_drawn_as_tree_graph_and_json(assay: Assay, digits: list[str]) -> None:
    made = assay.json(
        *("registry", "deploy", "record", "digits", "2", "--target", "k8s"),
        *("--endpoint", "http://127.0.0.1:1", "--detail", "pods=3"),
    )
    assert made["details"] == {"pods": "3"}
    tree = assay("registry", "lineage", "digits/2").stdout
    assert digits[1] in tree
    assert made["deployment_id"] in tree
    assert assay("registry", "lineage", "digits/2", "--dot").stdout.startswith("digraph")
    below = assay.json("registry", "lineage", digits[1], "--kind", "run", "--downstream")
    assert "model_version" in {node["kind"] for node in below["nodes"]}
    (listed,) = assay.json("registry", "deploy", "list", "digits", "--version", "2")
    assert listed["deployment_id"] == made["deployment_id"]
    assert assay.json("registry", "deploy", "end", made["deployment_id"])["ended_time"]


def test_versions_are_compared(assay: Assay, digits: list[str]) -> None:
    lines = assay.lines("registry", "diff", "digits", "1", "2")
    assert ["metrics", "acc", "0.5", "0.9"] in lines
    found = assay.json("registry", "diff", "digits/1", "digits/2")
    assert found["metrics"] == [{"name": "acc", "before": 0.5, "after": 0.9}]
    assert assay("registry", "diff", "digits", "1", "1").stdout.endswith("no differences\n")


def test_policy_is_kept_in_revisions(assay: Assay, digits: list[str], tmp_path: Path) -> None:
    set_policy(assay, tmp_path, _GATED)
    set_policy(assay, tmp_path, _APPROVED)
    file = str(tmp_path / "policy.yaml")
    assert assay("registry", "policy", "show", "digits").stdout == _APPROVED
    assert "1 of bob approve" in assay("registry", "policy", "validate", file).stdout
    assert assay.json("registry", "policy", "show", "digits")["policy"]["revision"] == 2
    assay("registry", "policy", "remove", "digits")
    assert len(assay.json("registry", "policy", "revisions", "digits")) == 3
    assay("registry", "policy", "set", "--default", "-f", file)
    assert assay.json("registry", "policy", "show", "digits")["policy"]["name"] == ""
    (tmp_path / "policy.yaml").write_text("policy: 1\nto: {None: {}}\n")
    assay("registry", "policy", "validate", file, code=2)


def test_rules_register_what_finished_since(assay: Assay, train: Any) -> None:
    train(0.1)
    made = assay.json(
        *("registry", "rules", "set", "best", "-e", "digits", "--model", "digits"),
        *("--filter", "metrics.acc > 0.8", "--to", "Staging", "-m", "from the plan"),
    )
    assert made["author"] == "ann"
    for acc in (0.5, 0.9):
        train(acc)
    statuses = sorted(one["status"] for one in assay.json("registry", "rules", "run"))
    assert statuses == ["done", "skipped"]
    assert assay.json("registry", "versions", "digits")[0]["current_stage"] == "Staging"
    assert len(assay.json("registry", "rules", "runs", "best")) == 2
    assert "then request Staging" in assay("registry", "rules", "list").stdout
    assert assay.json("registry", "rules", "remove", "best")["removed"] is True


def test_version_is_signed_and_verified(
    assay: Assay, digits: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    private, public = str(tmp_path / "k.key"), str(tmp_path / "k.pub")
    made = assay.json("registry", "key", private)
    assay("registry", "key", private, code=2)
    assay("registry", "verify", "digits", "2", "--key", public, code=1)
    assert (
        assay.json("registry", "sign", "digits", "2", "--key", private)["key_id"]
        == (made["key_id"])
    )
    monkeypatch.setenv("ASSAY_TRUSTED_KEYS", public)
    assert assay.json("registry", "verify", "digits", "2")["signer"] == "ann"
    assay("models", "verify", "models:/digits/2", "--require-signature", "--no-record")
    assay("models", "verify", "models:/digits/1", "--require-signature", "--no-record", code=2)
    got = assay("models", "get", "models:/digits/2", "-o", str(tmp_path / "got"))
    assert "signed: " in got.stdout
    assert (tmp_path / "got.sig").is_file()
    tracking.pyfunc.load_model(str(tmp_path / "got"), require_signature=True)
    monkeypatch.setenv("ASSAY_TRACKING_URI", assay.uri)
    (find_model("models:/digits/2").folder / card.FILE).write_text("Another.")
    close_clients()
    done = assay("registry", "verify", "digits", "2", "--json", code=1)
    answer = json.loads(done.stdout)
    assert answer["ok"] is False
    assert card.FILE in answer["why"]


def test_worker_looks_once_and_says_how_many(
    assay: Assay, digits: list[str], tmp_path: Path
) -> None:
    set_policy(assay, tmp_path, _GATED)
    store = assay.store()
    request = store.requests.create("digits", 2, "Production", cause=local_cause())
    store.close()
    before = {one: signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)}
    try:
        assert assay.json("registry", "worker", "--once")["requests"] == 1
        assert assay("registry", "worker", "--once").stdout == "0 requests looked at\n"
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    found = assay.json("registry", "requests", "--id", request.request_id)
    assert found["status"] == "completed"
