"""Projects in containers: run for real, by Podman, with nothing fetched."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import assay
from assay.client.client import Client
from assay.client.tracking_uri import current_location
from assay.containers.kubectl import Kubectl
from assay.entities import tags
from assay.errors import ExecutionFailed
from assay.projects.backends import backend
from assay.projects.backends.kubernetes import JobPlace
from assay.projects.backends.kubernetes_jobs import KubernetesSettings
from assay.projects.backends.settings import read_settings
from assay.projects.execute import execute
from assay.projects.launching import prepare
from tests.services import kubectl_jobs, registry
from tests.services.containers import BASE_IMAGE, Podman

_MLPROJECT = f"""
name: boxed
docker_env:
  image: {BASE_IMAGE}
  environment: [["COLOR", "dark blue"], "FROM_HERE"]
entry_points:
  main:
    parameters:
      text: {{type: string, default: plain}}
      data: {{type: path, default: inside.txt}}
    command: python main.py {{text}} {{data}}
  wait:
    command: python wait.py
  fail:
    command: python fail.py
  absent:
    command: no-such-program
"""
_MAIN = """
import json, os, pathlib, sys
text, data = sys.argv[1:]
print("said inside", flush=True)
names = ("COLOR", "FROM_HERE", "MLFLOW_RUN_ID", "MLFLOW_TRACKING_URI", "HOME", "UNRELATED")
told = {name: os.environ.get(name) for name in names}
told.update(text=text, content=pathlib.Path(data).read_text(), folder=os.getcwd())
pathlib.Path("told.json").write_text(json.dumps(told))
"""
_WAIT = """
import signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit("asked to end"))
print("begun", flush=True)
time.sleep(600)
"""
_PACKAGES = [sysconfig.get_path("purelib"), Path(assay.__file__).parents[1]]
_HOSTILE = "a b'\"$(touch /tmp/x); `id` | rm\n--privileged"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    for name, text in (
        ("MLproject", _MLPROJECT),
        ("main.py", _MAIN),
        ("wait.py", _WAIT),
        ("fail.py", "raise SystemExit(3)"),
    ):
        (folder / name).write_text(text)
    (folder / "inside.txt").write_text("of the project")
    return folder


@pytest.fixture(autouse=True)
def client(podman: Podman, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    for name, value in podman.variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("ASSAY_TRACKING_URI", str(tmp_path / ".assay"))
    for name in ("ASSAY_RUN_ID", "MLFLOW_RUN_ID", "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    made = Client()
    yield made
    made.close()


def containers(podman: Podman, run_id: str) -> str:
    return podman("ps", "--all", "--quiet", "--filter", f"label=assay.run={run_id}")


def until(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + 180
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.1)


def log_of(client: Client, run_id: str) -> str:
    try:
        return client.read_artifact(run_id, "assay/output.log").decode()
    except assay.errors.NotFound:
        return ""


def test_command_runs_in_the_image_with_what_the_project_names_and_nothing_else(
    project: Path, client: Client, podman: Podman, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FROM_HERE", "copied")
    monkeypatch.setenv("UNRELATED", "stays here")
    (tmp_path / "outside.txt").write_text("of the caller")

    done = assay.projects.run(
        str(project), backend="podman", parameters={"text": _HOSTILE, "data": "outside.txt"}
    )

    told = json.loads((project / "told.json").read_text())
    assert (project / "told.json").stat().st_uid == os.getuid()
    assert told == {
        "COLOR": "dark blue",
        "FROM_HERE": "copied",
        "MLFLOW_RUN_ID": done.run_id,
        "MLFLOW_TRACKING_URI": client.location.tracking_uri,
        "HOME": "/tmp",
        "UNRELATED": None,
        "text": _HOSTILE,
        "content": "of the caller",
        "folder": "/mlflow/projects/code",
    }
    run = client.get_run(done.run_id)
    assert run.info.status == "FINISHED"
    assert run.data.tags[tags.PROJECT_ENV] == "docker"
    assert run.data.tags[tags.PROJECT_ENVIRONMENT].startswith("sha256:")
    assert "said inside" in log_of(client, done.run_id)
    assert containers(podman, done.run_id) == ""


def test_program_in_the_container_logs_to_the_run_with_the_assay_it_has(
    project: Path, client: Client
) -> None:
    volumes = [f"{place}:/packages/{at}:ro" for at, place in enumerate(_PACKAGES)]
    variables = {"PYTHONPATH": ":".join(f"/packages/{at}" for at in range(len(_PACKAGES)))}
    text = (project / "MLproject").read_text()
    (project / "MLproject").write_text(f"{text}\nvariables: {json.dumps(variables)}\n")
    (project / "main.py").write_text("import assay\nassay.log_metric('inside', 2.5)\n")

    done = assay.projects.run(str(project), backend="podman", docker_args={"volume": volumes})

    assert client.get_run(done.run_id).data.metrics == {"inside": 2.5}


@pytest.mark.parametrize(
    ("entry", "args", "told"),
    [
        ("fail", {}, "exit code 3"),
        ("absent", {}, "exit code 127"),
        ("main", {"no-such-option": True}, "podman can't run it"),
    ],
)
def test_failure_in_the_container_is_told(
    project: Path, client: Client, podman: Podman, entry: str, args: dict[str, bool], told: str
) -> None:
    with pytest.raises(ExecutionFailed, match=told) as caught:
        assay.projects.run(str(project), entry, backend="docker", docker_args=args)

    run = client.get_run(caught.value.run_id)
    assert run.info.status == "FAILED"
    assert containers(podman, run.info.run_id) == ""


def test_image_that_is_nowhere_fails_the_run(project: Path, client: Client) -> None:
    text = (project / "MLproject").read_text().replace(BASE_IMAGE, "127.0.0.1:1/none:1")
    (project / "MLproject").write_text(text)

    with pytest.raises(ExecutionFailed, match="podman has none, and can't pull it"):
        assay.projects.run(str(project), backend="podman")


def test_cancelled_run_ends_its_container_gently(
    project: Path, client: Client, podman: Podman
) -> None:
    launch = prepare(str(project), entry_point="wait", backend="podman")
    going = backend("podman").submit(launch, {}, echo=False)
    until(lambda: "begun" in log_of(client, launch.run_id))

    going.cancel()

    assert client.get_run(launch.run_id).info.status == "KILLED"
    assert "asked to end" in log_of(client, launch.run_id)
    assert containers(podman, launch.run_id) == ""


def test_container_goes_with_the_process_that_follows_it(
    project: Path, client: Client, podman: Podman
) -> None:
    launch = prepare(str(project), entry_point="wait", backend="podman")
    going = backend("podman").submit(launch, {"background": True}, echo=False)
    until(lambda: "begun" in log_of(client, launch.run_id))
    process = client.get_run(launch.run_id).data.tags[tags.PROJECT_PROCESS].split()[1]

    os.kill(int(process), signal.SIGKILL)

    until(lambda: containers(podman, launch.run_id) == "")
    assert going.get_status() == "FAILED"


def test_background_run_is_stopped_by_another_process(
    project: Path, client: Client, podman: Podman
) -> None:
    launch = prepare(str(project), entry_point="wait", backend="podman")
    backend("podman").submit(launch, {"background": True}, echo=False)
    until(lambda: "begun" in log_of(client, launch.run_id))

    stopping = [sys.executable, "-m", "assay", "runs", "stop", launch.run_id]
    subprocess.run(stopping, check=True, capture_output=True)

    assert client.get_run(launch.run_id).info.status == "KILLED"
    assert containers(podman, launch.run_id) == ""


def test_image_is_built_of_the_projects_files(
    project: Path, client: Client, podman: Podman
) -> None:
    (project / "main.py").write_text(
        "import pathlib; print(pathlib.Path('inside.txt').read_text())"
    )

    done = assay.projects.run(str(project), backend="podman", build_image=True)
    (project / "inside.txt").write_text("changed since")
    image = f"assay-project:{done.run_id[:12]}"
    again = podman("run", "--rm", image, "python", "main.py")

    assert "of the project" in log_of(client, done.run_id)
    assert again == "of the project"


def test_image_is_built_of_the_projects_dockerfile(
    project: Path, client: Client, podman: Podman
) -> None:
    (project / "Dockerfile").write_text(f"FROM {BASE_IMAGE}\nENV BAKED=well\n")
    (project / "main.py").write_text("import os; print('baked', os.environ['BAKED'])")

    done = assay.projects.run(str(project), backend="podman", build_image=True)

    assert "baked well" in log_of(client, done.run_id)


def test_image_for_a_cluster_is_built_pushed_and_named_by_its_digest(
    project: Path, client: Client, podman: Podman, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in kubectl_jobs.install(tmp_path, project).items():
        monkeypatch.setenv(name, value)
    with registry.running() as server:
        trusted = f'[[registry]]\nlocation = "{server.host}"\ninsecure = true\n'
        (tmp_path / "registries.conf").write_text(trusted)
        monkeypatch.setenv("CONTAINERS_REGISTRIES_CONF", str(tmp_path / "registries.conf"))
        config = {
            "repository-uri": f"{server.host}/team/boxed",
            "keep-job": True,
            "docker_auth": {
                "username": registry.USER,
                "password": registry.PASSWORD,
                "registry": server.host,
            },
        }
        settings = read_settings(KubernetesSettings, config, backend="kubernetes")
        place = JobPlace(Kubectl("default", None), settings, {}, current_location())
        launch = prepare(str(project), entry_point="fail", backend="kubernetes")

        outcome = execute(launch, echo=False, place=place)

        assert (outcome.status, outcome.exit_code) == ("FAILED", 3), outcome.reason
        (file,) = (tmp_path / "cluster" / "default").glob("*.json")
        container = json.loads(file.read_text())["spec"]["template"]["spec"]["containers"][0]
        repository, _, digest = container["image"].partition("@")
        assert repository == f"{server.host}/team/boxed"
        assert f"/v2/team/boxed/manifests/{digest}" in server.kept
        assert container["workingDir"] == "/mlflow/projects/code"
    run = client.get_run(launch.run_id)
    assert run.data.tags[tags.PROJECT_ENVIRONMENT] == digest
    assert registry.PASSWORD not in log_of(client, launch.run_id)
