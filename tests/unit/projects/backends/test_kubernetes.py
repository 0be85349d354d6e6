"""Jobs on a stand-in for a cluster, which runs their commands here."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from assay.client.client import Client
from assay.client.tracking_uri import current_location
from assay.containers.kubectl import Kubectl
from assay.entities import tags
from assay.errors import InvalidInput
from assay.projects.backends import backend
from assay.projects.backends.kubernetes import JobPlace
from assay.projects.backends.kubernetes_jobs import (
    KubernetesSettings,
    Wanted,
    job,
    read_template,
)
from assay.projects.backends.settings import read_settings
from assay.projects.execute import execute
from assay.projects.launch import Launch, Outcome, Resources
from assay.projects.launching import prepare
from tests.services import kubectl_jobs

_MLPROJECT = f"""
name: On a Cluster
docker_env:
  image: registry.example/base:1
  environment: [["COLOR", "blue$(HOME)"]]
secrets: [API_KEY]
entry_points:
  main:
    parameters: {{text: string, data: {{type: path, default: data.txt}}}}
    command: "{sys.executable} main.py {{text}} {{data}}"
  wait:
    command: "{sys.executable} wait.py"
"""
_MAIN = """
import json, os, sys
print("said in the pod", flush=True)
names = ("COLOR", "API_KEY", "MLFLOW_RUN_ID")
told = {name: os.environ[name] for name in names}
json.dump({"arguments": sys.argv[1:], **told}, open("told.json", "w"))
sys.exit(4 if sys.argv[1] == "fail" else 0)
"""
_HOSTILE = "a b'\"$(HOME) $$ `id`\n--x"
_CONFIG = {"image": "registry.example/on-cluster:1", "secrets": {"API_KEY": "team/api-key"}}
Carry = Callable[..., Outcome]


@pytest.fixture
def folder(project: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, home: Path) -> Path:
    wait = "import time\nprint('begun', flush=True)\ntime.sleep(600)\n"
    files = {"MLproject": _MLPROJECT, "main.py": _MAIN, "wait.py": wait, "data.txt": "x"}
    made: Path = project(files)
    monkeypatch.setenv("ASSAY_TRACKING_URI", f"sqlite:///{home}/assay.db")
    for name, value in kubectl_jobs.install(tmp_path, made).items():
        monkeypatch.setenv(name, value)
    return made


@pytest.fixture
def carry_out(folder: Path) -> Carry:
    """Carries a launch out, without the question whether pods reach this machine's database."""

    def run(launch: Launch, stop: threading.Event | None = None, **more: Any) -> Outcome:
        settings = read_settings(KubernetesSettings, {**_CONFIG, **more}, backend="kubernetes")
        place = JobPlace(Kubectl("team-a", "prod"), settings, {}, current_location())
        alone = Launch(**{**_fields(launch), "secrets": []})
        return execute(alone, echo=False, stop=stop, place=place)

    return run


def _fields(launch: Launch) -> dict[str, Any]:
    return {name: getattr(launch, name) for name in launch.__struct_fields__}


def until(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + 120
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.05)


def jobs(tmp_path: Path) -> list[Path]:
    return list((tmp_path / "cluster" / "team-a").glob("*.json"))


def test_job_runs_the_command_and_its_log_is_kept(
    folder: Path, carry_out: Carry, tmp_path: Path
) -> None:
    launch = prepare(str(folder), parameters={"text": _HOSTILE}, backend="kubernetes")

    outcome = carry_out(launch)

    assert (outcome.status, outcome.exit_code) == ("FINISHED", 0)
    assert json.loads((folder / "told.json").read_text()) == {
        "arguments": [_HOSTILE, "data.txt"],
        "COLOR": "blue$(HOME)",
        "API_KEY": "of the cluster",
        "MLFLOW_RUN_ID": launch.run_id,
    }
    client = Client()
    assert b"said in the pod" in client.read_artifact(launch.run_id, "assay/output.log")
    assert client.get_run(launch.run_id).data.tags[tags.PROJECT_ENV] == "docker"
    assert jobs(tmp_path) == []


def test_failure_of_the_command_is_the_runs(folder: Path, carry_out: Carry) -> None:
    launch = prepare(str(folder), parameters={"text": "fail"}, backend="kubernetes")

    outcome = carry_out(launch)

    assert (outcome.status, outcome.exit_code) == ("FAILED", 4)


def test_image_that_cant_be_pulled_is_told(folder: Path, carry_out: Carry, tmp_path: Path) -> None:
    launch = prepare(str(folder), parameters={"text": "x"}, backend="kubernetes")

    outcome = carry_out(launch, image="registry.example/missing:1")

    assert outcome.status == "FAILED"
    assert "can't begin: ImagePullBackOff Back-off pulling image" in outcome.reason
    assert jobs(tmp_path) == []


def test_cancelled_run_deletes_its_job(folder: Path, carry_out: Carry, tmp_path: Path) -> None:
    launch = prepare(str(folder), entry_point="wait", backend="kubernetes")
    stop = threading.Event()
    ended: list[Outcome] = []
    thread = threading.Thread(target=lambda: ended.append(carry_out(launch, stop)))
    thread.start()
    until(lambda: bool(jobs(tmp_path)))

    stop.set()
    thread.join()

    assert ended[0].status == "KILLED"
    assert jobs(tmp_path) == []


def test_file_of_this_machine_is_refused(folder: Path, carry_out: Carry, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("x")
    given = {"text": "x", "data": str(tmp_path / "mine.txt")}
    launch = prepare(str(folder), parameters=given, backend="kubernetes")

    outcome = carry_out(launch)

    assert outcome.status == "FAILED"
    assert "A pod can't see" in outcome.reason


def _wanted(**more: Any) -> Wanted:
    fixed: dict[str, Any] = {
        "name": "x-1",
        "namespace": "team-a",
        "run_id": "0" * 32,
        "image": "registry.example/x:1",
        "command": ["python", "main.py"],
        "variables": {"A": "1"},
        "resources": Resources(cpu=1.5, memory_mb=512, gpu=1),
        "timeout_s": 60,
    }
    return Wanted(**{**fixed, **more})


@pytest.mark.parametrize("version", ["1.30", "1.37"])
def test_job_of_our_own_template_fits_the_schemas_and_is_careful(version: str) -> None:
    config = {**_CONFIG, "service-account": "trainer", "node-selector": {"disk": "ssd"}}
    settings = read_settings(KubernetesSettings, config, backend="kubernetes")

    made = job(_wanted(), settings, {})

    kubernetes_validate.validate(made, version, strict=True)
    pod = made["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["automountServiceAccountToken"] is False
    assert (pod["serviceAccountName"], pod["nodeSelector"]) == ("trainer", {"disk": "ssd"})
    (container,) = pod["containers"]
    assert container["resources"]["limits"] == {
        "cpu": "1.5",
        "memory": "512Mi",
        "nvidia.com/gpu": "1",
    }
    secret = {"secretKeyRef": {"name": "team", "key": "api-key"}}
    assert {"name": "API_KEY", "valueFrom": secret} in container["env"]
    assert made["spec"]["activeDeadlineSeconds"] == 60
    assert made["spec"]["backoffLimit"] == 0


def test_users_template_is_filled_in_and_keeps_the_rest(tmp_path: Path) -> None:
    own = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "{replaced}", "namespace": "mlflow", "labels": {"team": "a"}},
        "spec": {
            "ttlSecondsAfterFinished": 100,
            "backoffLimit": 3,
            "template": {
                "spec": {
                    "containers": [
                        {
                            "name": "{replaced}",
                            "image": "{replaced}",
                            "command": ["{replaced}"],
                            "env": [{"name": "KEPT", "value": "yes"}],
                            "resources": {"limits": {"memory": "1Gi"}},
                        }
                    ],
                    "restartPolicy": "Always",
                }
            },
        },
    }
    file = tmp_path / "job.yaml"
    file.write_text(yaml.safe_dump(own))
    settings = KubernetesSettings(image="registry.example/x:1")

    made = job(_wanted(resources=Resources(cpu=2)), settings, read_template(str(file)))

    container = made["spec"]["template"]["spec"]["containers"][0]
    assert made["metadata"]["labels"]["team"] == "a"
    assert made["spec"]["ttlSecondsAfterFinished"] == 100
    assert made["spec"]["template"]["spec"]["restartPolicy"] == "Never"
    assert {"name": "KEPT", "value": "yes"} in container["env"]
    assert container["command"] == ["python", "main.py"]
    assert container["resources"]["limits"] == {"memory": "1Gi", "cpu": "2"}


@pytest.mark.parametrize(
    "text", ["", "kind: Pod", "a: [", "kind: Job\nspec: {template: {spec: {containers: []}}}"]
)
def test_template_that_is_no_job_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "job.yaml").write_text(text)

    with pytest.raises(InvalidInput, match="template"):
        read_template(str(tmp_path / "job.yaml"))


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({"kube-contxt": "a"}, "Did you mean 'kube-context'"),
        ({"kube-context": "--kubeconfig=/x"}, "kube-context can't begin with"),
        ({"namespace": "../x"}, "'namespace'"),
        ({"secrets": {"A": "x"}}, "secret/key"),
        ({"image-pull-policy": "Sometimes"}, "image-pull-policy"),
        ({"image": "x"}, "on this machine only"),
    ],
)
def test_setting_that_cant_be_is_refused(folder: Path, config: dict[str, Any], told: str) -> None:
    launch = prepare(str(folder), entry_point="wait", backend="kubernetes")

    with pytest.raises(InvalidInput, match=told):
        backend("kubernetes").submit(launch, config, echo=False)


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({"image": "x"}, "needs the secret API_KEY"),
        ({"secrets": {"API_KEY": "a/b"}}, "either repository-uri"),
        ({"secrets": {"API_KEY": "a/b"}, "image": "X y"}, "image name"),
    ],
)
def test_what_a_cluster_would_lack_is_told_before_anything_is_made(
    folder: Path, config: dict[str, Any], told: str
) -> None:
    launch = prepare(str(folder), entry_point="wait", backend="kubernetes")
    elsewhere = Launch(**{**_fields(launch), "tracking_uri": "https://assay.example"})

    with pytest.raises(InvalidInput, match=told):
        backend("kubernetes").submit(elsewhere, config, echo=False)
