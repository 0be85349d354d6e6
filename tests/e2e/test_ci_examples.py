"""The pipelines of ``examples/ci``: their very lines, run by bash as a CI runner does."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml

from tests.services.environment import clean_environment

EXAMPLES = Path(__file__).parents[2] / "examples" / "ci"
INSTALL = "pip install"


def github_lines(job: str) -> list[str]:
    """The shell of each step, without what installs."""
    jobs = yaml.safe_load((EXAMPLES / "github-actions.yml").read_text())["jobs"]
    steps = [step["run"] for step in jobs[job]["steps"] if "run" in step]
    return [step for step in steps if not step.startswith(INSTALL)]


def gitlab_lines(job: str) -> list[str]:
    """The whole script of a job: its lines share a shell."""
    jobs: dict[str, Any] = yaml.safe_load((EXAMPLES / "gitlab-ci.yml").read_text())
    return ["\n".join(jobs[job]["script"])]


class Runner:
    """A checkout with a store of its own, and bash."""

    def __init__(self, folder: Path, checkout: Path = EXAMPLES) -> None:
        self.folder = folder
        shutil.copytree(checkout, folder, dirs_exist_ok=True)
        binaries = str(Path(sys.executable).parent)
        self.environment = clean_environment(
            PATH=f"{binaries}{os.pathsep}{os.environ['PATH']}",
            ASSAY_USER="ci",
            CI_COMMIT="3f2a9c",
            ASSAY_QUIET="1",
        )

    def run(self, script: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a script as CI does: it stops at the first line that fails."""
        return subprocess.run(
            ["bash", "-eo", "pipefail", "-c", script],
            cwd=self.folder,
            env={**self.environment, **environment},
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )

    def all(self, scripts: list[str], **environment: str) -> None:
        """Run scripts that must succeed."""
        for script in scripts:
            done = self.run(script, **environment)
            assert done.returncode == 0, f"{script}\n{done.stdout}\n{done.stderr}"


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    return Runner(tmp_path)


@pytest.fixture(scope="module")
def gated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout in which GitLab's pipeline has come to its request."""
    made = Runner(tmp_path_factory.mktemp("gated"))
    made.all(gitlab_lines("train"))
    made.all(gitlab_lines("gate"))
    return made.folder


def approve(runner: Runner, user: str) -> subprocess.CompletedProcess[str]:
    """Let somebody approve the only open request."""
    ident = runner.run(
        "assay registry requests --status open --json"
        " | python -c 'import json, sys; print(json.load(sys.stdin)[0][\"request_id\"])'"
    ).stdout.strip()
    return runner.run(f"assay registry approve {ident}", ASSAY_USER=user)


@pytest.mark.slow
def test_github_pipeline_trains_gates_asks_and_deploys_what_was_approved(runner: Runner) -> None:
    runner.all(github_lines("promote"))

    suite = ElementTree.parse(runner.folder / "gates.xml").getroot()
    assert len(list(suite.iter("testcase"))) == 5
    assert not list(suite.iter("failure"))
    assert runner.run("assay registry holder wine --stage Production").returncode == 1
    assert approve(runner, "ci").returncode == 2
    assert approve(runner, "lea").returncode == 0
    runner.all(github_lines("deploy"))
    assert (runner.folder / "model" / "MLmodel").is_file()
    shown = runner.run("assay registry deploy list wine").stdout
    assert "files" in shown
    assert runner.run("assay audit verify").returncode == 0


@pytest.mark.slow
def test_pipeline_stops_where_a_gate_is_not_met(gated: Path, tmp_path: Path) -> None:
    runner = Runner(tmp_path, gated)
    (runner.folder / "policy.yaml").write_text(
        (runner.folder / "policy.yaml").read_text().replace("at_least: 0.9", "at_least: 1.5")
    )

    stopped = runner.run(gitlab_lines("gate")[0])

    assert stopped.returncode == 1
    assert "NOT OK" in stopped.stdout
    suite = ElementTree.parse(runner.folder / "gates.xml").getroot()
    assert len(list(suite.iter("failure"))) == 1


@pytest.mark.slow
def test_gitlab_pipeline_run_again_finds_what_it_registered(gated: Path, tmp_path: Path) -> None:
    runner = Runner(tmp_path, gated)
    runner.all(gitlab_lines("train"))
    runner.all(gitlab_lines("gate"))
    runner.all(gitlab_lines("request"))
    assert approve(runner, "lea").returncode == 0
    runner.all(gitlab_lines("deploy"))
