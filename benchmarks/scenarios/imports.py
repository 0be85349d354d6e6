"""What ``import`` costs beyond a bare interpreter, in milliseconds: medians of processes started
in turn.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
from time import perf_counter
from types import ModuleType

from _main import Figures, run

ROUNDS = 9


def imports(tool: ModuleType, folder: str, url: str | None) -> Figures:
    bare, imported = [], []
    _started("pass"), _started(f"import {tool.PACKAGE}")
    for _ in range(ROUNDS):
        bare.append(_started("pass"))
        imported.append(_started(f"import {tool.PACKAGE}"))
    return {"import_ms": (statistics.median(imported) - statistics.median(bare)) * 1e3}


def _started(code: str) -> float:
    began = perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return perf_counter() - began


run(imports)
