"""Runs of projects, a sweep and a reproduction, as the programs that make them leave them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import msgspec

import assay
from assay.client.client import Client
from assay.entities import tags
from assay.projects.launch import Launch
from assay.projects.launching import prepare
from assay.projects.queue.submit import QueueBackend
from assay.reproduction.report import REPORT_PATH, Cause, Finding, Report, Tolerance

COMMIT = "0123456789abcdef0123456789abcdef01234567"
MLPROJECT = """\
name: shapes
entry_points:
  main:
    parameters:
      rate: {type: float, default: 0.1, min: 0, max: 1, help: How fast it learns}
      label: {type: string, default: plain}
      kind: {choices: [tree, line]}
      quick: {type: bool, default: "No"}
      depth: {type: int, required: false, min: 1}
    command: "python train.py {rate} {label} {kind} {quick} {depth}"
"""
TRAIN = """\
import sys

print("rate", sys.argv[1])
print("label", repr(sys.argv[2]))
print("others", *sys.argv[3:])
"""


class Reproduced(NamedTuple):
    """A run and the one that repeated it."""

    original: str
    again: str


def write_project(folder: Path) -> Path:
    """A project that needs nothing but Python, and tells its arguments."""
    folder.mkdir()
    (folder / "MLproject").write_text(MLPROJECT)
    (folder / "train.py").write_text(TRAIN)
    return folder


def send_to_queue(url: str, project: Path, *, experiment: str, queue: str, name: str) -> str:
    """A run of a folder that waits for an agent; its id."""
    launch = prepare(
        str(project),
        parameters={"rate": 0.5, "kind": "tree"},
        experiment_name=experiment,
        run_name=name,
        env_manager="local",
        backend="queue",
        tracking_uri=url,
    )
    QueueBackend().submit(launch, {"queue": queue}, echo=False)
    return launch.run_id


def run_agent(url: str, queue: str, folder: Path) -> str:
    """What an agent says that takes what waits in a queue, and ends."""
    agent = [sys.executable, "-m", "assay", "-t", url, "agent", "--once", "--poll", "0.1"]
    done = subprocess.run(
        [*agent, "--queue", queue, "--name", "bench", "--work", str(folder / "work")],
        cwd=folder,
        env=dict(os.environ),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.stdout + done.stderr


def record_local_run(client: Client, experiment: str, *, dirty: bool) -> str:
    """A run of a folder on one machine, of a repository with an address."""
    known = {
        "mlflow.source.type": "PROJECT",
        tags.SOURCE_NAME: "/home/ana/shapes/train",
        tags.PROJECT_ENTRY_POINT: "main",
        tags.PROJECT_BACKEND: "local",
        tags.PROJECT_ENV: "uv",
        tags.PROJECT_ENVIRONMENT: "sha256:" + "ab" * 32,
        tags.GIT_COMMIT: COMMIT,
        tags.GIT_REMOTE: "https://git.example.org/team/shapes.git",
        tags.GIT_DIRTY: "true" if dirty else "false",
        tags.SOURCE_DIRECTORY: "train",
        tags.COMMAND_LINE: "python train.py 0.5 plain",
    }
    run_id = client.create_run(experiment, run_name="by hand", tags=known).info.run_id
    client.log_param(run_id, "rate", "0.5")
    client.log_param(run_id, "label", "two\nlines")
    launch = Launch(
        run_id=run_id,
        experiment_id=experiment,
        tracking_uri="",
        project="/home/ana/shapes/train",
        parameters={"rate": "0.5", "label": "two\nlines"},
        env_manager="uv",
    )
    client.log_content(run_id, msgspec.json.encode(launch), "assay/launch.json")
    client.set_terminated(run_id)
    return run_id


def record_reproduction(client: Client, experiment: str) -> Reproduced:
    """A run that came to something else when it was run again, with the report of it."""
    known = {tags.COMMAND_LINE: "python train.py --rate 0.1", tags.GIT_COMMIT: COMMIT}
    original = client.create_run(experiment, run_name="first", tags=known).info.run_id
    again = client.create_run(experiment, run_name="second", tags=known).info.run_id
    series = [
        Finding(kind="metric", name=f"layer/{n}", verdict="identical", before="0.25")
        for n in range(240)
    ]
    report = Report(
        verdict="different",
        original=original,
        original_name="first",
        run_id=again,
        run_name="second",
        command="python train.py --rate 0.1",
        environment="python 3.11.2, 41 packages, by uv",
        tolerance=Tolerance(relative=1e-6),
        findings=[
            Finding(
                kind="metric",
                name="loss",
                verdict="different",
                detail="30 of 30 points differ, the first at step 0",
                before="0.125",
                after="0.5",
                max_difference=0.375,
            ),
            Finding(
                kind="artifact",
                name="plots/<b>roc</b>.png",
                verdict="not compared",
                detail="it was left out",
            ),
            *series,
        ],
        causes=[
            Cause("seeds", "seed", "7", None, "no seed is set for numpy; the baseline has 7"),
            Cause("packages", "numpy", "2.1.0", "2.2.0", "numpy is 2.2.0 instead of 2.1.0"),
        ],
        notes=["The GPU of the first run is not here."],
        start_time_ms=1_760_000_000_000,
        seconds=42.5,
    )
    client.log_content(again, msgspec.json.encode(report), REPORT_PATH)
    client.set_tag(again, tags.REPRODUCES, original)
    for run_id in (original, again):
        client.set_tag(run_id, tags.REPRODUCTION, report.verdict)
        client.set_terminated(run_id)
    client.set_tag(original, tags.REPRODUCTION_RUN, again)
    return Reproduced(original, again)


def record_sweep(url: str, experiment: str) -> str:
    """The parent run of a real sweep of six trials, of which one failed."""
    assay.set_tracking_uri(url)
    try:
        done = assay.sweep(
            _loss,
            {"rate": [0.1, 0.2, 0.3], "depth": [1, 2], "kind": "tree"},
            metric="loss",
            experiment=experiment,
            name="rates",
            workers="threads",
        )
        assay.flush_async_logging()
    finally:
        assay.set_tracking_uri("")
    return done.run_id


def _loss(rate: float, depth: int, kind: str) -> float:
    if rate == 0.3 and depth == 1:
        raise ValueError(f"no {kind} of depth {depth}")
    return (rate - 0.2) ** 2 + 0.125 * depth
