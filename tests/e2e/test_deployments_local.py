"""The target local, end to end: real servers that go on by themselves, and the real registry."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import urllib3
from click.testing import CliRunner

import assay
from assay.cli.main import cli
from assay.client.client import Client
from assay.deployments.base import DeploymentExists, DeploymentFailed, DeploymentNotFound, State
from assay.deployments.local import LocalDeployments
from assay.entities.governance import Direction, NodeKind
from assay.errors import InvalidInput, InvalidName, NotFound, StoreUnavailable
from tests.services.scoring import wait_until

_ROWS = np.array([[1.0, 2.0]])
_FAST = {"env_manager": "local", "follow": 0.1, "start_timeout": 120}
_CHAMPION = "models:/digits@champion"


_CODE = """
import numpy as np
from assay.models import set_model
from assay.pyfunc import PythonModel

class Constant(PythonModel):
    def predict(self, context, model_input, params=None):
        return np.full(len(model_input), {answer})

set_model(Constant())
"""


class Registry:
    """A registry with versions of one model; version 1 answers 1 to everything, and so on."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        assay.set_tracking_uri(f"sqlite:///{folder}/assay.db")
        self.client = Client(f"sqlite:///{folder}/assay.db")

    def add(self, answer: int) -> str:
        """A version; the id of its model."""
        code = self.folder / f"answers_{answer}.py"
        code.write_text(_CODE.format(answer=answer))
        with assay.start_run():
            logged = assay.pyfunc.log_model(
                name="model",
                python_model=str(code),
                input_example=_ROWS,
                pip_requirements=["numpy"],
                registered_model_name="digits",
            )
        return str(logged.model_id)

    def add_broken(self, answer: int) -> None:
        """A version whose files aren't what was saved."""
        model_id = self.add(answer)
        found = (one for one in self.folder.rglob("golden.json") if model_id in one.parts)
        for golden in found:
            golden.write_text("[]")

    def champion(self, version: int) -> None:
        self.client.set_registered_model_alias("digits", "champion", str(version))

    def noted(self) -> list[tuple[int, str, bool]]:
        """Version, endpoint, and whether it is over, of all deployments."""
        found = self.client.store.deployments.of(name="digits")
        return [(one.version, one.endpoint, one.ended_time is not None) for one in found]


@pytest.fixture
def target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalDeployments]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("ASSAY_SERVE_TOKEN", raising=False)
    client = LocalDeployments()
    yield client
    for one in client.list_deployments():
        client.delete_deployment(one.name)
    assert not _servers(tmp_path)


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    made = Registry(tmp_path)
    yield made
    made.client.close()
    assay.set_tracking_uri("")


def _servers(folder: Path) -> list[str]:
    """Processes that serve for this test."""
    listed = subprocess.run(["ps", "-ewwo", "args="], capture_output=True, text=True, check=True)
    return [line for line in listed.stdout.splitlines() if f"{folder}/state/" in line]


def _answer(target: LocalDeployments, name: str = "digits") -> Any:
    return target.predict(name, _ROWS).get_predictions("ndarray").tolist()[0]


class Asking:
    """Requests without a pause, until the context ends."""

    def __init__(self, url: str) -> None:
        self.failed: list[Any] = []
        self.seen: set[int] = set()
        self._url, self._done = url, threading.Event()
        self._thread = threading.Thread(target=self._ask)

    def _ask(self) -> None:
        body = json.dumps({"inputs": [[1.0, 2.0]]})
        headers = {"content-type": "application/json"}
        with urllib3.PoolManager(retries=False) as pool:
            while not self._done.is_set():
                try:
                    reply = pool.request(
                        "POST", f"{self._url}/invocations", body=body, headers=headers
                    )
                    self.seen.add(reply.json()["predictions"][0])
                except (urllib3.exceptions.HTTPError, KeyError, ValueError) as error:
                    self.failed.append(error)

    def __enter__(self) -> Asking:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()


def test_a_deployment_follows_is_changed_dies_is_started_again_and_goes(
    registry: Registry, target: LocalDeployments, tmp_path: Path
) -> None:
    for answer in (1, 2, 3):
        registry.add(answer)
    registry.add_broken(4)
    registry.champion(1)

    made = target.create_deployment("digits", _CHAMPION, config=_FAST)

    assert (made.state, made.version, made["name"]) == (State.RUNNING, "1", "digits")
    assert _answer(target) == 1
    assert registry.noted() == [(1, made.endpoint, False)]
    with pytest.raises(DeploymentExists):
        target.create_deployment("digits", "models:/digits/2", config=_FAST)
    for path in (tmp_path / "state" / "assay" / "deployments").rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, path

    with Asking(made.endpoint) as asking:
        # The registry decides, and a rollback there is one here.
        registry.champion(2)
        wait_until(lambda: registry.noted() == [(2, made.endpoint, False)], "the new champion")
        assert _answer(target) == 2
        rollback = ["registry", "rollback", "digits", "--alias", "champion"]
        assert CliRunner().invoke(cli, rollback).exit_code == 0
        wait_until(lambda: registry.noted() == [(1, made.endpoint, False)], "the old champion")
        assert (_answer(target), target.get_deployment("digits").version) == (1, "1")

        changed = target.update_deployment("digits", "models:/digits/3")

        assert (changed.endpoint, changed.version, _answer(target)) == (made.endpoint, "3", 3)
        # What can't be, leaves all as it was.
        with pytest.raises(DeploymentFailed, match=r"golden\.json"):
            target.update_deployment("digits", "models:/digits/4")
        with pytest.raises(InvalidInput, match="wrkers"):
            target.update_deployment("digits", config={"wrkers": 2})
        with pytest.raises(NotFound):
            target.update_deployment("digits", "models:/digits/9")
        with pytest.raises(DeploymentFailed, match="insecure"):
            target.update_deployment("digits", config={"host": "0.0.0.0"})
        now = target.get_deployment("digits")
        assert (now.state, now.endpoint, now.model_uri, now.version) == (
            State.RUNNING,
            made.endpoint,
            "models:/digits/3",
            "3",
        )
        assert registry.noted() == [(3, made.endpoint, False)]
        assert len(_servers(tmp_path)) == 1
    assert not asking.failed
    assert asking.seen == {1, 2, 3}

    os.kill(int(changed.details["pid"]), signal.SIGKILL)
    wait_until(lambda: target.get_deployment("digits").state is State.DEAD, "its death")
    with pytest.raises(StoreUnavailable, match="restart"):
        _answer(target)
    again = target.restart("digits")
    assert (again.endpoint, again.version, _answer(target)) == (made.endpoint, "3", 3)

    target.delete_deployment("digits")

    assert target.list_deployments() == []
    assert registry.noted() == [(3, made.endpoint, True)]
    lineage = registry.client.store.lineage.graph(
        NodeKind.DEPLOYMENT, made.deployment_id, direction=Direction.UPSTREAM, depth=3
    )
    assert {node.id for node in lineage.nodes} >= {made.deployment_id, "digits/3"}
    target.delete_deployment("digits")
    with pytest.raises(DeploymentNotFound):
        target.get_deployment("digits")


def test_the_commands_do_it_with_mlflows_options(
    registry: Registry, target: LocalDeployments, tmp_path: Path
) -> None:
    registry.add(1)
    rows = tmp_path / "rows.json"
    rows.write_text('{"inputs": [[1, 2]]}')

    def run(command: str, *more: str) -> str:
        done = CliRunner().invoke(cli, ["deployments", command, "-t", "local", *more])
        assert done.exit_code == 0, done.output
        return done.output

    settings = [part for key, value in _FAST.items() for part in ("-C", f"{key}={value}")]
    created = run("create", "--name", "d", "-m", "models:/digits/1", *settings)
    first = json.loads(run("get", "--name", "d", "--json"))
    assert first["endpoint"] in created
    assert json.loads(run("predict", "--name", "d", "-I", str(rows))) == {"predictions": [1]}
    run("predict", "--name", "d", "-I", str(rows), "-O", str(tmp_path / "answer.json"))
    assert json.loads((tmp_path / "answer.json").read_text()) == {"predictions": [1]}
    # Other settings: another server, which answers before the first one goes.
    with Asking(first["endpoint"]) as asking:
        wait_until(lambda: asking.seen, "an answer")
        run("update", "--name", "d", "-C", "workers=2")
    assert asking.seen == {1}
    second = json.loads(run("get", "--name", "d", "--json"))
    assert second["endpoint"] != first["endpoint"]
    assert second["config"]["workers"] == "2"
    assert f"d\trunning\tdigits\t1\t{second['endpoint']}" in run("list")
    assert "Answering predictions of d" in run("logs", "--name", "d", "-n", "5")
    run("delete", "--name", "d")
    assert run("list").splitlines()[1:] == []


def test_run_local_serves_in_the_foreground_until_it_is_told_to_end(
    registry: Registry, tmp_path: Path
) -> None:
    registry.add(1)
    command = ["deployments", "run-local", "-t", "local", "--name", "d", "-m", "models:/digits/1"]
    with subprocess.Popen(
        [sys.executable, "-m", "assay", *command, "-C", "env_manager=local"],
        stdout=subprocess.PIPE,
        text=True,
    ) as running:
        try:
            assert running.stdout is not None
            url = re.search(r"http://\S+", running.stdout.readline())
            assert url is not None
            with Asking(url[0]) as asking:
                wait_until(lambda: asking.seen == {1}, "an answer")
        finally:
            running.terminate()
        assert running.stdout.read() == ""
    assert running.returncode == 0
    with pytest.raises(urllib3.exceptions.HTTPError), urllib3.PoolManager(retries=False) as pool:
        pool.request("GET", f"{url[0]}/ping")


def test_one_that_cannot_be_served_leaves_nothing_behind(
    registry: Registry, target: LocalDeployments, tmp_path: Path
) -> None:
    registry.add_broken(1)

    with pytest.raises(DeploymentFailed, match=r"golden\.json"):
        target.create_deployment("bad", "models:/digits/1", config=_FAST)

    assert target.list_deployments() == []
    assert registry.noted() == []
    assert not _servers(tmp_path)


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../x", "a/b", "-x", "x-", "a b", "a\n", "ü", "a" * 64, None, 7]
)
def test_a_hostile_name_is_refused(target: LocalDeployments, tmp_path: Path, name: Any) -> None:
    with pytest.raises(InvalidName):
        target.create_deployment(name, "models:/digits/1")

    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"model_uri": "-m x"}, "begins with '-'"),
        ({"model_uri": "a\nb"}, "control characters"),
        ({"model_uri": "models:/digits"}, "names no version"),
        ({"flavor": "sklearn"}, "python_function"),
        ({"endpoint": "e"}, "Endpoints"),
        ({"config": {"port": "1; reboot"}}, "'port'"),
        ({"config": {"host": "x\n--trust"}}, "control characters"),
    ],
)
def test_a_hostile_request_is_refused(
    registry: Registry, target: LocalDeployments, arguments: dict[str, Any], told: str
) -> None:
    with pytest.raises(InvalidInput, match=told):
        target.create_deployment("d", **{"model_uri": "models:/digits/1", **arguments})

    assert target.list_deployments() == []
