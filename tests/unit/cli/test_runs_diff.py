"""``assay runs diff`` and ``assay runs stats``."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from assay.entities import tags
from assay.entities.experiments import Experiment
from assay.entities.ids import new_run_id
from assay.entities.metrics import Metric
from assay.entities.params import Param
from assay.entities.runs import NewRun, RunStatus
from assay.entities.tags import Tag
from tests.unit.cli.conftest import FIRST, SECOND, Assay

# Hours of extra sleep by two drugs, in ten people: Student 1908.
SLEEP = {
    "1": [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0],
    "2": [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4],
}


def test_what_differs_is_ranked_with_the_results_below(assay: Assay, digits: Experiment) -> None:
    store = assay.store()
    for run_id, seed, cpu in ((FIRST, "1", "one"), (SECOND, None, "another")):
        known = [Tag(tags.CPU, cpu)]
        known += [Tag(tags.SEED_PREFIX + "numpy", seed)] if seed else []
        store.runs.log_batch(run_id, tags=known)
    store.close()
    done = assay("runs", "diff", FIRST[:6], SECOND[:6])
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    assert rows == [
        ["dimension", "name", "baseline", "this run", "sentence"],
        ["seeds", "numpy", "1", "", "no seed is set for numpy; the baseline has 1"],
        ["parameters", "lr", "0.01", "0.1", "lr is 0.1 instead of 0.01"],
        ["hardware", "cpu", "one", "another", "the processor is another instead of one"],
        ["metric", "baseline", "this run", "difference"],
        ["acc", "0.5", "0.875", "+0.375"],
    ]
    assert "Not captured by both runs, so not compared: code" in done.stderr
    as_json = assay.json("runs", "diff", FIRST, SECOND)
    assert [one["name"] for one in as_json["differences"]] == ["numpy", "lr", "cpu"]
    assert as_json["a"] == FIRST


def test_a_run_has_no_differences_to_itself(assay: Assay, digits: Experiment) -> None:
    done = assay("runs", "diff", FIRST, FIRST, "--code")
    assert done.stdout.splitlines() == [
        "Nothing that was captured differs.",
        "All metrics are the same.",
        "No difference of the code is known.",
    ]
    assert "The commit of the first run wasn't captured." in done.stderr


def test_the_diff_is_written_as_a_page(assay: Assay, digits: Experiment, tmp_path: Path) -> None:
    assay("runs", "diff", FIRST, SECOND, "--html", "why.html")
    assert "lr is 0.1 instead of 0.01" in (tmp_path / "why.html").read_text()
    done = assay("runs", "diff", FIRST, SECOND, "--html", "no/such/why.html", code=2)
    assert done.stderr == "Error: no/such/why.html can't be written: No such file or directory.\n"


def test_a_run_that_is_not_there_is_told(assay: Assay, digits: Experiment) -> None:
    assert assay("runs", "diff", FIRST, "f" * 32, code=2).stderr.startswith("Error: Run with id=")


@pytest.fixture
def sleep(assay: Assay) -> Assay:
    """An experiment with ten seeds of two settings, runs that haven't ended, and a parent run."""
    store = assay.store()
    made = store.experiments.create("sleep")
    for drug, hours in SLEEP.items():
        for seed, value in enumerate([*hours, 99.0]):
            run_id = new_run_id()
            store.runs.create(NewRun(run_id, made.experiment_id, start_time=1))
            params = [Param("drug", drug), Param("seed", str(seed))]
            store.runs.log_batch(run_id, metrics=[Metric("extra", value, 1)], params=params)
            if seed < len(hours):
                store.runs.update(run_id, status=RunStatus.FINISHED, end_time=2)
    parent = new_run_id()
    store.runs.create(NewRun(parent, made.experiment_id, start_time=1))
    store.runs.update(parent, status=RunStatus.FINISHED, end_time=2)
    store.close()
    return assay


def test_groups_are_compared_pair_by_pair_of_seeds(sleep: Assay) -> None:
    (found,) = sleep.json("runs", "stats", "-g", "params.drug", "-m", "extra", "--baseline", "1")
    assert [(one["name"], one["n"]) for one in found["groups"]] == [("drug=1", 10), ("drug=2", 10)]
    (versus,) = found["comparisons"]
    assert (versus["group"], versus["baseline"]) == ("drug=2", "drug=1")
    assert versus["test"] == "paired t"
    assert versus["p"] == pytest.approx(0.002833, abs=1e-6)
    assert found["notes"] == [
        "2 of 23 runs haven't finished; left out.",
        "1 run has no params.drug; left out.",
    ]


def test_statistics_come_as_lines_and_as_csv(sleep: Assay) -> None:
    done = sleep("runs", "stats", "-g", "drug")
    lines = [line.split("\t") for line in done.stdout.splitlines()]
    assert lines[0] == ["extra"]
    assert lines[1] == ["group", "n", "mean", "sd", "95 % interval"]
    assert lines[2][:2] == ["drug=1", "10"]
    assert lines[5][:2] == ["drug=2", "drug=1"]
    assert lines[5][-1] == "dz = 1.28"
    rows = list(csv.DictReader(io.StringIO(sleep("runs", "stats", "-g", "drug", "--csv").stdout)))
    assert [(row["group"], row["against"], row["test"]) for row in rows] == [
        ("drug=1", "", ""),
        ("drug=2", "", ""),
        ("drug=2", "drug=1", "paired t"),
    ]
    assert float(rows[2]["mean"]) == pytest.approx(1.58)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["-g", "tags.team"], "None of the runs has tags.team."),
        (["-g", "drug", "-m", "nope"], "None of the runs has the metric 'nope'."),
        (["-g", "drug", "--baseline", "7"], "There are: drug=1; drug=2."),
        (["-g", "metrics.extra"], "Runs are grouped by params and tags"),
        (["-g", "drug", "--filter", "params.drug = '9'"], "No run matches"),
        (["-g", "drug", "--filter", "params.drug ="], "Invalid filter"),
    ],
)
def test_mistakes_are_one_line(sleep: Assay, arguments: list[str], told: str) -> None:
    done = sleep("runs", "stats", *arguments, code=2)
    assert told in done.stderr
    assert len(done.stderr.splitlines()) == 1
