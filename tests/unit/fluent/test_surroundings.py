"""Where runs go, what they take along, and how they behave in notebooks."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import assay
from assay.client.recorder import recorder_for
from assay.context import seeds
from assay.fluent.experiments import forget_choices
from assay.fluent.reading import client_for
from assay.fluent.welcome import welcome
from assay.store.uri import resolve_location


def test_tracking_uri_can_change_and_programs_started_from_here_follow(project: Path) -> None:
    other = project / "other"
    assay.set_tracking_uri("other")
    assert assay.is_tracking_uri_set()
    assert assay.get_tracking_uri() == f"sqlite:///{other / 'assay.db'}"
    assert resolve_location(os.environ["ASSAY_TRACKING_URI"]).home == other
    with assay.start_run() as run:
        assay.log_metric("m", 1)
    assert assay.get_run(run.info.run_id).data.metrics == {"m": 1.0}
    assert (other / "assay.db").exists()
    assert not (project / ".assay").exists()
    recorder_for(client_for().location).close()


def test_active_run_stays_where_it_was_when_the_uri_changes(project: Path) -> None:
    first = assay.get_tracking_uri()
    with assay.start_run() as run:
        assay.set_tracking_uri(project / "other")
        assay.log_metric("m", 1)
    assert run.location is not None
    assert run.location.tracking_uri == first
    assert run.history("m").values.tolist() == [1.0]


def test_working_directory_that_changes_does_not_change_where_runs_go(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ASSAY_TRACKING_URI")
    before = assay.get_tracking_uri()
    (project / "sub").mkdir()
    monkeypatch.chdir(project / "sub")
    assert assay.get_tracking_uri() == before


def test_uri_that_can_not_be_used_is_refused_and_the_old_one_stays() -> None:
    before = assay.get_tracking_uri()
    with pytest.raises(assay.errors.InvalidInput):
        assay.set_tracking_uri("ftp://host/x")
    assert assay.get_tracking_uri() == before


def test_system_metrics_of_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSAY_SYSTEM_METRICS_INTERVAL", "60")
    with assay.start_run(log_system_metrics=True) as run:
        pass
    assay.enable_system_metrics_logging()
    with assay.start_run() as second:
        pass
    for one in (run, second):
        metrics = assay.get_run(one.info.run_id).data.metrics
        assert metrics["system/system_memory_usage_percentage"] > 0


def test_run_takes_what_the_call_asks_for(capsys: pytest.CaptureFixture[str]) -> None:
    with assay.start_run(capture="output,process") as run:
        print("seen")
        with assay.start_run(nested=True, capture="all") as child:
            print("inside")
    assert (
        assay.artifacts.load_text(f"runs:/{run.info.run_id}/assay/output.log") == "seen\ninside\n"
    )
    tags = assay.get_run(run.info.run_id).data.tags
    assert "assay.command" in tags
    assert "assay.cpu" not in tags
    assert "assay.cpu" in assay.get_run(child.info.run_id).data.tags
    assert assay.artifacts.list_artifacts(run_id=child.info.run_id) == []
    assert capsys.readouterr().out == "seen\ninside\n"


def test_cell_that_is_run_again_starts_a_new_run(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    first = assay.start_run()
    # The kernel's own modules are not installed; their names are what tells a notebook.
    monkeypatch.setitem(sys.modules, "ipykernel", sys)
    monkeypatch.setitem(sys.modules, "IPython", sys)
    monkeypatch.setenv("JPY_SESSION_NAME", "/home/ada/study.ipynb")
    with assay.start_run() as second:
        pass
    assert first.info.run_id in caplog.text
    assert assay.get_run(first.info.run_id).info.status == "FINISHED"
    tags = assay.get_run(second.info.run_id).data.tags
    assert tags["mlflow.source.type"] == "NOTEBOOK"
    assert tags["mlflow.source.name"] == "study.ipynb"


def test_welcome_says_once_where_and_how(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("ASSAY_QUIET")
    for uri in (".assay", "elsewhere", "http://u:secret@host.invalid:5000", "sqlite:///own.db"):
        welcome(resolve_location(uri))
        welcome(resolve_location(uri))
    assert capsys.readouterr().err.splitlines() == [
        "assay: logging to ./.assay — look with: assay ui",
        "assay: logging to ./elsewhere — look with: assay ui ./elsewhere",
        "assay: logging to http://host.invalid:5000 — look there with a browser",
        f"assay: logging to ./own.db — look with: assay ui sqlite:///{project / 'own.db'}",
    ]


def test_store_that_is_away_holds_up_neither_experiment_nor_run(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("ASSAY_HTTP_MAX_RETRIES", "0")
    assay.set_tracking_uri("http://127.0.0.1:9")
    forget_choices()
    experiment = assay.set_experiment("later")
    with assay.start_run() as run:
        assay.log_metric("m", 1)
        assay.log_param("p", 2)
    assert run.info.experiment_id == experiment.experiment_id
    assert "settled at delivery" in caplog.text
    with pytest.raises(assay.errors.StoreUnavailable):
        assay.get_run(run.info.run_id)
    recorder_for(client_for().location).close(deliver=False)


def test_seed_is_told_by_the_active_run_and_by_later_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seeds, "_seeded", {})
    monkeypatch.setenv("PYTHONHASHSEED", "0")  # put back afterwards
    with assay.start_run() as first:
        assay.seed(11, deterministic=False)
    with assay.start_run() as second:
        pass
    for run in (first, second):
        known = assay.get_run(run.info.run_id).data.tags
        assert known["assay.seed.python"] == "11"
        assert known["assay.seed.deterministic"] == "false"


def test_environment_is_told_as_it_was_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    with assay.start_run(capture="environment") as run:
        monkeypatch.setenv("OMP_NUM_THREADS", "4")
    assert assay.get_run(run.info.run_id).data.tags["assay.threads.OMP_NUM_THREADS"] == "3"


PROGRAM = """
import assay
for name in ("a", "b", "c"):
    with assay.start_run(run_name=name):
        assay.log_param("name", name)
        with assay.start_run(nested=True):
            pass
"""


def test_program_started_again_for_its_third_run_goes_on_with_the_given_one(
    project: Path,
) -> None:
    client = client_for()
    wanted = client.create_run("0").info.run_id
    env = {
        **os.environ,
        "ASSAY_RUN_ID": wanted,
        "ASSAY_RUN_NUMBER": "3",
        "MLFLOW_PROJECT_ENV": "local",
        "ASSAY_CAPTURE": "process",
    }
    subprocess.run([sys.executable, "-c", PROGRAM], env=env, check=True)

    runs = {run.data.params.get("name"): run for run in client.search_runs(["0"])}
    assert runs["b"].info.run_id == wanted
    # Started for this run, the program tells what it is.
    assert "assay.command" in runs["b"].data.tags
    for name in ("a", "c"):
        assert runs[name].data.tags["mlflow.parentRunId"] == wanted
        assert runs[name].data.tags["assay.beside"] == "true"
    # Those that are nested in them stay there.
    assert sum("assay.beside" in run.data.tags for run in client.search_runs(["0"])) == 2
