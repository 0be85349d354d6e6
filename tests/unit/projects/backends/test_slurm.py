"""Batch jobs, by a stand-in for Slurm's programs; by Slurm itself where ``SLURM_CONF`` is set."""

from __future__ import annotations

import os
import stat
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import assay
from assay.client.client import Client
from assay.entities import tags
from assay.errors import InvalidInput, StoreUnavailable
from assay.projects.backends import backend
from assay.projects.backends.base import SupportsAttach
from assay.projects.backends.slurm import SlurmSettings, script
from assay.projects.launch import Launch, Resources
from assay.projects.launching import prepare
from tests.services import slurm

_MLPROJECT = f"""
name: batch
secrets: [API_KEY]
entry_points:
  main:
    parameters: {{text: string}}
    command: "{sys.executable} main.py {{text}}"
  wait:
    command: "{sys.executable} wait.py"
"""
_MAIN = """
import os, sys
print("got", repr(sys.argv[1]), os.environ["API_KEY"][:3], flush=True)
sys.exit(6 if sys.argv[1] == "fail" else 0)
"""
_WAIT = """
import signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit("asked to end"))
print("begun", flush=True)
time.sleep(600)
"""
_HOSTILE = "a'b\"\n#SBATCH --wrap=x\n$(touch /tmp/x)`id`; --y"
ON_STAND_IN = pytest.mark.skipif("SLURM_CONF" in os.environ, reason="needs the stand-in")


@pytest.fixture
def folder(project: Any, client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    made: Path = project({"MLproject": _MLPROJECT, "main.py": _MAIN, "wait.py": _WAIT})
    monkeypatch.setenv("API_KEY", "key-of-the-caller")
    if "SLURM_CONF" not in os.environ:
        for name, value in slurm.install(tmp_path).items():
            monkeypatch.setenv(name, value)
    return made


def until(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + 180
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.05)


def log_of(client: Client, run_id: str) -> str:
    try:
        return client.read_artifact(run_id, "assay/output.log").decode()
    except assay.errors.NotFound:
        return ""


def test_job_carries_the_launch_out_and_no_value_is_in_its_script(
    folder: Path, client: Client, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    launch = prepare(str(folder), parameters={"text": _HOSTILE}, backend="slurm")

    going = backend("slurm").submit(launch, {}, echo=True)

    assert going.wait()
    assert f"got {_HOSTILE!r}" in log_of(client, launch.run_id)
    assert "got " in capsys.readouterr().out
    batch = home / ".assay" / "slurm" / f"{launch.run_id}.sh"
    assert "touch" not in batch.read_text()
    assert "key-of-the-caller" not in batch.with_suffix(".json").read_text()
    assert stat.S_IMODE(batch.with_suffix(".json").stat().st_mode) == 0o600


def test_failure_of_the_command_is_the_runs(folder: Path, client: Client) -> None:
    launch = prepare(str(folder), parameters={"text": "fail"}, backend="slurm")

    going = backend("slurm").submit(launch, {}, echo=False)

    assert not going.wait()
    assert going.get_status() == "FAILED"
    assert client.get_run(launch.run_id).data.tags[tags.EXIT_CODE] == "6"


def test_another_process_cancels_a_job_and_its_command_ends_gently(
    folder: Path, client: Client
) -> None:
    launch = prepare(str(folder), entry_point="wait", backend="slurm")
    backend("slurm").submit(launch, {}, echo=False)
    until(lambda: "begun" in log_of(client, launch.run_id))
    found = backend("slurm")
    assert isinstance(found, SupportsAttach)

    found.attach(client.get_run(launch.run_id), client).cancel()

    assert client.get_run(launch.run_id).info.status == "KILLED"
    assert "asked to end" in log_of(client, launch.run_id)


@ON_STAND_IN
def test_job_that_waits_is_cancelled_before_it_begins(folder: Path, client: Client) -> None:
    launch = prepare(str(folder), entry_point="wait", backend="slurm")
    going = backend("slurm").submit(launch, {"partition": "full"}, echo=False)
    assert going.get_status() == "SCHEDULED"

    going.cancel()

    assert client.get_run(launch.run_id).info.status == "KILLED"
    assert not going.wait()


@ON_STAND_IN
def test_job_that_was_lost_fails_the_run(
    folder: Path, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("assay.projects.backends.slurm._LOST_S", 0.5)
    launch = prepare(str(folder), entry_point="wait", backend="slurm")

    going = backend("slurm").submit(launch, {"partition": "lost"}, echo=False)

    assert not going.wait()
    run = client.get_run(launch.run_id)
    assert run.info.status == "FAILED"
    assert "ended without telling how" in run.data.tags[tags.PROJECT_REASON]


def test_refusal_of_sbatch_is_told(folder: Path) -> None:
    launch = prepare(str(folder), entry_point="wait", backend="slurm")

    with pytest.raises(StoreUnavailable, match=r"sbatch refuses: .*Invalid partition"):
        backend("slurm").submit(launch, {"partition": "none"}, echo=False)


def test_machine_without_slurm_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    launch = prepare(str(folder), entry_point="wait", backend="slurm")
    monkeypatch.setenv("PATH", "")

    with pytest.raises(StoreUnavailable, match="There is no sbatch here"):
        backend("slurm").submit(launch, {}, echo=False)


def test_script_asks_for_what_the_project_needs(tmp_path: Path) -> None:
    launch = Launch(
        run_id="a" * 32,
        experiment_id="0",
        tracking_uri="",
        project="/p",
        resources=Resources(cpu=1.5, memory_mb=2048, gpu=2),
    )
    settings = SlurmSettings(
        partition="gpu", time="01:30:00", modules=["cuda/12.4"], options={"qos": "high", "nice": 5}
    )

    lines = script(launch, settings, tmp_path / "x.json").splitlines()

    assert {
        "#SBATCH --partition=gpu",
        "#SBATCH --time=01:30:00",
        "#SBATCH --cpus-per-task=2",
        "#SBATCH --mem=2048M",
        "#SBATCH --gres=gpu:2",
        "#SBATCH --qos=high",
        "#SBATCH --nice=5",
        "module load cuda/12.4",
    } <= set(lines)
    assert lines[-1] == f"exec {sys.executable} -m assay.projects.execute {tmp_path}/x.json"


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({"partion": "a"}, "Did you mean 'partition'"),
        ({"partition": "a b"}, "partition can't be"),
        ({"time": "1\n#SBATCH --wrap=x"}, "time can't be"),
        ({"options": {"wrap": "x"}}, "can't be set"),
        ({"options": {"Q os": "x"}}, "can't be set"),
        ({"options": {"qos": "x y"}}, "qos can't be"),
        ({"modules": ["x; rm"]}, "can't be the name of one"),
        ({"work_dir": "/tmp/a b"}, "work_dir"),
    ],
)
def test_setting_that_cant_be_is_refused(folder: Path, config: dict[str, Any], told: str) -> None:
    launch = prepare(str(folder), entry_point="wait", backend="slurm")

    with pytest.raises(InvalidInput, match=told):
        backend("slurm").submit(launch, config, echo=False)
