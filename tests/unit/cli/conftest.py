from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from assay.cli.main import cli
from assay.entities.experiments import Experiment
from assay.entities.ids import RunId
from assay.entities.metrics import Metric
from assay.entities.params import Param
from assay.entities.runs import NewRun
from assay.store.sql.store import SqlStore, open_sql_store

FIRST, SECOND = RunId("aaaa1" + 27 * "0"), RunId("aaab2" + 27 * "0")


class Assay:
    """The command line over a fresh place, which tests may also write to directly."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.uri = f"sqlite:///{home}/.assay/assay.db"

    def __call__(self, *arguments: str, code: int = 0) -> Result:
        done = CliRunner().invoke(cli, ["-t", self.uri, *arguments], prog_name="assay")
        assert done.exit_code == code, done.output + repr(done.exception)
        return done

    def json(self, *arguments: str) -> Any:
        return json.loads(self(*arguments, "--json").stdout)

    def lines(self, *arguments: str) -> list[list[str]]:
        return [line.split("\t") for line in self(*arguments).stdout.splitlines()]

    def store(self) -> SqlStore:
        folder = self.home / ".assay"
        folder.mkdir(exist_ok=True)
        return open_sql_store(self.uri, artifact_root=str(folder / "artifacts"))


@pytest.fixture
def assay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Assay:
    for name in ("ASSAY_TRACKING_URI", "MLFLOW_TRACKING_URI", "ASSAY_ARTIFACT_ROOT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return Assay(tmp_path)


@pytest.fixture
def digits(assay: Assay) -> Iterator[Experiment]:
    """An experiment with two runs that differ in one param and in their accuracy."""
    store = assay.store()
    made = store.experiments.create("digits")
    for run_id, name, rate, accuracy in (
        (FIRST, "slow", "0.01", 0.5),
        (SECOND, "fast\x1b[31m\tred", "0.1", 0.875),
    ):
        store.runs.create(
            NewRun(run_id, made.experiment_id, start_time=1_700_000_000_000, run_name="")
            if name == "slow"
            else NewRun(run_id, made.experiment_id, start_time=1_700_000_000_001)
        )
        store.runs.log_batch(
            run_id,
            metrics=[
                *(
                    Metric("loss", 1 / (step + 1), 1_700_000_000_000 + step, step)
                    for step in range(50)
                ),
                Metric("acc", accuracy, 1, 1),
            ],
            params=[Param("lr", rate), Param("model", "sgd")],
        )
    yield made
    store.close()
