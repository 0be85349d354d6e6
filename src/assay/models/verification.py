"""Verifying: is a model what it was when it was saved, and does it keep what was declared?"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec

from assay.errors import AssayError, Corrupted
from assay.models import checks, golden
from assay.models.checks import Outcome
from assay.models.input_example import load_example
from assay.models.loading import load_pyfunc
from assay.models.mlmodel import Model

RECORD: Final = "verification.json"
"""Beside the model's files: what the last verification found."""


class Verification(msgspec.Struct, frozen=True):
    """What was checked, in order; later checks are left out where an earlier one makes them
    impossible.
    """

    outcomes: list[Outcome]

    @property
    def ok(self) -> bool:
        """Whether all held."""
        return all(one.ok for one in self.outcomes)


def verify(
    path: str | Path, *, trust: bool | None = None, origin: str | None = None
) -> Verification:
    """Check digests, load, replay golden predictions, and run the declared checks, in this process.

    Raises:
        ArtifactNotFound: there is no ``MLmodel``.
        UntrustedModel: loading would run code of others.
    """
    folder = Path(path)
    model = Model.load(folder)
    before = _resident_mb()
    try:
        loaded = load_pyfunc(folder, trust=trust, origin=origin)
    except Corrupted as error:
        return Verification([Outcome("digests", ok=False, detail=error.message)])
    outcomes = [Outcome("digests", ok=True), Outcome("load", ok=True)]
    example = load_example(folder, model)
    if example is None:
        return Verification([*outcomes, Outcome("input example", ok=False, detail="there is none")])
    try:
        differences = golden.replay(folder, loaded, model)
    except AssayError as error:
        return Verification([*outcomes, Outcome("golden predictions", ok=False, detail=str(error))])
    shown = "; ".join(str(one) for one in differences[:3])
    outcomes.append(Outcome("golden predictions", ok=not differences, detail=shown))
    declared = checks.read(folder)
    if declared is not None:
        grown = _resident_mb() - before
        outcomes += checks.run(declared, loaded, example, memory_mb=grown)
    return Verification(outcomes)


def _resident_mb() -> float:
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    import os

    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
