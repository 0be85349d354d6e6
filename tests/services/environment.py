"""The environment of programs that tests start: nothing of the developer's own settings."""

from __future__ import annotations

import os
import sys
from pathlib import Path

PREFIXES = ("ASSAY_", "MLFLOW_", "OPTUNA_")


def clean_environment(**more: str) -> dict[str, str]:
    """The process's environment without settings of the tools under test, and with ``more``; the
    interpreter's programs come first on the path.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith(PREFIXES)}
    here = str(Path(sys.executable).parent)
    return {**kept, "PATH": f"{here}{os.pathsep}{kept.get('PATH', '')}", **more}
