"""Bisection between two runs that were recorded from a Git repository, run again for real."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from assay.cli.main import cli
from assay.client.client import Client
from assay.entities import tags

SCRIPT = """
import sys
import assay

with assay.start_run():
    assay.log_param("depth", sys.argv[2])
    assay.log_input(assay.data.from_csv("rows.csv", name="rows"))
    with open("rows.csv") as rows:
        assay.log_metric("acc", float(rows.read().split()[1]))
"""


class Project:
    """A repository with a script that logs runs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.client = Client(folder / "kept" / ".assay")
        self.code = folder / "code"
        self.code.mkdir()
        (self.code / "train.py").write_text(SCRIPT)
        (self.code / "rows.csv").write_text("value\n0.9\n")
        self.git("init", "-q", "-b", "main")
        self.commit()

    def git(self, *arguments: str) -> None:
        who = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
        subprocess.run(["git", *who, "-C", str(self.code), *arguments], check=True)

    def commit(self) -> None:
        self.git("add", "-A")
        self.git("commit", "-qm", "change")

    def run(self, *arguments: str) -> str:
        """The id of a run of the script."""
        before = {run.info.run_id for run in self.client.search_runs(["0"])}
        subprocess.run([sys.executable, "train.py", *arguments], cwd=self.code, check=True)
        (made,) = {run.info.run_id for run in self.client.search_runs(["0"])} - before
        return made


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    for name in list(os.environ):
        if name.startswith(("ASSAY_", "MLFLOW_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("ASSAY_QUIET", "1")
    monkeypatch.setenv("ASSAY_TRACKING_URI", str(tmp_path / "kept" / ".assay"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    project = Project(tmp_path)
    yield project
    project.client.close()


def test_the_cause_of_a_worse_run_is_isolated_by_running(project: Project) -> None:
    good = project.run("--depth", "3")
    (project.code / "train.py").write_text(SCRIPT + "\n# A change without effect.\n")
    # Data that is kept with the code, and exchanged without it all the same.
    (project.code / "rows.csv").write_text("value\n0.4\n")
    project.commit()
    bad = project.run("--depth", "4")

    done = CliRunner().invoke(
        cli, ["bisect", good, bad, "--env-manager", "local", "--json"], prog_name="assay"
    )

    assert done.exit_code == 0, done.output + repr(done.exception)
    found = json.loads(done.stdout)
    assert found["verdict"] == "isolated"
    assert [(one["dimension"], one["name"]) for one in found["cause"]] == [("data", "rows")]
    # Both again, the code alone, the data alone, and all but the data.
    tried = [
        ([swap["dimension"] for swap in one["swapped"]], one["answer"]) for one in found["attempts"]
    ]
    assert tried == [
        ([], "good"),
        (["code", "data", "parameters"], "bad"),
        (["code"], "good"),
        (["data"], "bad"),
        (["code", "parameters"], "good"),
    ]
    mix = project.client.get_run(found["attempts"][3]["run_id"])
    assert mix.data.params == {"depth": "3"}
    assert mix.data.tags[tags.BISECT] == f"{good}..{bad}"
    parent = project.client.get_run(mix.data.tags[tags.PARENT_RUN_ID])
    assert parent.info.status == "FINISHED"
    assert parent.data.tags[tags.BISECT_VERDICT] == "isolated"
    kept = json.loads(project.client.read_artifact(parent.info.run_id, "assay/bisection.json"))
    assert kept["verdict"] == "isolated"


def test_runs_that_cannot_be_run_again_are_refused_before_anything_runs(project: Project) -> None:
    bare = [project.client.create_run("0").info.run_id for _ in range(2)]
    for run_id, value in zip(bare, (0.9, 0.1), strict=True):
        project.client.log_metric(run_id, "acc", value)
        project.client.set_terminated(run_id)
    done = CliRunner().invoke(cli, ["bisect", *bare], prog_name="assay")
    assert done.exit_code == 2
    assert "its command line wasn't captured" in done.stderr
    assert len(project.client.search_runs(["0"])) == 2


@pytest.mark.parametrize("groups", ["", "luck", "code,luck"])
def test_groups_that_do_not_exist_are_refused(project: Project, groups: str) -> None:
    bare = [project.client.create_run("0").info.run_id for _ in range(2)]
    done = CliRunner().invoke(cli, ["bisect", *bare, "--groups", groups], prog_name="assay")
    assert done.exit_code == 2
    assert "choose from code, data, parameters" in done.output
