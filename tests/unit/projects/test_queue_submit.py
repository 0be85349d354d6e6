"""The backend ``queue``: what waits on the server is all that an agent needs."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import msgspec
import pytest

from assay.client.client import Client
from assay.entities.jobs import Capacity, JobState, new_job_id
from assay.entities.runs import RunStatus
from assay.entities.tags import PROJECT_REASON
from assay.errors import InvalidInput
from assay.projects.backends import backend
from assay.projects.backends.base import SubmittedRun, SupportsAttach
from assay.projects.launch import Launch
from assay.projects.launching import prepare, submit
from assay.projects.queue.submit import QueueBackend, QueueRun
from assay.store.user import local_cause
from tests.services.git import commit_all
from tests.unit.projects.conftest import Make

MLPROJECT = """
name: sent
resources: {cpu: 2, gpu: 1}
entry_points:
  main:
    parameters:
      data: path
      rows: {type: int, default: 3}
    command: "cat {data}"
"""


def sent(client: Client, run: QueueRun) -> Launch:
    """The launch as an agent gets it."""
    return msgspec.json.decode(client.store.jobs.get(run.job.job_id).launch, type=Launch)


def queued(uri: str, **config: object) -> QueueRun:
    launch = prepare(uri, command=["true"], backend="queue")
    return QueueBackend().submit(launch, config, echo=False)


def test_folder_goes_with_the_run_and_its_files(client: Client, project: Make, home: Path) -> None:
    folder = project({"MLproject": MLPROJECT, "a.py": "x = 1\n"})
    (home / "rows.csv").write_text("1,2\n")
    launch = prepare(str(folder), parameters={"data": "rows.csv"}, backend="queue")

    run = QueueBackend().submit(launch, {"queue": "gpu", "priority": 5}, echo=False)

    got = sent(client, run)
    assert got.project == f"runs:/{run.run_id}/assay/project.zip"
    content = client.read_artifact(run.run_id, "assay/project.zip")
    assert sorted(zipfile.ZipFile(io.BytesIO(content)).namelist()) == ["MLproject", "a.py"]
    assert got.parameters == {
        "data": f"runs:/{run.run_id}/assay/inputs/data/rows.csv",
        "rows": "3",
    }
    assert client.read_artifact(run.run_id, "assay/inputs/data/rows.csv") == b"1,2\n"
    job = run.job
    assert (job.queue, job.priority, job.resources) == ("gpu", 5, Capacity(cpu=2, gpu=1))
    assert client.get_run(run.run_id).data.params == {"data": "rows.csv", "rows": "3"}
    assert client.get_run(run.run_id).info.status is RunStatus.SCHEDULED


def test_subfolder_goes_with_what_lies_above_it(client: Client, project: Make) -> None:
    folder = project({"shared.py": "", "train/MLproject": MLPROJECT})
    run = queued(f"{folder}#train")
    assert sent(client, run).project == f"runs:/{run.run_id}/assay/project.zip#train"
    content = client.read_artifact(run.run_id, "assay/project.zip")
    assert "shared.py" in zipfile.ZipFile(io.BytesIO(content)).namelist()


def test_repository_of_this_machine_goes_as_it_was_at_its_commit(
    client: Client, project: Make
) -> None:
    folder = project({"main.py": "first\n"})
    commit = commit_all(folder)
    (folder / "main.py").write_text("changed\n")
    run = QueueBackend().submit(
        prepare(folder.as_uri(), version=commit, command=["true"], backend="queue"), {}, echo=False
    )
    got = sent(client, run)
    assert (got.project, got.version) == (f"runs:/{run.run_id}/assay/project.zip", None)
    content = client.read_artifact(run.run_id, "assay/project.zip")
    assert zipfile.ZipFile(io.BytesIO(content)).read("main.py") == b"first\n"


def test_status_follows_the_job(client: Client, project: Make) -> None:
    run = queued(str(project({"main.py": ""})))
    assert isinstance(run, SubmittedRun)
    assert run.get_status() == "SCHEDULED"
    lease_id = new_job_id()
    job = client.store.jobs.lease(
        ["default"],
        agent="a",
        lease_id=lease_id,
        lease_s=60,
        capacity=Capacity(),
        cause=local_cause(),
    )
    assert job is not None
    assert run.get_status() == "RUNNING"
    client.store.jobs.finish(job.job_id, lease_id=lease_id, state="finished", cause=local_cause())
    assert run.wait()
    assert run.get_status() == "FINISHED"
    run.cancel()
    assert run.get_status() == "FINISHED"


def test_log_is_shown_while_it_is_waited_for(
    client: Client, project: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    launch = prepare(str(project({"main.py": ""})), command=["true"], backend="queue")
    run = QueueBackend().submit(launch, {}, echo=True)
    client.log_text(run.run_id, "one\ntwo\nlast", "assay/output.log")
    client.store.jobs.lease(
        ["default"],
        agent="a",
        lease_id="l",
        lease_s=60,
        capacity=Capacity(),
        cause=local_cause(),
    )
    client.store.jobs.finish(run.job.job_id, lease_id="l", state="failed", cause=local_cause())
    assert not run.wait()
    assert capsys.readouterr().out == "one\ntwo\nlast\n"


def test_another_process_finds_and_cancels_it(client: Client, project: Make) -> None:
    made = queued(str(project({"main.py": ""})))
    place = backend("queue")
    assert isinstance(place, SupportsAttach)
    found = place.attach(client.get_run(made.run_id), client)
    found.cancel()
    assert made.get_status() == "KILLED"
    assert client.store.jobs.get(made.job.job_id).state is JobState.CANCELLED
    other = prepare(str(project({"main.py": ""})), command=["true"], backend="queue")
    with pytest.raises(InvalidInput, match="in no queue"):
        place.attach(client.get_run(other.run_id), client)


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"quue": "gpu"}, "Did you mean 'queue'"),
        ({"queue": 3}, "setting 'queue'"),
        ({"queue": "a b"}, "Invalid queue"),
        ({"max_attempts": 0}, "attempts"),
    ],
)
def test_wrong_setting_is_refused_and_the_run_failed(
    client: Client, project: Make, config: dict[str, object], words: str
) -> None:
    launch = prepare(str(project({"main.py": ""})), command=["true"], backend="queue")
    with pytest.raises(InvalidInput, match=words):
        submit(QueueBackend(), launch, config, echo=False)
    run = client.get_run(launch.run_id)
    assert run.info.status is RunStatus.FAILED
    assert run.data.tags[PROJECT_REASON]
