"""Monitoring of real servers: what they log, what reaches a disk, and what is made of it."""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result
from sklearn.linear_model import LogisticRegression

import assay
from assay.cli.main import cli
from assay.client.client import Client
from assay.entities.webhooks import WebhookEvent
from assay.registry import try_version
from assay.serving.log.places import place_to_write
from assay.serving.log.recorder import Record
from assay.serving.log.writer import PredictionLog
from assay.serving.process.plan import Plan
from assay.serving.settings import LogSettings
from assay.store.registry import NewWebhook
from assay.store.user import local_cause
from tests.services.object_stores import ObjectStoreServer
from tests.services.scoring import ScoringServer, wait_until

_COLUMNS = ["a", "b", "income"]
_RANDOM = np.random.default_rng(11)
_FRAME = pd.DataFrame(_RANDOM.normal(size=(2_000, 3)), columns=_COLUMNS)
_LOCAL = ("--env-manager", "local")


def _model() -> LogisticRegression:
    return LogisticRegression().fit(_FRAME, (_FRAME.a + _FRAME.b > 0).astype(int))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "signs"
    assay.sklearn.save_model(
        _model(), path, input_example=_FRAME.head(2), pip_requirements=["scikit-learn"]
    )
    return path


def _split(frame: pd.DataFrame) -> dict[str, Any]:
    return {"dataframe_split": frame.to_dict(orient="split", index=False)}


def _parts(log: Path) -> list[Path]:
    return sorted(log.rglob("*.parquet"))


def _logged(log: Path) -> pd.DataFrame:
    """What the parts hold, read by pyarrow alone."""
    return pd.concat([pq.read_table(part).to_pandas() for part in _parts(log)], ignore_index=True)


def _run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["serve", *arguments])


def test_all_forms_of_requests_are_logged_when_the_server_ends_but_not_what_is_redacted(
    model: Path, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    options = (
        *(*_LOCAL, "--log-predictions", str(log), "--log-every", "3600"),
        *("--log-redact", "income", "--log-hash", "b"),
    )
    secret = 98765.4321
    rows = [[1.0, 2.0, secret], [-1.0, -2.0, secret]]
    with ScoringServer(tmp_path, str(model), options=options) as server:
        answers = [
            server.post("/invocations", {"dataframe_split": {"columns": _COLUMNS, "data": rows}}),
            server.post(
                "/invocations",
                f"a,b,income,ssn\n1,2,{secret},{secret}\n".encode(),
                content_type="text/csv",
            ),
            server.post(
                "/v2/models/signs/infer",
                {
                    "inputs": [
                        {"name": "x", "shape": [1, 3], "datatype": "FP64", "data": [-1, -2, secret]}
                    ]
                },
                x_request_id="mine-1",
            ),
        ]
        refused = server.post("/invocations", {"dataframe_records": [{"a": "no number"}]})
        assert server.post("/invocations", b"{").status == 400
        assert [one.status for one in (*answers, refused)] == [200, 200, 200, 400]
        assert not _parts(log)

    found = _logged(log)

    ids = [one.headers["x-assay-prediction-id"] for one in answers]
    assert ids[2] == "mine-1"
    assert found["prediction_id"].tolist() == [ids[0], *ids]
    assert found["row"].tolist() == [0, 1, 0, 0]
    assert found["input.a"].tolist() == [1, -1, 1, -1]
    told = [*answers[0].json()["predictions"], *answers[1].json()["predictions"]]
    told += answers[2].json()["outputs"][0]["data"]
    assert found["output.prediction"].tolist() == told
    assert set(found["outcome"]) == {"answered"}
    assert (found["latency_ms"] > 0).all()
    hashes = found["input.b#digest"].tolist()
    assert hashes[0] == hashes[2] != hashes[1] == hashes[3]
    assert not [name for name in found if "income" in name or "ssn" in name]
    for file in log.rglob("*"):
        if file.is_file():
            content = file.read_bytes()
            assert b"98765" not in content
            assert np.float64(secret).tobytes() not in content


def test_a_killed_server_leaves_whole_parts_and_nothing_half_written(
    model: Path, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    options = (*_LOCAL, "--workers", "2", "--log-predictions", str(log), "--log-every", "0.1")
    body = _split(_FRAME.head(3))
    with ScoringServer(tmp_path, str(model), options=options) as server:
        for at in range(20):
            server.post("/invocations", body, x_request_id=f"early-{at}")

        def early() -> bool:
            return bool(_parts(log)) and len(_logged(log)) == 60

        wait_until(early, "the first parts")
        for at in range(50):
            server.post("/invocations", body, x_request_id=f"late-{at}")
        assert server.process is not None
        workers = server.workers()
        server.process.send_signal(signal.SIGKILL)
        server.process.wait()
        for pid in workers:
            wait_until(lambda pid=pid: not Path(f"/proc/{pid}/fd").exists(), "the workers' end")

    found = _logged(log)

    assert {f"early-{at}" for at in range(20)} <= set(found["prediction_id"])
    assert (found.groupby("prediction_id").size() == 3).all()
    hidden = log / ".assay-store"
    shown = [one for one in log.rglob("*") if one.is_file() and hidden not in one.parents]
    assert {one.suffix for one in shown} == {".parquet", ".json"}


@pytest.fixture(scope="module")
def log(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log of requests like the training data, and of others; and what turned out."""
    folder = tmp_path_factory.mktemp("logs")
    _FRAME.to_csv(folder / "train.csv", index=False)
    later = pd.DataFrame(_RANDOM.normal(size=(600, 3)), columns=_COLUMNS)
    shifted = later.assign(b=later.b * 2 + 1)
    options = (*_LOCAL, "--log-predictions", str(folder / "log"))
    # Of one folder, two names would be one version.
    shutil.copytree(model, folder / "shifted")
    uris = (f"same={model}", str(folder / "shifted"))
    with ScoringServer(folder, *uris, options=options) as server:
        for at in range(0, 600, 100):
            for name, frame in (("same", later), ("shifted", shifted)):
                body = _split(frame[at : at + 100])
                answer = server.post(f"/models/{name}/invocations", body, x_request_id=str(at))
                assert answer.status == 200
    truth = pd.DataFrame(
        {
            "request": [str(at // 100 * 100) for at in range(600)],
            "place": [at % 100 for at in range(600)],
            "turned_out": (later.a + later.b > 0).astype(int),
        }
    )
    truth.to_csv(folder / "truth.csv", index=False)
    return folder / "log"


def test_drift_is_found_in_shifted_requests_and_in_no_others(log: Path) -> None:
    train, profile = str(log.parent / "train.csv"), str(log.parent / "profile.json")
    reference = ("--reference", train)
    same = _run("report", str(log), *reference, "--model", "same", "--json")
    shifted = _run("report", str(log), *reference, "--model", "shifted", "--json")
    assert _run("profile", train, "-o", profile).exit_code == 0
    table = _run("report", str(log), "--reference", profile)

    assert (same.exit_code, shifted.exit_code, table.exit_code) == (0, 1, 1)
    (stable,) = json.loads(same.stdout)["versions"]
    assert {one["verdict"] for one in stable["drift"]} == {"stable"}
    assert (stable["requests"], stable["rows"], stable["failed"]) == (6, 600, 0)
    assert 0 < stable["p50_ms"] <= stable["p99_ms"]
    (moved,) = json.loads(shifted.stdout)["versions"]
    assert [one["column"] for one in moved["drift"] if one["verdict"] == "drift"] == ["b"]
    assert moved["drift"][0]["ks"] > 0.25
    drifted = [one for one in table.stdout.splitlines() if one.split("\t")[3:4] == ["drift"]]
    assert [one.split("\t")[0:3] for one in drifted] == [["shifted", "0", "b"]]


def test_truth_that_comes_later_is_joined_by_id_and_row(log: Path) -> None:
    columns = ("--id-column", "request", "--row-column", "place", "--label-column", "turned_out")
    file = ("--file", str(log.parent / "truth.csv"))

    done = _run("truth", str(log), *file, *columns, "--model", "same", "--json")
    misnamed = _run("truth", str(log), *file, *columns[:-1], "nope")
    unchosen = _run("truth", str(log), *file, *columns)

    assert done.exit_code == 0, done.output
    joined = json.loads(done.stdout)
    assert (joined["predictions"], joined["joined"], joined["unknown"]) == (600, 600, 0)
    (report,) = joined["reports"]
    assert report["metrics"]["accuracy_score"] > 0.95
    assert report["rows"] == 600
    assert unchosen.exit_code == 2
    assert "--model one of 'same', 'shifted'" in unchosen.output
    assert misnamed.exit_code == 2
    assert "no column 'nope', only request, place, turned_out" in misnamed.output


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Client]:
    uri = f"sqlite:///{tmp_path}/assay.db"
    assay.set_tracking_uri(uri)
    client = Client(uri)
    yield client
    client.close()
    assay.set_tracking_uri("")


def _register(client: Client, folder: Path, *, alias: str) -> str:
    with assay.start_run():
        if alias == "champion":
            assay.log_input(assay.data.from_pandas(_FRAME), context="training", profile=True)
        else:
            assay.log_input(assay.data.from_csv(folder / "train.csv"), context="training")
        logged = assay.sklearn.log_model(
            _model(),
            name="model",
            input_example=_FRAME.head(2),
            pip_requirements=["scikit-learn"],
            registered_model_name="signs",
        )
    version = str(logged.registered_model_version)
    client.set_registered_model_alias("signs", alias, version)
    return version


def test_the_tracking_store_keeps_a_log_with_shadows_and_webhooks_tell_what_goes_wrong(
    registry: Client, tmp_path: Path
) -> None:
    _FRAME.to_csv(tmp_path / "train.csv", index=False)
    for alias in ("champion", "next"):
        _register(registry, tmp_path, alias=alias)
    try_version("signs", "@next", 100, shadow=True)
    webhook = registry.store.webhooks.create(
        NewWebhook(
            name="alarm",
            url="https://1.1.1.1/alarm",
            events=[WebhookEvent("model_version", "alerted")],
        ),
        cause=local_cause(),
    )

    def told() -> dict[str, Any]:
        found = registry.store.webhooks.deliveries(webhook.webhook_id)
        return {one.payload["kind"]: one.payload for one in found}

    shifted = _FRAME.assign(income=_FRAME.income + 3)
    options = (
        *(*_LOCAL, "--follow", "0.1", "--log-predictions", "store", "--log-every", "0.2"),
        *("--drift-reference", "training"),
    )
    uri = assay.get_tracking_uri()
    with ScoringServer(
        tmp_path, "models:/signs@champion", options=options, ASSAY_TRACKING_URI=uri
    ) as server:
        for at in range(3):
            server.post("/invocations", _split(shifted[at * 100 : at * 100 + 100]))

        def compared() -> bool:
            versions = server.get("/models").json()["routes"][0]["versions"]
            return any(one["agreed"] == 3 for one in versions)

        wait_until(compared, "answers of the shadow")
        running = _run("report", server.url, "--json")
        drift = wait_until(lambda: told().get("drift"), "an alert about drift")

        def shown() -> bool:
            return b'assay_drift_psi{model="signs",version="1",column="income"}' in (
                server.get("/metrics").data
            )

        wait_until(shown, "drift among the metrics")
        psi = server.get("/models").json()["routes"][0]["versions"][0]["drift"]
        assert psi["income"] > 0.25 > psi["a"]
        table = _run("report", server.url)
        heads, row, *_ = (line.split("\t") for line in table.stdout.splitlines())
        shown_facts = dict(zip(heads, row, strict=True))
        assert (shown_facts["version"], shown_facts["logged"]) == ("1", "3")
        assert float(shown_facts["worst_psi"]) == psi["income"]
        bad = _register(registry, tmp_path, alias="bad")
        model_id = registry.get_model_version("signs", bad).model_id
        (golden,) = tmp_path.rglob(f"{model_id}/artifacts/golden.json")
        golden.write_text(golden.read_text().replace("base64", "base65"))
        registry.set_registered_model_alias("signs", "champion", bad)
        refused = wait_until(lambda: told().get("not_served"), "an alert about the version")

    assert (drift["name"], list(drift["details"])) == ("signs", ["income"])
    assert (refused["version"], "golden.json" in refused["message"]) == (bad, True)
    actions = [one.action for one in registry.store.audit.iterate("signs")]
    assert "version.alerted" in actions
    experiment = registry.get_experiment_by_name("serving")
    assert experiment is not None
    (run,) = registry.search_runs([experiment.experiment_id])
    assert run.info.status == "FINISHED"

    done = _run("report", f"runs:/{run.info.run_id}", "--json")

    assert done.exit_code == 1
    answered, shadow = json.loads(done.stdout)["versions"]
    assert (answered["version"], answered["is_shadow"], answered["rows"]) == ("1", False, 300)
    assert (shadow["version"], shadow["is_shadow"], shadow["agreement"]) == ("2", True, 1.0)
    verdicts = {one["column"]: one["verdict"] for one in answered["drift"]}
    assert verdicts == {"a": "stable", "b": "stable", "income": "drift"}
    (facts,) = json.loads(running.stdout)["servers"]
    assert facts["routes"][0]["versions"][0]["answered"] == 3


@pytest.mark.object_store
def test_an_object_store_keeps_a_log(
    seaweedfs: ObjectStoreServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in seaweedfs.environment.items():
        monkeypatch.setenv(name, value)
    place = f"{seaweedfs.uri}/served"
    plan = Plan(number=1, versions=[], routes=[])
    record = Record(
        prediction_id="1",
        time_ms=1_790_000_000_000,
        model="digits",
        version="7",
        is_shadow=False,
        latency_ms=2.0,
        outcome="answered",
        inputs={"a": [1.0, 2.0]},
        outputs={"prediction": [0, 1]},
        rows=2,
    )
    with place_to_write(place, plan) as (store, name):
        log = PredictionLog(store, LogSettings(place=place))
        pipe = log.new_pipe()
        content = msgspec.msgpack.encode(record)
        os.write(pipe, len(content).to_bytes(4, "big") + content)
        os.close(pipe)
        log.close()

    done = _run("report", name, "--json")

    (version,) = json.loads(done.stdout)["versions"]
    assert (version["model"], version["version"], version["rows"]) == ("digits", "7", 2)
    nothing = _run("report", f"{seaweedfs.uri}/elsewhere")
    assert nothing.exit_code == 2
    assert "no prediction log" in nothing.output


def test_what_makes_no_log_is_said_before_anything_is_served(model: Path, tmp_path: Path) -> None:
    place = ("--log-predictions", str(tmp_path / "log"))
    for options, told in (
        (("--log-redact", "a"), "needs --log-predictions"),
        ((*place, "--log-redact", "incme"), "column 'incme'"),
        ((*place, "--log-redact", "a", "--log-hash", "a"), "'a'"),
        (("--log-predictions", "http://127.0.0.1:9/log"), "s3://bucket/log"),
        (("--log-predictions", str(model / "MLmodel")), "MLmodel"),
    ):
        done = _run(str(model), *_LOCAL, "--port", "0", *options)
        assert done.exit_code == 2, (options, done.output)
        assert told in done.output
        assert "Traceback" not in done.output
    nothing = _run("report", str(tmp_path))
    assert nothing.exit_code == 2
    assert "no prediction log" in nothing.output
    assert not os.path.exists(tmp_path / "log")
