"""Runs are repeated from what was captured of them: real repositories, real processes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from assay import projects
from assay.cli.main import cli
from assay.client.client import Client
from assay.entities import tags
from assay.entities.runs import Run, RunStatus
from assay.errors import ExecutionFailed, InvalidInput
from assay.reproduction.report import REPORT_PATH, Report
from assay.reproduction.reproduce import read_report, reproduce
from tests.services.environment import clean_environment

SOURCE = Path(__file__).parents[2] / "src"
SCRIPT = """
import argparse
import numpy as np
import assay
import features
from toylib import scale

parser = argparse.ArgumentParser()
parser.add_argument("--data")
parser.add_argument("--seed", type=int)
parser.add_argument("--fail-if")
options = parser.parse_args()
with assay.start_run(run_name="toy"):
    if options.seed is not None:
        assay.seed(options.seed)
    dataset = assay.data.from_csv(options.data, name="measurements")
    assay.log_input(dataset, "training")
    rows = np.loadtxt(options.data, delimiter=",", skiprows=1)
    weights = np.zeros(rows.shape[1])
    for step in range(20):
        picked = rows[np.random.permutation(len(rows))[:30]]
        weights += scale * features.gradient(picked, weights)
        assay.log_metric("loss", float(np.abs(weights).sum()), step=step)
    assay.log_dict({"weights": weights.tolist()}, "weights.json")
    assay.log_text(str(weights.tolist()), "weights.txt")
    if options.fail_if:
        import os
        if os.path.exists(options.fail_if):
            raise SystemExit("the data server is away")
"""
FEATURES = """
def gradient(picked, weights):
    return 0.1 * (picked.mean(axis=0) - weights)
"""


class Place:
    """A repository, its data, a package that it uses, and a store."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.repository = folder / "repository"
        self.store = folder / ".assay"
        self.data = folder / "data.csv"
        self.data.write_text("a,b\n" + "".join(f"{i},{i * i % 7}\n" for i in range(40)))
        self.repository.mkdir()
        self.write("project/train.py", SCRIPT)
        self.install("1.0", "scale = 1.0")
        self.git("init", "-q", "-b", "main")
        self.git("add", ".")
        self.git("commit", "-q", "-m", "first")
        # Never added: the run's patch has to have it.
        self.write("project/features.py", FEATURES)

    def write(self, name: str, text: str) -> None:
        path = self.repository / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def install(self, version: str, text: str) -> None:
        """A package in a folder of its own, as an environment would have it."""
        site = self.folder / f"site-{version}"
        (site / f"toylib-{version}.dist-info").mkdir(parents=True)
        (site / "toylib.py").write_text(text)

    def git(self, *words: str) -> None:
        identity = ["-c", "user.email=a@b.c", "-c", "user.name=a"]
        subprocess.run(["git", *identity, *words], cwd=self.repository, check=True)

    def path_of(self, version: str) -> str:
        return f"{SOURCE}:{self.folder / f'site-{version}'}"

    def run(self, *words: str) -> Run:
        """Run the script as a person would."""
        command = [sys.executable, "train.py", "--data", str(self.data), *words]
        done = subprocess.run(
            command,
            cwd=self.repository / "project",
            env=clean_environment(
                ASSAY_TRACKING_URI=str(self.store), PYTHONPATH=self.path_of("1.0")
            ),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return self.client().search_runs(["0"])[0]

    def client(self) -> Client:
        return Client(str(self.store))


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    for name, value in clean_environment().items():
        monkeypatch.setenv(name, value)
    made = Place(tmp_path)
    monkeypatch.setenv("PYTHONPATH", made.path_of("1.0"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    return made


@pytest.fixture
def original(place: Place) -> Run:
    return place.run("--seed", "7")


def again(place: Place, run: Run) -> Report:
    client = place.client()
    try:
        return reproduce(run.info.run_id, env_manager="local", client=client)
    finally:
        client.close()


def test_a_seeded_run_comes_out_identical_and_carries_the_badge(
    place: Place, original: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What lies in the working tree now is another program, and this is another shell.
    place.write("project/features.py", FEATURES.replace("0.1", "0.2"))
    monkeypatch.setenv("MKL_CBWR", "COMPATIBLE")

    report = again(place, original)

    assert report.verdict == "identical", report
    kinds = {(one.kind, one.name, one.verdict) for one in report.findings}
    assert ("metric", "loss", "identical") in kinds
    assert ("artifact", "weights.json", "identical") in kinds
    assert ("data", "measurements", "identical") in kinds
    assert report.causes == []
    client = place.client()
    known = client.get_run(original.info.run_id).data.tags
    assert known[tags.REPRODUCTION] == "identical"
    assert known[tags.REPRODUCTION_RUN] == report.run_id
    new = client.get_run(report.run_id)
    assert new.info.status is RunStatus.FINISHED
    assert new.data.tags[tags.REPRODUCES] == original.info.run_id
    assert new.data.tags[tags.SEED_PREFIX + "numpy"] == "7"
    assert read_report(client, original.info.run_id) == report
    assert msgspec.json.decode(client.read_artifact(report.run_id, REPORT_PATH), type=Report)


def test_one_bumped_package_is_the_first_cause(
    place: Place, original: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.install("1.1", "scale = 1.0000001")
    monkeypatch.setenv("PYTHONPATH", place.path_of("1.1"))

    report = again(place, original)

    assert report.verdict == "different"
    assert (report.causes[0].dimension, report.causes[0].name) == ("packages", "toylib")
    assert (report.causes[0].before, report.causes[0].after) == ("1.0", "1.1")
    assert any("toylib 1.1 (was 1.0)" in note for note in report.notes)
    client = place.client()
    client.close()
    lenient = reproduce(original.info.run_id, env_manager="local", tolerance=1e-4, client=client)
    metric = next(one for one in lenient.findings if one.kind == "metric")
    assert metric.verdict == "within tolerance"
    # A text file has no numbers to be lenient with.
    assert lenient.verdict == "different"


def test_one_changed_byte_of_data_is_the_first_cause(place: Place, original: Run) -> None:
    text = place.data.read_text()
    place.data.write_text(text.replace("\n9,", "\n8,"))

    report = again(place, original)

    assert report.verdict == "different"
    assert (report.causes[0].dimension, report.causes[0].name) == ("data", "measurements")
    finding = report.findings[0]
    assert (finding.kind, finding.verdict) == ("data", "different")


def test_an_unset_seed_is_the_first_cause(place: Place, original: Run) -> None:
    unseeded = place.run()

    report = again(place, unseeded)

    assert report.verdict == "different"
    assert [(one.dimension, one.name) for one in report.causes] == [("seeds", "seed")]
    client = place.client()
    from assay.comparison.differences import differences
    from assay.comparison.facts import facts_of

    found = differences(
        facts_of(client, original.info.run_id), facts_of(client, unseeded.info.run_id)
    )
    assert found[0].dimension == "seeds"


PROJECT = """
name: toy
entry_points:
  main:
    parameters:
      data: path
      seed: {type: int, default: 3}
    command: "python train.py --data {data} --seed {seed}"
"""


def test_an_entry_point_is_called_again_with_its_parameters(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.write("project/MLproject", PROJECT)
    place.git("add", ".")
    place.git("commit", "-q", "-m", "a project")
    monkeypatch.setenv("ASSAY_TRACKING_URI", str(place.store))
    submitted = projects.run(
        str(place.repository / "project"),
        parameters={"data": str(place.data), "seed": 5},
        env_manager="local",
        echo=False,
    )
    client = place.client()
    original = client.get_run(submitted.run_id)
    assert original.data.params == {"data": str(place.data), "seed": "5"}

    report = again(place, original)

    assert report.verdict == "identical", report
    assert report.causes == []
    assert client.get_run(report.run_id).data.params == original.data.params


def test_a_command_that_fails_now_is_an_error_with_its_run_failed(
    place: Place, tmp_path: Path
) -> None:
    flag = tmp_path / "away"
    run = place.run("--seed", "1", "--fail-if", str(flag))
    flag.touch()

    with pytest.raises(ExecutionFailed, match="exit code 1") as error:
        again(place, run)

    failed = place.client().get_run(error.value.run_id)
    assert failed.info.status is RunStatus.FAILED
    log = place.client().read_artifact(error.value.run_id, "assay/output.log")
    assert b"the data server is away" in log


def test_data_that_is_gone_is_told_before_anything_runs(place: Place, original: Run) -> None:
    place.data.unlink()

    with pytest.raises(InvalidInput, match=r"measurements.*isn't there any more"):
        again(place, original)

    assert len(place.client().search_runs(["0"])) == 1


def test_the_command_line_tells_the_verdict_and_a_bundle_needs_no_server(
    place: Place, original: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = tmp_path / "bundle.zip"
    words = ["-t", str(place.store)]
    frozen = CliRunner().invoke(
        cli, [*words, "freeze", original.info.run_id[:8], "-o", str(bundle)]
    )
    assert frozen.exit_code == 0, frozen.output

    # Another machine: neither the repository nor the store is there.
    place.repository.rename(tmp_path / "elsewhere")
    place.store.rename(tmp_path / "other-store")
    page = tmp_path / "report.html"
    options = ["--env-manager", "local", "--html", str(page)]
    done = CliRunner().invoke(
        cli, ["-t", str(tmp_path / "fresh"), "reproduce", str(bundle), *options]
    )

    assert done.exit_code == 0, done.output
    assert done.output.splitlines()[-1].startswith("identical: 1 metric, ")
    assert b"<script" not in page.read_bytes()
    assert b"Reproduction of toy" in page.read_bytes()

    place.data.write_text(place.data.read_text().replace("\n9,", "\n8,"))
    changed = CliRunner().invoke(
        cli, ["-t", str(tmp_path / "fresh"), "reproduce", str(bundle), *options]
    )
    assert changed.exit_code == 1, changed.output
    assert "1. data: data set measurements has the digest" in changed.output
