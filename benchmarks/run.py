"""``make bench``: every row of docs/performance.md, beside MLflow, W&B and trackio, in one run.

Each tool runs in an environment of its own, in turn with the others, several rounds; the table
holds medians and
ratios. Absolute times mean little on shared machines, ratios of one run do.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from benchmarks import server_load
from benchmarks.environments import ROOT, footprint, python
from benchmarks.report import write_report
from benchmarks.servers import memory, running

SCENARIOS = ROOT / "benchmarks" / "scenarios"
KEPT = ROOT / ".bench" / "figures.json"
TIMEOUT_S = 900

Figures = dict[str, float]


def scenario(name: str, tool: str, url: str | None = None) -> Figures:
    """Run one scenario once in the tool's environment, in a fresh folder."""
    interpreter = sys.executable if tool == "assay" and name != "imports" else str(python(tool))
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [interpreter, str(SCENARIOS / f"{name}.py"), tool, folder, *([url] if url else [])],
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            cwd=folder,
        )
    for line in done.stdout.splitlines():
        if line.startswith("FIGURES "):
            found: Figures = json.loads(line.removeprefix("FIGURES "))
            return found
    raise SystemExit(f"{name} with {tool} failed:\n{done.stdout}\n{done.stderr}")


def through_server(name: str, tool: str, server: str) -> Figures:
    """Run a scenario against a fresh server; ``tool`` is the client."""
    with tempfile.TemporaryDirectory() as folder, running(server, Path(folder)) as up:
        return scenario(name, tool, up.url)


def in_turn(work: dict[str, Callable[[], Figures]], rounds: int) -> dict[str, Figures]:
    """Run each piece of work ``rounds`` times, A B C A B C; medians per tool and figure."""
    seen: dict[str, list[Figures]] = {tool: [] for tool in work}
    for number in range(rounds):
        for tool, once in work.items():
            print(f"    {tool} {number + 1}/{rounds}", file=sys.stderr, flush=True)
            seen[tool].append(once())
    return {
        tool: {key: statistics.median(f[key] for f in figures) for key in figures[0]}
        for tool, figures in seen.items()
    }


def _server_facts(tool: str) -> Figures:
    with tempfile.TemporaryDirectory() as folder, running(tool, Path(folder)) as up:
        return {"start_s": up.start_s, **memory(up.pid)}


def _load(tool: str) -> Figures:
    with tempfile.TemporaryDirectory() as folder, running(tool, Path(folder)) as up:
        return server_load.measure(up.url)


BOTH = ["assay", "mlflow"]
EVERYONE = ["assay", "mlflow", "wandb", "trackio"]


def local(name: str, tools: list[str], rounds: int) -> dict[str, Figures]:
    """A scenario without a server, for several tools in turn."""
    return in_turn({tool: partial(scenario, name, tool) for tool in tools}, rounds)


def served(name: str, tools: list[str], rounds: int) -> dict[str, Figures]:
    """A scenario through each tool's own server."""
    return in_turn({tool: partial(through_server, name, tool, tool) for tool in tools}, rounds)


def foreign(name: str, rounds: int) -> dict[str, Figures]:
    """A scenario by the unmodified mlflow client, against each server."""
    return in_turn({tool: partial(through_server, name, "mlflow", tool) for tool in BOTH}, rounds)


def rows(rounds: int) -> dict[str, Callable[[], dict[str, Figures]]]:
    """Every row by its name; slow peers get fewer rounds."""
    few = min(rounds, 3)
    return {
        "import": lambda: local("imports", EVERYONE, few),
        "install": lambda: {tool: footprint(tool) for tool in EVERYONE},
        "log_metric": lambda: local("log_loop", EVERYONE, rounds),
        "bulk": lambda: local("bulk", EVERYONE, few),
        "bulk_served": lambda: served("bulk", BOTH, few),
        "load": lambda: in_turn({tool: partial(_load, tool) for tool in BOTH}, few),
        "history": lambda: local("history", ["assay"], few),
        "history_mlflow_client": lambda: foreign("history", 1),
        "history_own_client": lambda: served("history", ["assay"], few),
        "buckets": lambda: served("buckets", ["assay"], 1),
        "search": lambda: local("search", BOTH, 1),
        "storage": lambda: local("storage", BOTH, 1),
        "artifacts": lambda: served("artifacts", BOTH, few),
        "server": lambda: in_turn({tool: partial(_server_facts, tool) for tool in BOTH}, few),
        "growth": lambda: local("growth", ["assay"], 1),
    }


def main() -> None:
    """Measure, keep the figures in ``.bench/figures.json``, and write ``docs/performance.md`` from
    them.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", nargs="+", metavar="ROW", help="measure these rows anew")
    options = parser.parse_args()
    kept = json.loads(KEPT.read_text()) if KEPT.exists() else {}
    for name, measure in rows(options.rounds).items():
        if options.only and name not in options.only:
            continue
        print(f"  {name}", file=sys.stderr, flush=True)
        kept[name] = measure()
        KEPT.parent.mkdir(exist_ok=True)
        KEPT.write_text(json.dumps(kept, indent=1))
    write_report(kept)


if __name__ == "__main__":
    main()
