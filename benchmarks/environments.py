"""Environments of their own for the trackers that are compared: made once, from pinned locks."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
LOCKS = {
    "assay": "default",
    "mlflow": "bench-mlflow",
    "wandb": "bench-wandb",
    "trackio": "bench-trackio",
    "litserve": "bench-litserve",
}
_NOT_OURS = {"pip", "setuptools", "wheel", "pkg_resources", "_distutils_hack"}
"""What every virtual environment brings; it counts for nobody."""


@cache
def python(tool: str) -> Path:
    """The interpreter of the tool's environment, which is made if it isn't there."""
    folder = ROOT / f".env-bench-{tool}"
    interpreter = folder / "bin" / "python"
    ready = folder / ".ready"
    lock = ROOT / "requirements" / f"{LOCKS[tool]}.lock"
    pip = [str(interpreter), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    locked = hashlib.sha256(lock.read_bytes()).hexdigest()
    if not ready.exists() or ready.read_text() != locked:
        print(f"  installing {tool} …", file=sys.stderr)
        # From scratch: what an older lock brought would count as this tool's.
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
        subprocess.run([*pip, "--require-hashes", "-r", str(lock)], check=True)
        ready.write_text(locked)
    if tool == "assay":
        subprocess.run([*pip, "--no-deps", "--force-reinstall", str(ROOT)], check=True)
    return interpreter


def footprint(tool: str) -> dict[str, float]:
    """Size on disk in MB (compiled files included and left out) and the number of distributions."""
    packages = next((python(tool).parents[1] / "lib").glob("python*/site-packages"))
    size = compiled = 0
    for path in packages.rglob("*"):
        top = path.relative_to(packages).parts[0].split("-")[0]
        if top in _NOT_OURS or not path.is_file():
            continue
        size += path.stat().st_blocks * 512
        compiled += path.stat().st_blocks * 512 if path.suffix == ".pyc" else 0
    distributions = {p.name.split("-")[0].lower() for p in packages.glob("*.dist-info")}
    return {
        "size_mb": size / 1e6,
        "size_without_pyc_mb": (size - compiled) / 1e6,
        "distributions": len(distributions - _NOT_OURS),
    }
