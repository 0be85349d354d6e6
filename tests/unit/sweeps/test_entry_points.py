"""Sweeps over a project's entry point, and ``assay sweep``."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import assay
from assay.cli.main import cli
from assay.entities import tags
from assay.errors import AssayError
from tests.unit.sweeps.test_run import alive, runs_of, until

PROJECT = """
name: small
entry_points:
  main:
    parameters:
      x: float
      steps: {type: int, default: 1}
    command: "python train.py {x} {steps}"
"""
TRAIN = """
import os, sys, time
from pathlib import Path
import assay

x, steps = float(sys.argv[1]), int(sys.argv[2])
with assay.start_run():
    Path(os.environ["STARTED"], f"{x}").write_text(str(os.getpid()))
    for step in range(steps):
        assay.log_metric("loss", x, step)
        if x == 9:
            time.sleep(0.2)
if x == 5:
    sys.exit("five is bad")
"""
SWEEP: dict[str, Any] = {
    "project": "small",
    "parameters": {"x": [1, 2]},
    "metric": "loss",
    "method": "grid",
    "env_manager": "local",
}

OF_FUNCTION = """
function: of_sweeps:{name}
parameters: {{x: {values}}}
metric: m
method: grid
"""


@pytest.fixture
def small(project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a project ``small``; its commands note their process ids in ``started``."""
    (project / "small").mkdir()
    (project / "small" / "MLproject").write_text(PROJECT)
    (project / "small" / "train.py").write_text(TRAIN)
    (project / "started").mkdir()
    monkeypatch.setenv("STARTED", str(project / "started"))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    return project


def write_sweep(folder: Path, **changes: Any) -> Path:
    path = folder / "sweep.yaml"
    path.write_text(json.dumps({**SWEEP, **changes}))
    return path


def command(*arguments: object, code: int = 0) -> Result:
    done = CliRunner().invoke(cli, ["sweep", *map(str, arguments)], prog_name="assay")
    assert done.exit_code == code, done.output + repr(done.exception)
    return done


def test_trials_of_an_entry_point_are_runs_of_the_project(small: Path) -> None:
    path = write_sweep(small, parameters={"x": [5, 2], "steps": 2}, parallel=2)

    done = command(path, "--name", "first")

    lines = done.stdout.splitlines()
    parent_id = lines[0].split()[1]
    failed, good = runs_of(parent_id)
    assert "trial 0 failed Its command ended with exit code 1" in done.stdout
    assert lines[-1].startswith("Best: trial 1, loss 2, x=2 steps=2, run ")
    assert (failed.info.status, good.info.status) == ("FAILED", "FINISHED")
    assert good.data.params == {"x": "2", "steps": "2"}
    assert good.data.tags[tags.SWEEP_VALUE] == "2.0"
    parent = assay.get_run(parent_id)
    assert parent.data.tags[tags.SWEEP_BEST_RUN] == good.info.run_id
    assert parent.data.tags["mlflow.source.type"] == "PROJECT"

    again = command("--resume", parent_id[:8], "--json")

    assert [row["state"] for row in json.loads(again.stdout)] == ["failed", "completed"]
    assert len(runs_of(parent_id)) == 2


def test_a_pruner_ends_a_running_entry_point_by_what_it_logs(small: Path) -> None:
    result = assay.sweep(
        {
            **SWEEP,
            "parameters": {"x": [1, 9], "steps": 300},
            "pruner": {"name": "median", "n_startup_trials": 1},
        }
    )

    pruned = runs_of(result)[1]
    assert [one.state for one in result.trials] == ["completed", "pruned"]
    assert pruned.info.status == "KILLED"
    assert pruned.data.tags[tags.SWEEP_PRUNED] == "0"
    assert not alive(int((small / "started" / "9.0").read_text()))


def test_ctrl_c_ends_the_commands_and_says_how_to_go_on(small: Path) -> None:
    path = write_sweep(small, parameters={"x": [9, 1], "steps": 300})
    environment = {**os.environ, "ASSAY_TRACKING_URI": str(small / ".assay")}
    sweep = subprocess.Popen(
        [sys.executable, "-m", "assay", "sweep", str(path), "--name", "stopped"],
        env=environment,
        cwd=small,
        stderr=subprocess.PIPE,
        text=True,
    )
    started = small / "started" / "9.0"
    try:
        until(lambda: started.exists() and bool(started.read_text()))
    finally:
        sweep.send_signal(signal.SIGINT)
    _, told = sweep.communicate(timeout=180)

    assert sweep.returncode == 130
    (parent,) = assay.search_runs(
        filter_string="tags.`assay.sweep` = 'stopped'", output_format="list"
    )
    assert told.splitlines()[-1] == (
        f"Interrupted. To go on: assay sweep --resume {parent.info.run_id}"
    )
    assert not alive(int(started.read_text()))
    assert parent.info.status == "KILLED"
    assert [run.info.status for run in runs_of(parent.info.run_id)] == ["KILLED"]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"entry_point": "traim"}, "traim"),
        ({"parameters": {"x": ["a", "b"]}}, "'x' must be a number, got 'a'"),
        ({"project": "none"}, "none"),
        ({"backend": "cloud"}, "There is no backend 'cloud'"),
        ({"project": "-oProxyCommand=x"}, "-oProxyCommand"),
    ],
)
def test_a_project_that_cant_run_is_one_clear_error_before_many_trials(
    small: Path, change: dict[str, Any], told: str
) -> None:
    with pytest.raises(AssayError) as caught:
        assay.sweep({**SWEEP, **change})

    assert told in str(caught.value)
    assert not list((small / "started").iterdir())


def test_a_dry_run_shows_the_points_and_records_nothing(small: Path) -> None:
    path = write_sweep(small, method="random", trials=9, seed=3)

    done = command(path, "--dry-run", "--parallel", 3)

    assert "9 trials of" in done.stdout
    assert "3 at a time, random" in done.stdout
    assert "minimize loss" in done.stdout
    assert len(done.stdout.splitlines()) == 10
    assert not assay.search_runs(output_format="list")


def test_a_function_named_in_a_file_is_found_beside_it(functions: Path) -> None:
    path = functions.parent / "sweep.yaml"
    path.write_text(
        "function: of_sweeps:square\nparameters: {x: [2, 3]}\nmetric: m\nmethod: grid\n"
    )

    done = command(path, "--csv")

    heads, first, second = (line.split(",") for line in done.stdout.splitlines())
    assert heads == ["trial", "state", "m", "x", "run"]
    assert (first[:4], second[:4]) == (
        ["0", "completed", "1.0", "2"],
        ["1", "completed", "0.0", "3"],
    )


def test_a_sweep_of_which_nothing_worked_has_exit_code_1(functions: Path) -> None:
    path = functions.parent / "sweep.yaml"
    path.write_text(OF_FUNCTION.format(name="raises", values=[1]))

    done = command(path, code=1)

    assert "all its 1 trials failed" in done.stderr
    assert "assay sweep --resume" in done.stderr


def test_what_is_missing_is_told(project: Path) -> None:
    assert "Name a sweep.yaml" in command(code=2).stderr
    assert "There is no file" in command("none.yaml", code=2).stderr
