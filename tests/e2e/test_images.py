"""Images and deployments in containers: built, run, asked and ended for real, by Podman."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import urllib3
from click.testing import CliRunner, Result

import assay
from assay.cli.main import cli
from assay.client.client import Client
from assay.containers.builder import build_image, find_builder
from assay.deployments import State, get_deploy_client, run_local
from assay.deployments.base import (
    BaseDeploymentClient,
    Deployed,
    DeploymentExists,
    DeploymentFailed,
    DeploymentNotFound,
)
from assay.errors import AssayError, InvalidInput
from tests.services.containers import BASE_IMAGE, Podman

IMAGE = "assay-test/sum:1"
_MODEL = """
import os
import numpy as np
from assay.models import set_model
from assay.pyfunc import PythonModel

class Sum(PythonModel):
    def predict(self, context, model_input, params=None):
        rows = np.asarray(model_input)
        # A row of millions is answered with as many bytes of memory.
        used = np.ones(int(rows.max()), dtype="u1") if rows.max() > 1e6 else None
        return rows.sum(axis=1) + {more} + (0 if used is None else 1)

set_model(Sum())
"""
_ASK = """
import json, sys, urllib.request
body = json.dumps({"inputs": json.loads(sys.argv[1])}).encode()
kind = {"Content-Type": "application/json"}
ask = urllib.request.Request("http://127.0.0.1:8080/invocations", body, kind)
print(urllib.request.urlopen(ask, timeout=20).read().decode())
"""


def save(folder: Path, more: str = "0") -> Path:
    """A model that adds up a row, and ``more``."""
    source = folder.with_suffix(".py")
    source.write_text(_MODEL.format(more=more))
    example = np.ones((2, 3))
    requirements = [f"numpy=={np.__version__}"]
    assay.pyfunc.save_model(
        folder, python_model=str(source), input_example=example, pip_requirements=requirements
    )
    return folder


def who_answers(deployment: Deployed) -> tuple[str, str]:
    """Model and version that a response names."""
    assert deployment.endpoint is not None
    body = {"inputs": [[1, 2, 3]]}
    response = urllib3.request("POST", f"{deployment.endpoint}/invocations", json=body)
    assert response.status == 200
    return response.headers["x-assay-model"], response.headers["x-assay-version"]


@pytest.fixture(autouse=True)
def _surroundings(podman: Podman, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in podman.variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("ASSAY_QUIET", "1")
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def build(wheels: Path) -> Callable[..., Result]:
    """The command that builds an image."""

    def run(model: Path, name: str, code: int = 0) -> Result:
        offline = ["--wheels", str(wheels), "--base-image", BASE_IMAGE, "--network", "host"]
        command = ["models", "build-docker", "-m", str(model), "-n", name, *offline]
        done = CliRunner().invoke(cli, [*command, "--builder", "podman"], prog_name="assay")
        assert done.exit_code == code, done.output
        return done

    return run


@pytest.fixture(scope="module")
def image(
    build: Callable[..., Result], podman: Podman, tmp_path_factory: pytest.TempPathFactory
) -> str:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in podman.variables.items():
            patch.setenv(name, value)
        build(save(tmp_path_factory.mktemp("models") / "sum"), IMAGE)
    return IMAGE


@pytest.fixture(scope="module")
def container(podman: Podman, image: str) -> Iterator[str]:
    """A container of the image that has nothing but itself to talk to, and 300 MB."""
    limits = ["--memory", "300m", "--memory-swap", "300m", "--read-only", "--tmpfs", "/tmp"]
    alone = ["--network", "none", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"]
    made = podman("run", "--detach", *limits, *alone, image)
    until(lambda: is_healthy(podman, made))
    yield made
    podman("rm", "--force", "--time", "0", made)


def is_healthy(podman: Podman, container: str) -> bool:
    """Whether the image's own health check says so; its timers would need systemd."""
    check = json.loads(podman("inspect", container))[0]["Config"]["Healthcheck"]["Test"][1:]
    try:
        podman("exec", container, *check)
    except AssertionError:
        return False
    return True


def until(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.1)


def ask(podman: Podman, container: str, rows: list[list[float]]) -> Any:
    return json.loads(podman("exec", container, "python", "-c", _ASK, json.dumps(rows)))


def test_image_answers_on_port_8080_as_nobody_in_particular(podman: Podman, container: str) -> None:
    answer = ask(podman, container, [[1, 2, 3], [4, 5, 6]])

    who = podman("exec", container, "python", "-c", "import os; print(os.getuid(), os.getgid())")
    assert answer == {"predictions": [6.0, 15.0]}
    assert who == "10001 10001"


def test_container_can_write_nothing_of_its_own(podman: Podman, container: str) -> None:
    touch = "open('/opt/ml/model/MLmodel', 'a')"

    with pytest.raises(AssertionError, match=r"Permission denied|Read-only file system"):
        podman("exec", container, "python", "-c", touch)


def test_memory_limit_ends_the_prediction_and_not_the_server(
    podman: Podman, container: str
) -> None:
    with pytest.raises(AssertionError, match=r"Remote end closed|reset|50\d"):
        ask(podman, container, [[0, 0, 2_000_000_000]])

    until(lambda: is_healthy(podman, container))
    assert ask(podman, container, [[1, 2, 3]]) == {"predictions": [6.0]}


def test_image_has_only_what_serving_takes_and_says_so(podman: Podman, image: str) -> None:
    run = ["run", "--rm", "--network", "none", "--entrypoint", "python", image, "-c"]

    sbom = json.loads(podman(*run, "print(open('/opt/assay/sbom.cdx.json').read())"))
    found = podman(
        *run,
        "from importlib.metadata import distributions as d;"
        "print(*sorted(f'{x.name.lower()}=={x.version}' for x in d() if x.name != 'pip'))",
    ).split()

    libraries = [one for one in sbom["components"] if one["type"] == "library"]
    assert sorted(f"{one['name']}=={one['version']}" for one in libraries) == [
        one.replace("_", "-") for one in found
    ]
    assert not {"sqlalchemy", "pandas", "mlflow", "uv"} & {one.split("==")[0] for one in found}
    config = json.loads(podman("image", "inspect", image))[0]["Config"]
    assert config["Labels"]["org.opencontainers.image.title"] == "sum"
    assert config["User"] == "10001:10001"
    assert list(config["ExposedPorts"]) == ["8080/tcp"]


def test_container_starts_as_sagemaker_starts_it_and_ends_soon_when_told(
    podman: Podman, image: str
) -> None:
    made = podman("run", "--detach", "--network", "none", image, "serve")
    until(lambda: is_healthy(podman, made))
    begin = time.monotonic()

    podman("stop", "--time", "20", made)

    assert time.monotonic() - begin < 8
    assert json.loads(podman("inspect", made))[0]["State"]["ExitCode"] == 0
    podman("rm", made)


def test_model_that_answers_otherwise_in_the_image_makes_none(
    build: Callable[..., Result], podman: Podman, tmp_path: Path
) -> None:
    model = save(tmp_path / "other", more="os.getuid()")

    done = build(model, "assay-test/other:1", code=2)

    assert "doesn't answer what it did when it was saved" in done.output.splitlines()[-1]
    assert "assay-test/other" not in podman("images", "--format", "{{.Repository}}")


def test_buildah_builds_too_and_the_failing_step_is_named(podman: Podman, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text(
        f'FROM {BASE_IMAGE}\nRUN ["python", "-c", "raise SystemExit(\'no such luck\')"]\n'
    )

    with pytest.raises(AssayError, match=r"step 'RUN .*' failed: .*no such luck"):
        build_image(tmp_path, "assay-test/luck", builder=find_builder("buildah"))

    (tmp_path / "Dockerfile").write_text(f"FROM {BASE_IMAGE}\nLABEL luck=yes\n")
    build_image(tmp_path, "assay-test/luck", builder=find_builder("buildah"))
    assert '"luck": "yes"' in podman("image", "inspect", "assay-test/luck")


@pytest.fixture
def champion(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    """A registry with two versions of a model, of which the first is the champion."""
    monkeypatch.setenv("ASSAY_TRACKING_URI", f"sqlite:///{tmp_path}/assay.db")
    client = Client()
    for more in ("0", "100"):
        source = tmp_path / f"v{more}.py"
        source.write_text(_MODEL.format(more=more))
        assay.pyfunc.log_model(
            name="sum",
            python_model=str(source),
            input_example=np.ones((2, 3)),
            pip_requirements=[f"numpy=={np.__version__}"],
            registered_model_name="sum",
        )
    client.set_registered_model_alias("sum", "champion", "1")
    yield client
    client.close()


@pytest.fixture
def docker() -> Iterator[BaseDeploymentClient]:
    """The target, by Podman; what a test leaves is deleted."""
    target = get_deploy_client("docker:/podman")
    assert isinstance(target, BaseDeploymentClient)
    yield target
    for one in target.list_deployments():
        target.delete_deployment(one.name)


def test_deployment_in_a_container_from_creation_to_its_end(
    docker: BaseDeploymentClient, champion: Client, podman: Podman, wheels: Path, image: str
) -> None:
    offline = {"wheels": str(wheels), "base_image": BASE_IMAGE, "build_network": "host"}
    config = {**offline, "network": "host", "memory": "400m", "restart": "false"}

    made = docker.create_deployment("Sum_1", "models:/sum@champion", config=config)

    assert (made.state, made.version) == (State.RUNNING, "1")
    assert docker.predict("Sum_1", np.ones((1, 3)))["predictions"] == [3.0]
    assert who_answers(made) == ("sum", "1")
    noted = champion.store.deployments.of(name="sum")
    assert [(one.version, one.target, one.endpoint) for one in noted] == [
        (1, "docker", made.endpoint)
    ]
    entry = json.loads(podman("inspect", made.details["container"]))[0]
    assert entry["HostConfig"]["Memory"] == 400 << 20
    assert entry["HostConfig"]["ReadonlyRootfs"]
    with pytest.raises(DeploymentExists):
        docker.create_deployment("Sum_1", "models:/sum/1", config=config)

    champion.set_registered_model_alias("sum", "champion", "2")
    assert "version 2" in docker.get_deployment("Sum_1").reason
    changed = docker.update_deployment("Sum_1")

    assert (changed.version, changed.deployment_id) == ("2", made.deployment_id)
    assert docker.predict("Sum_1", np.ones((1, 3)))["predictions"] == [103.0]
    assert who_answers(changed) == ("sum", "2")
    assert [one.name for one in docker.list_deployments()] == ["Sum_1"]

    with pytest.raises(DeploymentFailed):
        docker.update_deployment("Sum_1", config={"image": BASE_IMAGE})
    assert docker.predict("Sum_1", np.ones((1, 3)))["predictions"] == [103.0]

    podman("kill", changed.details["container"])
    until(lambda: docker.get_deployment("Sum_1").state == State.DEAD)
    again = docker.restart("Sum_1")
    assert (again.state, again.endpoint) == (State.RUNNING, changed.endpoint)

    docker.delete_deployment("Sum_1")
    docker.delete_deployment("Sum_1")

    assert docker.list_deployments() == []
    assert "assay-sum-1" not in podman("images", "--format", "{{.Repository}}")
    assert champion.store.deployments.of(name="sum")[0].ended_time
    with pytest.raises(DeploymentNotFound):
        docker.predict("Sum_1", np.ones((1, 3)))


def test_update_on_a_port_asked_for_keeps_it_and_a_bad_one_changes_nothing(
    docker: BaseDeploymentClient, image: str
) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config = {"image": image, "network": "host", "port": port}

    made = docker.create_deployment("fixed", "sum", config=config)
    changed = docker.update_deployment("fixed", config={"memory": "1g"})

    assert changed.endpoint == made.endpoint == f"http://127.0.0.1:{port}"
    assert changed.details["container"] != made.details["container"]
    with pytest.raises(InvalidInput, match="no image 'assay-test/none'"):
        docker.update_deployment("fixed", config={"image": "assay-test/none"})
    assert docker.predict("fixed", np.ones((1, 3)))["predictions"] == [3.0]
    assert "Answering predictions" in docker.logs("fixed")
    docker.delete_deployment("fixed")


def test_container_in_the_foreground_tells_that_it_failed(podman: Podman) -> None:
    config = {"image": BASE_IMAGE, "network": "host"}

    with pytest.raises(DeploymentFailed, match="ended with status"):
        run_local("docker", "sum", "sum", config=config)


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({"memory": "lots"}, "memory"),
        ({"image": "x --privileged"}, "Invalid image name"),
        ({"base_image": "x\nRUN evil"}, "control characters"),
        ({"network": "host --privileged"}, "Invalid network"),
        ({"privileged": "true"}, "has no setting 'privileged'"),
        ({"port": "70000"}, "port"),
    ],
)
def test_bad_setting_is_refused_before_anything_is_made(
    docker: BaseDeploymentClient, config: dict[str, str], told: str
) -> None:
    with pytest.raises(InvalidInput, match=told):
        docker.create_deployment("sum", "sum", config=config)
    assert docker.list_deployments() == []
