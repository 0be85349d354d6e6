"""Runs of projects beside MLflow's: what `run` takes over the command itself, and first builds.

    python -m benchmarks.projects [--rounds 5]

One project with an environment of one package and a command that does nothing, run warm: the
environment was made by a run before. What the command takes by itself, in the same environment, is
subtracted. Both tools run in turn, each with a store of its own in a folder (SQLite).
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

TARGET: Final = Path(__file__).parents[1] / "docs" / "performance-projects.md"
TIMEOUT_S: Final = 900
PYTHON: Final = ".".join(map(str, sys.version_info[:3]))
PROJECT: Final = {
    "MLproject": "name: nothing\npython_env: python_env.yaml\n"
    "entry_points: {main: {command: python nothing.py}}\n",
    "python_env.yaml": f"python: '{PYTHON}'\nbuild_dependencies: [pip]\n"
    "dependencies: [iniconfig==2.1.0]\n",
    "nothing.py": "",
}
SKLEARN: Final = {
    **PROJECT,
    "python_env.yaml": f"python: '{PYTHON}'\ndependencies: [scikit-learn==1.7.2]\n",
}


def main() -> None:
    """Measure, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        bare = _median([_bare(folder) for _ in range(rounds)])
        tools = {"assay": _assay(folder), "mlflow": _mlflow(folder)}
        project = _project(folder / "nothing", PROJECT)
        for command, variables in tools.values():
            _timed([*command, str(project)], folder, variables)
        seen: dict[str, list[float]] = {tool: [] for tool in tools}
        for _ in range(rounds):
            for tool, (command, variables) in tools.items():
                seen[tool].append(_timed([*command, str(project)], folder, variables) - bare)
        build = _median([_first_build(folder, number) for number in range(rounds)])
    overhead = {tool: _median(times) for tool, times in seen.items()}
    page = _page(overhead, build, rounds)
    TARGET.write_text(page, encoding="utf-8")
    sys.stdout.write(page)


def _median(times: list[float]) -> float:
    return statistics.median(times)


def _project(folder: Path, files: Mapping[str, str]) -> Path:
    folder.mkdir()
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def _bare(folder: Path) -> float:
    program = folder / "nothing.py"
    program.touch()
    return _timed([sys.executable, str(program)], folder, {})


def _assay(folder: Path) -> tuple[list[str], dict[str, str]]:
    command = [sys.executable, "-m", "assay", "-t", str(folder / "assay"), "run"]
    return command, {"XDG_CACHE_HOME": str(folder / "cache"), "UV_CACHE_DIR": _uv_cache()}


def _mlflow(folder: Path) -> tuple[list[str], dict[str, str]]:
    command = [sys.executable, "-m", "mlflow", "run", "--env-manager", "virtualenv"]
    variables = {
        "MLFLOW_TRACKING_URI": f"sqlite:///{folder / 'mlflow.db'}",
        "MLFLOW_ENV_ROOT": str(folder / "mlflow-envs"),
    }
    return command, variables


def _uv_cache() -> str:
    return os.environ.get("UV_CACHE_DIR", str(Path("~/.cache/uv").expanduser()))


def _first_build(folder: Path, number: int) -> float:
    """A run whose environment isn't there yet; the packages are in the cache of uv."""
    project = folder / "sklearn"
    if not project.exists():
        _project(project, SKLEARN)
        _first_build(folder, -1)
    command, variables = _assay(folder)
    variables["XDG_CACHE_HOME"] = str(folder / f"cache{number}")
    return _timed([*command, str(project)], folder, variables)


def _timed(command: list[str], folder: Path, variables: Mapping[str, str]) -> float:
    begun = time.perf_counter()
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
    )
    took = time.perf_counter() - begun
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stdout}\n{done.stderr}")
    return took


def _page(overhead: Mapping[str, float], build: float, rounds: int) -> str:
    ours, theirs = overhead["assay"], overhead["mlflow"]
    load = os.getloadavg()[0]
    lines = [
        "# Performance of projects",
        "",
        "A project with an environment of one package and a command that does nothing, from a"
        " folder, warm: the environment is",
        "there. What the command takes by itself is subtracted."
        f" Medians of {rounds} rounds, both tools in turn, each with an SQLite",
        f"store, on {os.cpu_count()} shared cores (a load of {load:.0f} at the end)."
        " Absolute times mean little on a busy machine, ratios of one run do.",
        "",
        "```bash",
        f"python -m benchmarks.projects --rounds {rounds}",
        "```",
        "",
        "| | Assay | MLflow | ratio | aim |",
        "|---|---|---|---|---|",
        f"| `run` of a local project over the command itself | {ours:.2f} s | {theirs:.2f} s"
        f" | {theirs / ours:.1f}× | ≤ 1.0 s, ≥ 5× |",
        "| first run of a scikit-learn project, packages in the cache of uv"
        f" | {build:.2f} s | | | ≤ 10 s |",
        "",
        "MLflow runs with `--env-manager virtualenv`, Assay with its default, uv.",
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
