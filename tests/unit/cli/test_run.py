"""``assay run``, ``assay projects`` and the commands that follow and end a run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.unit.cli.conftest import Assay

MAIN = """
name: demo
entry_points:
  main:
    description: fits
    parameters:
      alpha: {type: float, default: 0.5, min: 0, max: 1, help: how much}
      kind: {choices: [a, b]}
    command: python train.py {alpha} {kind}
"""


@pytest.fixture
def folder(assay: Assay, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    place = tmp_path / "project"
    place.mkdir()
    (place / "MLproject").write_text(MAIN)
    (place / "train.py").write_text("import sys; print('args', sys.argv[1:])")
    (place / "bad.py").write_text("print('about to fail'); raise SystemExit(4)")
    return place


def test_run_shows_the_log_and_ends_with_one_line(assay: Assay, folder: Path) -> None:
    done = assay("run", str(folder), "-P", "kind=a", "--experiment-name", "e", "--run-name", "n")

    (found,) = assay.json("runs", "list", "-e", "e")
    assert "args ['0.5', 'a']\n" in done.stdout
    assert done.stderr.splitlines()[-1].startswith(f"FINISHED {found['run_id']} n after ")
    assert assay("runs", "logs", found["run_id"]).stdout == "args ['0.5', 'a']\n"
    assert assay("runs", "logs", "-f", found["run_id"]).stdout == "args ['0.5', 'a']\n"
    assert "has ended already: FINISHED" in assay("runs", "stop", found["run_id"]).stdout


def test_failure_of_the_command_exits_with_1(assay: Assay, folder: Path) -> None:
    done = assay("run", str(folder), "-e", "bad.py", code=1)

    assert "Its command ended with exit code 4." in done.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ([], "'kind' (enum) has no default and must be given"),
        (["-P", "kind"], "-P takes NAME=VALUE"),
        (["-P", "kind=a", "-P", "kind=b"], "-P gives 'kind' twice"),
        (["-P", "kind=a", "-P", "alpha=2"], "'alpha' must be from 0 to 1"),
        (["-e", "none.py"], "has no entry point 'none.py'"),
        (["-b", "moon"], "no backend 'moon'"),
        (["-c", "[]"], "neither JSON nor a file"),
        (["-v", "-x"], "can't be a version"),
    ],
)
def test_bad_input_is_one_line_and_exits_with_2(
    assay: Assay, folder: Path, arguments: list[str], why: str
) -> None:
    done = assay("run", str(folder), *arguments, code=2)

    assert why in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_show_tells_entry_points_and_parameters(assay: Assay, folder: Path) -> None:
    text = assay("projects", "show", str(folder)).stdout

    assert "main\talpha\tfloat\t0.5\t0 … 1\thow much" in text
    assert "main\tkind\tenum\t(required)\ta, b" in text
    assert "scripts\tbad.py, train.py" in text
    told = json.loads(assay("projects", "show", str(folder), "--json").stdout)
    assert told["project"]["entry_points"]["main"]["help"] == "fits"


def test_folder_without_anything_to_run_is_told(assay: Assay, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()

    done = assay("projects", "show", str(tmp_path / "empty"), code=2)

    assert "neither an MLproject file nor a script" in done.stderr


def test_background_run_is_followed_and_ended(assay: Assay, folder: Path) -> None:
    (folder / "slow.py").write_text("import time; print('begun', flush=True); time.sleep(300)")

    run_id = assay("run", str(folder), "-e", "slow.py", "--background").stdout.strip()
    stopped = assay("runs", "stop", run_id)

    assert stopped.stdout == f"{run_id} KILLED\n"


def test_run_that_is_not_there_cannot_be_ended(assay: Assay) -> None:
    assert "not found" in assay("runs", "stop", "f" * 32, code=2).stderr
