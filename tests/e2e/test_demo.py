"""`make demo`, as it runs on a fresh machine but for the installation: real training, real runs."""

from __future__ import annotations

import os
import re
import select
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import urllib3

from assay.artifacts.transfer import download
from assay.client.client import Client
from assay.entities.logged_models import LoggedModelStatus
from assay.entities.names import ArtifactPath
from assay.entities.runs import Run, RunStatus
from assay.entities.transitions import CheckStatus, RequestStatus
from assay.models.loading import load_native
from tests.services.environment import clean_environment

EXAMPLES = Path(__file__).parents[2] / "examples"
EPOCHS = 10
"""Fewer than the demo's 30: enough for what it shows."""


def demo(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(EXAMPLES / "demo.py"), *arguments],
        cwd=folder,
        env=clean_environment(COLUMNS="120", EPOCHS=str(EPOCHS)),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder in which the demo ran, and what it printed."""
    folder = tmp_path_factory.mktemp("demo")
    process = demo(folder, "--no-server")
    printed, _ = process.communicate(timeout=900)
    assert process.returncode == 0, printed
    return folder, printed


@pytest.fixture(scope="module")
def runs(place: tuple[Path, str]) -> list[Run]:
    """The runs of the demo, the most accurate first."""
    client = Client(str(place[0] / ".assay"))
    digits = client.get_experiment_by_name("digits")
    assert digits is not None
    return list(
        client.search_runs([digits.experiment_id], order_by=["metrics.`val/accuracy` DESC"])
    )


@pytest.mark.slow
def test_ten_learning_rates_are_ten_finished_runs(runs: list[Run]) -> None:
    assert len(runs) == 10
    assert len({run.data.params["learning_rate"] for run in runs}) == 10
    assert {run.info.status for run in runs} == {RunStatus.FINISHED}
    assert runs[0].data.metrics["val/accuracy"] > 0.95
    assert runs[-1].data.metrics["val/accuracy"] < runs[0].data.metrics["val/accuracy"]


@pytest.mark.slow
def test_each_run_has_a_curve_a_picture_and_a_model_that_predicts(
    place: tuple[Path, str], runs: list[Run], tmp_path: Path
) -> None:
    from sklearn.datasets import load_digits

    client = Client(str(place[0] / ".assay"))
    for run in runs:
        ident = run.info.run_id
        (tmp_path / ident).mkdir()
        curve = client.history(ident, "val/accuracy")
        assert curve.steps.tolist() == list(range(EPOCHS))
        assert curve.values[-1] == run.data.metrics["val/accuracy"]
        assert len(client.history(ident, "batch/loss").steps) == EPOCHS * 10
        assert client.read_artifact(ident, "confusion_matrix.png").startswith(b"\x89PNG")
        (made,) = run.outputs.model_outputs
        store = client.model_artifact_store(made.model_id)
        model = load_native(download(store, ArtifactPath(""), tmp_path / ident), trust=False)
        assert set(model.classes_) == set(load_digits().target)
        assert client.get_logged_model(made.model_id).status is LoggedModelStatus.READY
        names = {one.dataset.name for one in run.inputs.dataset_inputs}
        assert names == {"digits", "digits-test"}


@pytest.mark.slow
def test_it_prints_all_runs_and_what_made_the_best(
    place: tuple[Path, str], runs: list[Run]
) -> None:
    printed = place[1]

    for run in runs:
        assert run.info.run_name in printed
    best = printed[printed.index("Best:") :]
    assert runs[0].info.run_id in best
    assert f"{runs[0].data.metrics['val/accuracy']:.4f}" in best
    assert f"'learning_rate': '{runs[0].data.params['learning_rate']}'" in best
    assert "confusion_matrix.png" in best


@pytest.mark.slow
def test_the_best_model_was_proved_in_a_clean_environment(
    place: tuple[Path, str], runs: list[Run]
) -> None:
    (made,) = runs[0].outputs.model_outputs
    assert f"models:/{made.model_id}" in place[1]
    tags = Client(str(place[0] / ".assay")).get_logged_model(made.model_id).tags
    assert tags["assay.verified"] == "true"
    assert tags["assay.environment.verified"] == "true"


@pytest.mark.slow
def test_two_models_came_to_production_by_approval_and_one_went_back_and_came_again(
    place: tuple[Path, str], runs: list[Run]
) -> None:
    store = Client(str(place[0] / ".assay")).store
    first, best = (store.model_versions.get("digits", version) for version in (1, 2))

    assert best.model_id == runs[0].outputs.model_outputs[0].model_id
    assert (first.current_stage, best.current_stage) == ("Archived", "Production")
    assert "by bea" in best.tags["assay.rolled_back"]
    done = list(store.requests.search(name="digits"))
    assert [request.status for request in done] == [RequestStatus.COMPLETED] * 3
    for request in done:
        assert request.requested_by == "alice"
        assert [vote.actor for vote in request.votes] == ["bea"]
        kinds = [check.kind for check in request.checks]
        assert kinds == ["metric", "digests", "golden", "recomputed"]
        assert {check.status for check in request.checks} == {CheckStatus.PASSED}
    recomputed = done[0].checks[3].value
    assert recomputed == pytest.approx(runs[0].data.metrics["val/accuracy"])
    assert store.audit.verify().ok


@pytest.mark.slow
def test_the_approved_model_answered_while_another_version_took_over(
    place: tuple[Path, str],
) -> None:
    printed = place[1][place[1].index("Serving models:/digits/Production") :]

    assert re.search(r"picture 0 shows a 0 \(it is a 0\), says version 1", printed)
    assert re.search(r"answered meanwhile: \d+ by version 1, \d+ by version 2; failed: 0", printed)


@pytest.mark.slow
def test_the_best_was_trained_again_from_its_commit_and_came_out_identical(
    place: tuple[Path, str],
) -> None:
    last = place[1].splitlines()[-1]

    assert last == "identical: 4 metrics, 4 params, 1 artifact, 1 model"


@pytest.mark.slow
def test_it_leaves_a_server_that_ctrl_c_ends(
    place: tuple[Path, str], tmp_path: Path, runs: list[Run]
) -> None:
    shutil.copytree(place[0] / ".assay", tmp_path / ".assay")
    process = demo(tmp_path, "--port", "0", "--no-training")
    try:
        url = _address(process)
        assert urllib3.request("GET", f"{url}/", timeout=10).status == 200
        asked = f"{url}/api/assay/v1/runs/get?run_id={runs[0].info.run_id}"
        assert runs[0].info.run_name.encode() in urllib3.request("GET", asked, timeout=10).data
        process.send_signal(signal.SIGINT)
        assert process.wait(15) == 0
    finally:
        process.kill()
        process.communicate()


def _address(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    printed = ""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if select.select([process.stdout], [], [], 1)[0]:
            chunk = os.read(process.stdout.fileno(), 65_536).decode()
            printed += chunk
            found = re.search(r"http://127\.0\.0\.1:[1-9]\d*", printed)
            if found:
                return found[0]
            assert chunk, printed
    raise AssertionError(printed)
