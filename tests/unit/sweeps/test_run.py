"""``assay.sweep``: trials in runs of their own, the best one, stopping, going on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import assay
from assay.entities import tags
from assay.errors import InvalidInput, SweepFailed
from assay.sweeps.result import SweepResult
from assay.sweeps.trials import Trial

X = {"x": [1, 2, 3, 4]}


def runs_of(result_or_id: SweepResult | str) -> list[Any]:
    ident = result_or_id if isinstance(result_or_id, str) else result_or_id.run_id
    return sorted(
        assay.search_runs(
            filter_string=f"tags.`mlflow.parentRunId` = '{ident}'", output_format="list"
        ),
        key=lambda run: (
            int(run.data.tags[tags.SWEEP_TRIAL]),
            run.data.tags.get(tags.SWEEP_ATTEMPT, "1"),
        ),
    )


def square(x: float) -> float:
    return (x - 3) ** 2


def test_each_point_gets_a_run_and_the_parent_names_the_best() -> None:
    result = assay.sweep(square, X, metric="loss")

    assert [one.value for one in result.trials] == [4, 1, 0, 1]
    assert result.best_parameters == {"x": 3}
    assert [run.data.params["x"] for run in runs_of(result)] == ["1", "2", "3", "4"]
    assert [run.data.metrics["loss"] for run in runs_of(result)] == [4, 1, 0, 1]
    parent = result.run
    assert parent.info.status == "FINISHED"
    assert result.best_run is not None
    assert parent.data.tags[tags.SWEEP_BEST_RUN] == result.best_run.info.run_id
    assert parent.data.metrics["best/loss"] == 0
    assert "<b>" not in result._repr_html_()
    assert "bold" in result._repr_html_()


def test_maximize_takes_the_largest_value() -> None:
    result = assay.sweep(square, X, metric="loss", goal="maximize")

    assert result.best_parameters == {"x": 1}


@pytest.mark.parametrize("workers", ["threads", "processes"])
def test_several_run_at_a_time(functions: Path, workers: Any) -> None:
    import of_sweeps  # type: ignore[import-not-found]

    result = assay.sweep(of_sweeps.square, X, metric="loss", parallel=2, workers=workers)

    assert [one.value for one in result.trials] == [4, 1, 0, 1]
    assert {run.info.status for run in runs_of(result)} == {"FINISHED"}


def test_a_function_of_the_script_itself_runs_in_processes() -> None:
    offset = 3

    result = assay.sweep(lambda x: x - offset, {"x": [4]}, metric="loss", parallel=2)

    assert [one.value for one in result.trials] == [1]


def test_a_function_may_return_many_metrics_or_log_them_itself() -> None:
    def many(x: int, trial: Trial) -> dict[str, float] | None:
        if x == 1:
            return {"loss": 0.5, "acc": 0.9}
        for step in range(3):
            assay.log_metric("loss", x - step, step)
        return None

    result = assay.sweep(many, {"x": [1, 5]}, metric="loss")

    first, second = runs_of(result)
    assert first.data.metrics == {"loss": 0.5, "acc": 0.9}
    assert [one.value for one in result.trials] == [0.5, 3]
    assert list(second.history("loss").values) == [5, 4, 3]


def test_a_returned_value_leaves_a_curve_that_the_function_logged_alone() -> None:
    def trained(x: int) -> float:
        for step in range(3):
            assay.log_metric("loss", x - step, step)
        return 3.0

    (run,) = runs_of(assay.sweep(trained, {"x": [5]}, metric="loss"))

    assert list(run.history("loss").values) == [5, 4, 3]


@pytest.mark.parametrize("returned", ["text", {"acc": 1}, float("nan"), None])
def test_a_trial_without_its_metric_fails(returned: Any) -> None:
    def bad(x: int) -> Any:
        return 1.0 if x == 1 else returned

    result = assay.sweep(bad, {"x": [1, 2]}, metric="loss")

    assert [one.state for one in result.trials] == ["completed", "failed"]
    assert "loss" in result.trials[1].reason
    assert [run.info.status for run in runs_of(result)] == ["FINISHED", "FAILED"]


def test_a_failing_trial_is_recorded_and_the_sweep_goes_on() -> None:
    def fails(x: int) -> float:
        if x == 2:
            raise ValueError("two is bad")
        if x == 3:
            sys.exit(4)
        return x

    result = assay.sweep(fails, X, metric="loss")

    assert [one.state for one in result.trials] == ["completed", "failed", "failed", "completed"]
    assert result.trials[1].reason == "ValueError: two is bad"
    assert runs_of(result)[1].data.tags[tags.SWEEP_STATE] == "failed"
    assert result.status == "FINISHED"


def test_a_failed_trial_is_tried_again_as_often_as_was_said(functions: Path) -> None:
    import of_sweeps

    result = assay.sweep(of_sweeps.fails_once, {"x": [1, 2]}, metric="loss", retries=1)

    assert [(one.state, one.attempt) for one in result.trials] == [("completed", 2)] * 2
    assert [run.info.status for run in runs_of(result)] == ["FAILED", "FINISHED"] * 2


def test_the_sweep_stops_when_all_fail_at_the_start() -> None:
    def fails(x: float) -> float:
        raise ValueError("no data")

    with pytest.raises(
        SweepFailed, match=r"all its 5 trials failed: ValueError: no data"
    ) as caught:
        assay.sweep(fails, {"x": list(range(100))}, metric="loss")

    assert len(runs_of(caught.value.run_id)) == 5
    assert assay.get_run(caught.value.run_id).info.status == "FAILED"


def test_a_worker_that_dies_fails_its_trial_only(functions: Path) -> None:
    import of_sweeps

    result = assay.sweep(of_sweeps.dies, {"x": [1, 2]}, metric="loss", parallel=2)

    assert [one.state for one in result.trials] == ["failed", "completed"]
    assert result.trials[0].reason == "its process ended by signal SIGKILL"
    assert [run.info.status for run in runs_of(result)] == ["FAILED", "FINISHED"]
    assert runs_of(result)[0].data.tags[tags.SWEEP_STATE] == "failed"


def test_a_target_ends_the_sweep() -> None:
    result = assay.sweep(square, {"x": [1, 3, 2]}, metric="loss", stop={"target": 0.5})

    assert len(result.trials) == 2
    assert result.reason == "trial 1 reached the target 0.5"


def test_patience_ends_the_sweep() -> None:
    result = assay.sweep(square, {"x": [3, 4, 5, 6, 7]}, metric="loss", stop={"patience": 2})

    assert len(result.trials) == 3
    assert "nothing better than trial 0" in result.reason


def test_time_ends_the_sweep_and_its_trials(functions: Path) -> None:
    import of_sweeps

    result = assay.sweep(
        of_sweeps.slow, {"x": [1]}, metric="loss", parallel=2, timeout_s=4, name="late"
    )

    assert "time of 4 s is over" in result.reason
    assert {run.info.status for run in runs_of(result)} <= {"KILLED"}
    assert all(one.state == "interrupted" for one in result.trials)


@pytest.mark.parametrize("parallel", [1, 2])
def test_a_pruner_ends_trials_that_dont_promise_much(functions: Path, parallel: int) -> None:
    import of_sweeps

    result = assay.sweep(
        of_sweeps.curve,
        {"x": [0, 0.1, 0.2, 0.3, 0.4, 9, 10]},
        metric="loss",
        pruner={"name": "median", "n_startup_trials": 3},
        parallel=parallel,
    )

    states = [one.state for one in result.trials]
    assert states[0] == "completed"
    assert states[-1] == "pruned"
    pruned = runs_of(result)[-1]
    assert pruned.info.status == "KILLED"
    assert pruned.data.tags[tags.SWEEP_PRUNED] == "0"


def test_optuna_chooses_points_by_what_came_before() -> None:
    result = assay.sweep(
        square,
        {"x": {"min": -10, "max": 10}},
        metric="loss",
        method="optuna",
        trials=30,
        seed=1,
    )

    assert result.best_value is not None
    assert result.best_value < 0.5


def test_the_same_name_goes_on_with_more_trials_and_runs_none_twice() -> None:
    space = {"x": {"min": -10, "max": 10}}
    options: dict[str, Any] = {"metric": "loss", "method": "optuna", "seed": 4}
    whole = assay.sweep(square, space, trials=24, **options)

    first = assay.sweep(square, space, trials=13, name="again", **options)
    second = assay.sweep(square, space, trials=24, name="again", **options)
    third = assay.sweep(square, space, trials=24, name="again", **options)

    assert second.run_id == first.run_id
    assert [one.point for one in second.trials] == [one.point for one in whole.trials]
    assert len(runs_of(second)) == 24
    assert [one.run_id for one in third.trials] == [one.run_id for one in second.trials]


def test_what_failed_is_tried_again_once_it_was_mended() -> None:
    broken = [True]

    def train(x: float) -> float:
        if broken:
            raise ValueError("no data")
        return x

    options: dict[str, Any] = {"metric": "loss", "method": "optuna", "seed": 4, "name": "mended"}
    with pytest.raises(SweepFailed):
        assay.sweep(train, {"x": {"min": 0, "max": 1}}, trials=7, **options)
    broken.clear()

    result = assay.sweep(train, {"x": {"min": 0, "max": 1}}, trials=7, retries=1, **options)

    assert [one.state for one in result.trials] == ["completed"] * 7
    assert [one.attempt for one in result.trials] == [2] * 5 + [1] * 2


def test_another_sweep_under_the_same_name_is_refused() -> None:
    assay.sweep(square, X, metric="loss", name="one")

    with pytest.raises(InvalidInput, match="has another target, space, metric or method"):
        assay.sweep(square, {"x": [1]}, metric="loss", name="one")


def test_a_sweep_that_runs_now_isnt_started_a_second_time() -> None:
    def nested(x: int) -> float:
        with pytest.raises(InvalidInput, match="is running now"):
            assay.sweep(nested, X, metric="loss", name="busy")
        return x

    result = assay.sweep(nested, X, metric="loss", name="busy")

    assert result.best_value == 1


def test_a_run_that_is_no_sweep_cant_be_resumed() -> None:
    with assay.start_run() as run:
        pass

    with pytest.raises(InvalidInput, match="is no sweep"):
        assay.sweep(square, X, metric="loss", resume=run.info.run_id)


def test_ctrl_c_ends_the_trial_keeps_the_rest_and_the_sweep_goes_on_later() -> None:
    asked: list[int] = []

    def interrupted(x: int) -> float:
        asked.append(x)
        if x == 2 and asked.count(2) == 1:
            raise KeyboardInterrupt
        return x

    with pytest.raises(KeyboardInterrupt):
        assay.sweep(interrupted, X, metric="loss", name="stopped")
    (parent,) = assay.search_runs(
        filter_string="tags.`assay.sweep` = 'stopped'", output_format="list"
    )
    assert parent.info.status == "KILLED"
    assert [run.info.status for run in runs_of(parent.info.run_id)] == ["FINISHED", "KILLED"]

    result = assay.sweep(interrupted, X, metric="loss", resume=parent.info.run_id)

    assert asked == [1, 2, 2, 3, 4]
    assert [(one.state, one.attempt) for one in result.trials] == [
        ("completed", 1),
        ("completed", 2),
        ("completed", 1),
        ("completed", 1),
    ]
    assert result.run.info.status == "FINISHED"


def until(condition: Callable[[], bool], *, limit_s: float = 180) -> None:
    deadline = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def alive(process: int) -> bool:
    try:
        facts = Path(f"/proc/{process}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return not facts.rpartition(")")[2].startswith(" Z")


def completed() -> list[Any]:
    found: list[Any] = assay.search_runs(
        filter_string=f"tags.`{tags.SWEEP_STATE}` = 'completed'", output_format="list"
    )
    return found


KILLED = """
import assay, of_sweeps, os, time
from pathlib import Path

def f(x):
    Path(f"began-{x}").write_text(str(os.getpid()))
    if x == 2 and not Path("resumed").exists():
        time.sleep(600)
    return x

of_sweeps.f = f
r = assay.sweep(f, {"x": [1, 2, 3, 4]}, metric="loss", parallel=2, name="killed")
print([(one.state, one.attempt) for one in r.trials])
"""


def test_a_killed_sweep_leaves_nothing_running_and_goes_on(functions: Path) -> None:
    project = functions.parent
    command = [sys.executable, "-c", KILLED]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(project), *sys.path]),
    }
    sweep = subprocess.Popen(command, env=environment, cwd=project)
    try:
        began = project / "began-2"
        until(lambda: began.exists() and bool(began.read_text()))
        worker = int(began.read_text())
        until(lambda: len(completed()) == 3)
    finally:
        sweep.send_signal(signal.SIGKILL)
        sweep.wait()
    until(lambda: not alive(worker))
    (project / "resumed").touch()

    done = subprocess.run(
        command, env=environment, cwd=project, capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == str(
        [("completed", 1), ("completed", 2), ("completed", 1), ("completed", 1)]
    )


def test_trials_carry_what_the_program_runs_share(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSAY_CAPTURE", "process,exit")

    (run,) = runs_of(assay.sweep(square, {"x": [1]}, metric="loss"))

    assert run.data.tags[tags.COMMAND_LINE]
    assert run.data.tags[tags.CPU_SECONDS]
    assert run.data.tags[tags.SOURCE_NAME] == sys.argv[0]


def test_a_sweep_inside_a_run_is_nested_in_it_and_leaves_it_active() -> None:
    with assay.start_run() as outer:
        result = assay.sweep(square, {"x": [1]}, metric="loss")
        active = assay.active_run()

    assert active is not None
    assert active.info.run_id == outer.info.run_id
    assert result.run.data.tags["mlflow.parentRunId"] == outer.info.run_id


def test_what_a_trial_prints_in_another_process_is_kept_with_its_run(
    functions: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import of_sweeps

    monkeypatch.setenv("ASSAY_CAPTURE", "output")
    functions.write_text(functions.read_text().replace("range(600)", "range(2)"))
    result = assay.sweep(of_sweeps.slow, {"x": [1]}, metric="loss", parallel=2)

    text = assay.Client().read_artifact(result.trials[0].run_id, "assay/output.log")

    assert text == b"hello from 0\n"
