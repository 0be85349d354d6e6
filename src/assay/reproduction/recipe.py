"""Recipe: all that made a run's result, as far as it was captured.

``recipes`` reads one from a run or from a frozen bundle, ``realise`` makes it real again, and
``bisect`` mixes two.
"""

from __future__ import annotations

import msgspec


class Code(msgspec.Struct, frozen=True, kw_only=True):
    """The program's source."""

    repository: str | None = None
    """URL or folder that has the commit."""
    root: str = ""
    """The working tree's folder on the machine of the run, where paths of its command begin."""
    commit: str | None = None
    patch: bytes = b""
    """What the working tree differed by; ``git apply`` takes it."""
    directory: str = ""
    """Where the command ran, within the working tree; ``.`` is its root, empty: elsewhere."""
    archive: bytes | None = None
    """A ZIP of the source, instead of a repository."""


class Dataset(msgspec.Struct, frozen=True, kw_only=True):
    """Data that was read."""

    name: str
    digest: str
    source_type: str = ""
    source: str = ""
    context: str = ""
    is_file_digest: bool = False
    """Whether the digest is that of a file's bytes, and not of a table in memory."""


class Recipe(msgspec.Struct, frozen=True, kw_only=True):
    """What one run was made of. An empty part wasn't captured."""

    run_id: str
    run_name: str = ""
    program: str = ""
    """Script, module or project, as MLflow's ``mlflow.source.name`` has it."""
    code: Code = Code()
    command: list[str] = []
    """As called, the interpreter first."""
    entry_point: str | None = None
    """Of a project; its command is made anew from the parameters."""
    parameters: dict[str, str] = {}
    """As logged."""
    given: dict[str, str] = {}
    """Parameters that the project was called with."""
    python: str = ""
    """``3.11.7``."""
    packages: dict[str, str] = {}
    """Requirement line by normalized name."""
    environment: dict[str, str] = {}
    """Variables of the allow-list that were set."""
    seeds: dict[str, str] = {}
    """By what was seeded: ``python``, ``numpy``, ``torch`` …; empty: no seed was set."""
    threads: dict[str, str] = {}
    """``OMP_NUM_THREADS`` and its kin."""
    datasets: list[Dataset] = []
    run_number: int = 1
    """Which of the runs that the command makes it was."""
    hardware: dict[str, str] = {}
    """Processor, memory, GPUs, platform: told, not rebuilt."""
