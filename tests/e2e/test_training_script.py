"""Training scripts as people write them, in processes of their own, and what they leave behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from assay.client.client import Client
from assay.entities import Run

ROOT = Path(__file__).resolve().parents[2]


class Project:
    """A folder with scripts, and what they logged."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.client = Client(folder / ".assay")

    def start(self, script: str, **variables: str) -> subprocess.Popen[str]:
        """Start a script; its standard streams are pipes."""
        (self.folder / "train.py").write_text(textwrap.dedent(script))
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("ASSAY_", "MLFLOW_"))}
        return subprocess.Popen(
            [sys.executable, "train.py", "--lr", "0.1", "--api-key", "hunter2"],
            cwd=self.folder,
            env={**kept, "PYTHONUNBUFFERED": "1", **variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, script: str, *, code: int = 0, **variables: str) -> tuple[str, str]:
        """Run a script to its end; returns what it printed and what it complained about."""
        process = self.start(script, **variables)
        out, err = process.communicate(timeout=60)
        assert process.returncode == code, err
        return out, err

    def runs(self) -> list[Run]:
        """All runs, the oldest first."""
        found = self.client.search_runs(["0"], order_by=["attributes.start_time ASC"])
        return list(found)


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    made = Project(tmp_path)
    yield made
    made.client.close()


def _wait_for_line(process: subprocess.Popen[str], line: str) -> None:
    assert process.stdout is not None
    for got in process.stdout:
        if got.strip() == line:
            return
    raise AssertionError(process.stderr.read() if process.stderr else "no line")


def test_script_that_ends_leaves_a_finished_run_with_all_it_logged(project: Project) -> None:
    out, err = project.run(
        """
        import assay
        assay.log_param("lr", 0.1)
        for step in range(5_000):
            assay.log_metric("loss", 1 / (step + 1), step=step)
        assay.log_text("weights", "model/w.txt")
        """
    )
    (run,) = project.runs()
    assert run.info.status == "FINISHED"
    assert run.data.params == {"lr": "0.1"}
    curve = project.client.history(run.info.run_id, "loss")
    assert curve.steps.tolist() == list(range(5_000))
    assert project.client.read_artifact(run.info.run_id, "model/w.txt") == b"weights"
    assert out == ""
    assert err == "assay: logging to ./.assay — look with: assay ui\n"


def test_quiet_script_prints_nothing_and_makes_nothing_but_its_folder(project: Project) -> None:
    out, err = project.run("import assay; assay.log_metric('m', 1)", ASSAY_QUIET="1")
    assert (out, err) == ("", "")
    assert {entry.name for entry in project.folder.iterdir()} == {".assay", "train.py"}


@pytest.mark.parametrize(
    ("last_line", "code", "status", "noted"),
    [
        ("raise ValueError('boom')", 1, "FAILED", ("ValueError: boom", "1")),
        ("raise KeyboardInterrupt", 1, "KILLED", ("KeyboardInterrupt", "130")),
        ("import sys; sys.exit(0)", 0, "FINISHED", (None, None)),
    ],
)
def test_end_of_the_program_decides_the_status(
    project: Project, last_line: str, code: int, status: str, noted: tuple[str | None, str | None]
) -> None:
    process = project.start(
        f"""
        import assay
        assay.start_run()
        assay.start_run(nested=True)
        assay.log_metric("m", 1)
        {last_line}
        """
    )
    process.communicate(timeout=60)
    # Ctrl-C: 1 or the signal, as the interpreter sees fit.
    assert process.returncode == code or (process.returncode in (130, -2) and code == 1)
    runs = project.runs()
    assert [run.info.status for run in runs] == [status, status]
    for tags in (run.data.tags for run in runs):
        assert (tags.get("assay.exception"), tags.get("assay.exit_code")) == noted
        assert float(tags["assay.cpu_seconds"]) >= 0


def test_exception_that_leaves_a_block_gets_its_exit_code_when_it_leaves_the_program(
    project: Project,
) -> None:
    project.run(
        """
        import sys
        import assay
        for text in ("caught", "not caught"):
            try:
                with assay.start_run():
                    raise ValueError(text)
            except ValueError:
                if text != "caught":
                    raise
        """,
        code=1,
    )
    project.run("import assay, sys\nwith assay.start_run():\n    sys.exit(3)", code=3)
    noted = [
        (tags.get("assay.exception"), tags.get("assay.exit_code"))
        for tags in (run.data.tags for run in project.runs())
    ]
    assert noted == [("ValueError: caught", None), ("ValueError: not caught", "1"), (None, "3")]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_ends_the_run_as_killed_and_keeps_its_points(
    project: Project, number: signal.Signals
) -> None:
    process = project.start(
        """
        import time
        import assay
        with assay.start_run():
            for step in range(1_000):
                assay.log_metric("m", step, step=step)
            print("ready")
            while True:
                time.sleep(0.05)
        """
    )
    _wait_for_line(process, "ready")
    process.send_signal(number)
    process.communicate(timeout=60)
    assert process.returncode in (-number, 1)
    (run,) = project.runs()
    assert run.info.status == "KILLED"
    assert run.data.tags["assay.exit_code"] == str(128 + number)
    assert len(project.client.history(run.info.run_id, "m").steps) == 1_000


def test_hard_exit_keeps_what_was_logged_for_the_next_process(project: Project) -> None:
    project.run(
        """
        import os
        import assay
        assay.start_run(run_name="lost?")
        for step in range(1_000):
            assay.log_metric("m", step, step=step)
        os._exit(9)
        """,
        code=9,
    )
    project.run("import assay; assay.flush_async_logging(); assay.start_run(run_name='next')")
    first = next(run for run in project.runs() if run.info.run_name == "lost?")
    assert len(project.client.history(first.info.run_id, "m").steps) == 1_000
    assert first.info.status != "RUNNING"


def test_forked_children_log_to_the_run_of_their_parent_and_leave_it_running(
    project: Project,
) -> None:
    project.run(
        """
        import os, sys
        import assay
        with assay.start_run():
            for number in range(3):
                if os.fork() == 0:
                    assay.log_metric("child", number, step=number)
                    sys.exit(0)
            for _ in range(3):
                os.wait()
            assert assay.get_run(assay.active_run().info.run_id).info.status == "RUNNING"
            assay.log_metric("parent", 1)
        """
    )
    (run,) = project.runs()
    assert run.info.status == "FINISHED"
    assert project.client.history(run.info.run_id, "child").steps.tolist() == [0, 1, 2]
    assert run.data.metrics["parent"] == 1.0


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_workers_of_multiprocessing_log_to_the_run_they_are_given(
    project: Project, method: str
) -> None:
    project.run(
        f"""
        import multiprocessing
        import assay

        def work(run_id, number):
            assay.log_metric("worker", number, step=number, run_id=run_id)

        if __name__ == "__main__":
            context = multiprocessing.get_context("{method}")
            with assay.start_run() as run:
                workers = [
                    context.Process(target=work, args=(run.info.run_id, n)) for n in range(2)
                ]
                for worker in workers:
                    worker.start()
                for worker in workers:
                    worker.join()
        """
    )
    (run,) = project.runs()
    assert project.client.history(run.info.run_id, "worker").values.tolist() == [0.0, 1.0]
    assert run.info.status == "FINISHED"


def test_surroundings_are_captured_without_secrets(project: Project) -> None:
    def git(*words: str) -> None:
        subprocess.run(["git", *words], cwd=project.folder, check=True, capture_output=True)

    git("init", "-q", "-b", "trunk")
    git("config", "user.email", "a@b.c")
    git("config", "user.name", "a")
    git("remote", "add", "origin", "https://user:token@host.invalid/team/repo.git?key=1")
    (project.folder / "tracked.txt").write_text("before\n")
    git("add", "tracked.txt")
    git("commit", "-q", "-m", "first")
    (project.folder / "tracked.txt").write_text("after\n")
    project.run(
        """
        import sys
        import assay
        with assay.start_run():
            print("to the screen")
            print("an error", file=sys.stderr)
        """
    )
    (run,) = project.runs()
    tags, read = run.data.tags, project.client.read_artifact
    assert tags["mlflow.source.name"] == "train.py"
    assert tags["mlflow.source.git.branch"] == "trunk"
    assert len(tags["mlflow.source.git.commit"]) == 40
    assert tags["mlflow.source.git.repoURL"] == "https://host.invalid/team/repo.git"
    assert tags["assay.source.git.dirty"] == "true"
    assert tags["assay.command"].endswith("train.py --lr 0.1 --api-key '***'")
    assert tags["assay.python"].startswith("cpython 3.")
    assert "cores" in tags["assay.cpu"]
    assert b"+after" in read(run.info.run_id, "assay/source.patch")
    assert b"numpy==" in read(run.info.run_id, "assay/requirements.txt")
    printed = read(run.info.run_id, "assay/output.log").decode()
    assert "to the screen\n" in printed
    assert "an error\n" in printed
    assert read(run.info.run_id, "assay/output.marks.tsv").endswith(b"\terr\n")
    assert int(tags["assay.peak_memory_bytes"]) > 1_000_000


def test_capture_can_be_switched_off(project: Project) -> None:
    project.run("import assay; assay.log_metric('m', 1); print('x')", ASSAY_CAPTURE="none")
    (run,) = project.runs()
    assert project.client.list_artifacts(run.info.run_id) == []
    assert not any(tag.startswith("assay.") for tag in run.data.tags)


def test_script_written_for_mlflow_runs_under_its_other_name(project: Project) -> None:
    out, _ = project.run(
        """
        import assay as mlflow
        from assay.entities import ViewType

        client = mlflow.MlflowClient()
        experiment_id = client.create_experiment("drop-in")
        mlflow.set_experiment(experiment_id=experiment_id)
        with mlflow.start_run(run_name="parent") as parent:
            mlflow.log_params({"a": 1, "b": "x"})
            mlflow.log_dict({"k": [1]}, "config.json")
            with mlflow.start_run(nested=True):
                mlflow.log_metric("rmse", 0.5, step=1)
        try:
            mlflow.get_run("f" * 32)
        except mlflow.exceptions.MlflowException as error:
            assert error.error_code == "RESOURCE_DOES_NOT_EXIST"
        frame = mlflow.search_runs([experiment_id], run_view_type=ViewType.ACTIVE_ONLY)
        assert mlflow.tracking.MlflowClient().get_run(parent.info.run_id).data.params["a"] == "1"
        print(len(frame), frame["metrics.rmse"].max(), mlflow.get_artifact_uri("x") != "")
        mlflow.end_run()
        """
    )
    assert out == "2 0.5 True\n"


def test_importing_assay_loads_nothing_heavy(project: Project) -> None:
    out, _ = project.run(
        """
        import sys
        before = set(sys.modules)
        import assay
        new = {name.partition(".")[0] for name in set(sys.modules) - before}
        assay.start_run
        assay.log_metric
        later = {name.partition(".")[0] for name in set(sys.modules) - before}
        print(sorted(new & {"msgspec", "numpy", "urllib3", "sqlalchemy", "rich", "pandas"}))
        print(sorted(later & {"numpy", "sqlalchemy", "rich", "pandas", "obstore", "psutil"}))
        """
    )
    assert out == "[]\n[]\n"


@pytest.mark.slow
def test_digits_example_trains_and_records_its_models(project: Project) -> None:
    (project.folder / "digits.py").write_text((ROOT / "examples" / "digits.py").read_text())
    out, _ = project.run(
        """
        import sys
        import digits
        del sys.argv[1:]
        digits.LEARNING_RATES, digits.EPOCHS = [0.00001, 0.01], 3
        digits.main()
        """
    )
    experiment = project.client.get_experiment_by_name("digits")
    assert experiment is not None
    runs = list(project.client.search_runs([experiment.experiment_id]))
    assert out.splitlines()[-1].startswith("best: sgd lr=0.01, accuracy 0.9")
    assert [run.info.status for run in runs] == ["FINISHED", "FINISHED"]
    for run in runs:
        names = {one.path for one in project.client.list_artifacts(run.info.run_id)}
        assert "confusion_matrix.png" in names
        assert len(run.outputs.model_outputs) == 1
        assert project.client.history(run.info.run_id, "val/accuracy").steps.tolist() == [0, 1, 2]
        assert len(run.inputs.dataset_inputs) == 2
