from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from assay.client.recorder import recorder_for
from assay.client.tracking_uri import current_location
from assay.fluent.experiments import forget_choices
from assay.fluent.reading import close_clients
from tests.unit.cli.conftest import Assay

SCRIPT = """
import dataclasses

@dataclasses.dataclass
class Cut:
    at: float

    def predict(self, rows):
        return (rows["a"] > self.at).astype(int)

good, bad = Cut(0.0), Cut(5.0)

def predict(rows):
    return good.predict(rows)
"""


@pytest.fixture(autouse=True)
def files(assay: Assay, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    monkeypatch.setenv("ASSAY_QUIET", "1")
    monkeypatch.setenv("ASSAY_CAPTURE", "none")
    # Set and taken away, so that what the command sets is taken away again.
    for name in ("ASSAY_TRACKING_URI", "ASSAY_EXPERIMENT_ID"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    random = np.random.default_rng(0)
    data = pd.DataFrame({"a": random.normal(size=200), "land": random.choice(["DE", "FR"], 200)})
    data["y"] = (data.a + 0.3 * random.normal(size=200) > 0).astype(int)
    data.to_csv(tmp_path / "test.csv", index=False)
    (tmp_path / "score.py").write_text(SCRIPT)
    (tmp_path / ".assay").mkdir()
    monkeypatch.setenv("ASSAY_TRACKING_URI", assay.uri)
    location = current_location()
    yield tmp_path
    recorder_for(location).close()
    close_clients()
    forget_choices()


BASE = ("evaluate", "-d", "test.csv", "--targets", "y", "--type", "classifier")


def test_met_thresholds_exit_with_0_and_write_the_report(assay: Assay, files: Path) -> None:
    done = assay(
        *BASE,
        "-m",
        "score.py:predict",
        "--baseline",
        "score.py:bad",
        "--threshold",
        "accuracy_score>=0.8",
        "--threshold",
        "f1_score>=baseline+10%",
        "--confident",
        "--slice",
        "land",
        "--report",
        "report.md",
    )
    assert "met: accuracy_score ≥ 0.8 with confidence" in done.stdout
    assert re.search(r"^land = DE\t\d+\t", done.stdout, re.MULTILINE)
    assert "PASSED: all 2 thresholds" in (files / "report.md").read_text()


def test_missed_thresholds_exit_with_1(assay: Assay) -> None:
    done = assay(*BASE, "-m", "score.py:bad", "--threshold", "accuracy_score>=0.8", code=1)
    assert "not met: accuracy_score = " in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("-m", "score.py:nope"), "defines no 'nope'"),
        (("-m", "nope.py:predict"), "no file nope.py"),
        ((), "Give a model, or predictions"),
        (("-m", "score.py:predict", "--threshold", "accuracy"), "can't be read"),
        (("-m", "score.py:predict", "--slice", "nope"), "no column 'nope'"),
        (
            ("-m", "score.py:predict", "--threshold", "a>=1", "--threshold", "a>=2"),
            "two thresholds for a",
        ),
    ],
)
def test_mistakes_exit_with_2_and_one_line(
    assay: Assay, arguments: tuple[str, ...], message: str
) -> None:
    done = assay(*BASE, *arguments, code=2)
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_json_has_all_figures(assay: Assay) -> None:
    found = json.loads(assay(*BASE, "-m", "score.py:good", "--json").stdout)

    assert found["passed"] is True
    assert found["intervals"]["accuracy_score"]["low"] < found["metrics"]["accuracy_score"]


def test_predictions_of_the_file_need_no_model(assay: Assay) -> None:
    found = assay.json(*BASE, "--predictions", "y", "--bootstrap", "0")
    assert found["metrics"]["accuracy_score"] == 1.0


def test_log_keeps_a_run_in_the_store(assay: Assay) -> None:
    done = assay(*BASE, "-m", "score.py:good", "--log", "--experiment", "checks")
    run_id = done.stdout.splitlines()[-1].removeprefix("run ")

    assert "accuracy_score" in assay("metrics", "list", run_id).stdout


def test_output_gets_report_and_plots(assay: Assay, files: Path) -> None:
    assay(*BASE, "-m", "score.py:good", "--output", "out")
    assert {"report.md", "evaluation.json", "confusion_matrix.png"} <= {
        file.name for file in (files / "out").iterdir()
    }
