"""A folder that can't be written: commands say so in a sentence, and training goes on."""

from __future__ import annotations

import tempfile
from pathlib import Path

from assay.client.connect import open_store
from assay.entities import ExperimentId, RunId
from assay.entities.runs import NewRun
from assay.store.uri import resolve_location
from benchmarks.reliability.case import Figures, Outcome
from benchmarks.reliability.cases._disks import read_only
from benchmarks.reliability.cases._programs import START, end, run_assay, start_script

CLAIM = "a read-only folder: a plain message and an exit status, no traceback; training goes on"

CLEAR_WORDS = ("read-only", "written", "permission", "writ")

TRAINING = """
    import assay
    for step in range(1000):
        assay.log_metric("loss", step, step=step)
    assay.log_param("lr", 0.1)
    assay.log_text("weights", "w.txt")
    assay.end_run()
    print("trained")
"""


def run(short: bool) -> Outcome:
    figures: Figures = {
        "commands": 0,
        "tracebacks": 0,
        "unclear": 0,
        "wrong_exits": 0,
        "trainings_stopped": 0,
        "warnings": 0,
        "changed": 0,
    }
    with tempfile.TemporaryDirectory() as name:
        fresh, used = Path(name) / "fresh", Path(name) / "used"
        fresh.mkdir()
        used.mkdir()
        _fill(used)
        for folder in (fresh, used):
            before = _content(folder)
            with read_only(folder):
                _command_refused(folder, figures, "server", "--port", "0")
                _command_refused(folder, figures, "db", "upgrade")
                _command_refused(folder, figures, "experiments", "create", "another")
                if folder == used:
                    _command_refused(folder, figures, "gc", "--yes")
                _train(folder, figures)
            figures["changed"] += _content(folder) != before
    broken = ("tracebacks", "unclear", "wrong_exits", "trainings_stopped", "changed")
    return Outcome(not any(figures[key] for key in broken) and figures["warnings"] >= 2, figures)


def _fill(folder: Path) -> None:
    store = open_store(resolve_location(folder / ".assay", environ={}))
    store.runs.create(NewRun(RunId("r" * 32), ExperimentId("0"), START))
    store.runs.delete(RunId("r" * 32))
    store.close()


def _content(folder: Path) -> dict[str, bytes]:
    return {str(p): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def _command_refused(folder: Path, figures: Figures, *command: str) -> None:
    done = run_assay(*command, folder=folder)
    said = done.stdout + done.stderr
    figures["commands"] += 1
    figures["tracebacks"] += "Traceback" in said
    figures["unclear"] += not any(word in said.lower() for word in CLEAR_WORDS)
    figures["wrong_exits"] += done.returncode in (0, -6, -11)
    if "Traceback" in said or done.returncode == 0:
        print(command, done.returncode, said)


def _train(folder: Path, figures: Figures) -> None:
    process = start_script(TRAINING, folder=folder)
    said, complaints = end(process)
    figures["trainings_stopped"] += process.returncode != 0 or "trained" not in said
    figures["tracebacks"] += "Traceback" in complaints
    figures["warnings"] += "Nothing can be written" in complaints
    if process.returncode or "Traceback" in complaints:
        print(complaints)
