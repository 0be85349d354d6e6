"""How a scenario is called: which tool, which folder, which server; figures go out as one JSON
line.
"""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

Figures = dict[str, float]


def run(scenario: Callable[[ModuleType, str, str | None], Figures]) -> None:
    """Call ``scenario(tool, folder, url)`` with the arguments of the command line and print what
    it measured.
    """
    sys.path.insert(0, str(Path(__file__).parents[1] / "tools"))
    tool = importlib.import_module(f"{sys.argv[1]}_tool")
    url = sys.argv[3] if len(sys.argv) > 3 else None
    print("FIGURES " + json.dumps(scenario(tool, sys.argv[2], url)))
