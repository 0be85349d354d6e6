"""Weights: how likely a difference of each kind is to have made another result.

From 0 to 1, for ranking only. The order, and why:

1. A seed that one run set and the other didn't: without it the program may answer otherwise each
   time, so nothing else needs to have changed.
2. The code that ran: commit, uncommitted changes, entry point.
3. Data: another digest of the same data set.
4. Params, but for those that name places or say how much is printed, which come late.
5. Seeds of another value, then the command line, whose options are mostly params as well.
6. Packages that compute, by how far their versions lie apart; then Python; then other packages.
   Those that neither run had imported come at the end, with tools that compute nothing.
7. Threads and environment variables, which change the order of sums.
8. Hardware, and last the name of the machine.
"""

from __future__ import annotations

import re
from typing import Final, Literal

from assay.comparison.packages import Bump, Role

Dimension = Literal[
    "code",
    "data",
    "parameters",
    "seeds",
    "packages",
    "python",
    "threads",
    "environment",
    "hardware",
]
DIMENSIONS: Final[tuple[Dimension, ...]] = (
    "code",
    "data",
    "parameters",
    "seeds",
    "packages",
    "python",
    "threads",
    "environment",
    "hardware",
)

SEED_UNSET: Final = 1.0
COMMIT: Final = 0.92
PATCH: Final = 0.91
ENTRY_POINT: Final = 0.9
PROGRAM: Final = 0.89
DATA_DIGEST: Final = 0.88
DATA_SET: Final = 0.86
"""A data set that only one of the runs used."""
PARAMETER: Final = 0.8
PARAMETER_OF_ONE: Final = 0.78
"""A param that only one of the runs has."""
SEED: Final = 0.76
COMMAND: Final = 0.72
DIRECTORY: Final = 0.4
PYTHON: Final[dict[Bump, float]] = {"major": 0.58, "minor": 0.5, "patch": 0.34}
TELLING_VARIABLE: Final = 0.32
THREADS: Final = 0.3
VARIABLE: Final = 0.26
QUIET_PARAMETER: Final = 0.25
HARDWARE: Final[dict[str, float]] = {"gpu": 0.22, "cpu": 0.18, "platform": 0.14, "host": 0.02}

_PACKAGES: Final[dict[Role, dict[Bump, float]]] = {
    "computing": {"major": 0.7, "minor": 0.66, "patch": 0.62},
    "other": {"major": 0.46, "minor": 0.42, "patch": 0.38},
    "unused": {"major": 0.12, "minor": 0.11, "patch": 0.1},
    "tool": {"major": 0.06, "minor": 0.05, "patch": 0.04},
}
_PACKAGE_OF_ONE: Final[dict[Role, float]] = {
    "computing": 0.6,
    "other": 0.36,
    "unused": 0.09,
    "tool": 0.03,
}

_QUIET: Final = re.compile(
    r"(?:.*[._/-])?(?:verbose|verbosity|log_?level|quiet|dir|directory|path|folder"
    r"|(?:out|output|save|log|logs|model|models|artifact|artifacts|cache|tmp|temp|work|run)"
    r"_?(?:dir|directory|path|folder)|output|out|n_jobs|num_workers|workers|run_?name|experiment(?:_?name)?|tags?|notes?"
    r"|description|progress(?:_?bar)?|save_\w+|log_\w+|\w*checkpoint\w*)",
    re.IGNORECASE,
)
"""Params that say where things lie, or how much is told, rather than what is computed."""
_SEED_NAME: Final = re.compile(
    r"(?:.*[._/-])?(?:\w*_)?(?:seed|random_state|seed_everything)", re.IGNORECASE
)
_TELLING: Final = re.compile(
    r"PYTHONHASHSEED|CUDA_VISIBLE_DEVICES|CUBLAS_WORKSPACE_CONFIG|\w*DETERMINIS\w*|\w*TF32\w*|XLA_\w+"
)
"""Variables that say on what is computed, and whether in a fixed order."""


def of_package(role: Role, bump: Bump | None) -> float:
    """Of a package whose version changed so far; ``None``: only one of the runs had it."""
    return _PACKAGE_OF_ONE[role] if bump is None else _PACKAGES[role][bump]


def of_parameter(name: str, *, in_both: bool) -> float:
    """Of a param by its name."""
    if _QUIET.fullmatch(name):
        return QUIET_PARAMETER
    return PARAMETER if in_both else PARAMETER_OF_ONE


def of_variable(name: str) -> float:
    """Of an environment variable by its name."""
    return TELLING_VARIABLE if _TELLING.fullmatch(name) else VARIABLE


def is_seed(parameter: str) -> bool:
    """Whether a param is a seed, by its name."""
    return _SEED_NAME.fullmatch(parameter) is not None
