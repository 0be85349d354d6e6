"""What a sweep is: the thing to run, its space, what is to be optimised, and how far to go.

``assay.sweeps.reading`` makes one of a file or of a function's arguments and checks it; what is
read back from the parent run was checked before.
"""

from __future__ import annotations

from typing import Any, Final, Literal

import msgspec

from assay.projects.launch import EnvManager
from assay.sweeps.space import Dimension

Goal = Literal["minimize", "maximize"]
Method = Literal["grid", "random", "optuna"]
Workers = Literal["processes", "threads"]

GOALS: Final = ("minimize", "maximize")
METHODS: Final = ("grid", "random", "optuna")
WORKERS: Final = ("processes", "threads")

MAX_TRIALS: Final = 100_000
MAX_PARALLEL: Final = 512


def best_key(metric: str) -> str:
    """The metric of the parent run that follows the best value so far."""
    return f"best/{metric}"


class Objective(msgspec.Struct, frozen=True):
    """The metric that tells which trial is better."""

    name: str
    goal: Goal = "minimize"

    def better(self, one: float, other: float) -> bool:
        """Whether ``one`` beats ``other``."""
        return one > other if self.goal == "maximize" else one < other


class Named(msgspec.Struct, frozen=True):
    """A sampler or pruner of Optuna, with its options."""

    name: str
    options: dict[str, Any] = {}


class Stop(msgspec.Struct, frozen=True):
    """When enough is known before all trials ran."""

    target: float | None = None
    """A value of the metric that is good enough."""
    patience: int | None = None
    """Trials in a row that may end without a better value."""


class SweepSpec(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A sweep, checked. Either ``project`` or ``function`` is there."""

    parameters: dict[str, Dimension]
    metric: Objective
    project: str | None = None
    """As ``assay run`` takes it."""
    version: str | None = None
    entry_point: str = "main"
    function: str | None = None
    """``module:name``; empty for one that no other program can find."""
    path: str = ""
    """Folder that ``function`` is looked for in first."""
    method: Method = "random"
    sampler: Named = Named("tpe")
    """Of the method ``optuna``."""
    pruner: Named | None = None
    trials: int
    """How many points are tried, failed ones included."""
    parallel: int = 1
    workers: Workers = "processes"
    seed: int = 0
    timeout_s: float = 0
    """For the whole sweep; 0: none."""
    trial_timeout_s: float = 0
    """For each trial of an entry point; 0: none."""
    stop: Stop = Stop()
    backend: str = "local"
    backend_config: dict[str, Any] = {}
    env_manager: EnvManager | None = None
    experiment: str | None = None
    """Its name; ``None``: where other runs of the program go."""
    name: str = ""
    """Of the parent run, by which an interrupted sweep is found again."""
    retries: int = 0
    """How often a trial that failed is tried again."""

    def identity(self) -> tuple[object, ...]:
        """What must be the same for trials of two sweeps to be comparable."""
        target = (self.project, self.version, self.entry_point) if self.project else self.function
        return (target, self.parameters, self.metric, self.method, self.sampler.name)


def dump_spec(spec: SweepSpec) -> bytes:
    """``spec`` as it is kept with the parent run."""
    return msgspec.json.format(msgspec.json.encode(spec), indent=2)


def load_spec(content: bytes) -> SweepSpec:
    """A kept spec. Raises ``msgspec.MsgspecError`` for anything else."""
    return msgspec.json.decode(content, type=SweepSpec)
