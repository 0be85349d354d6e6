"""What a case gives back, and which cases there are."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

Figures = dict[str, float | int]


class Outcome(NamedTuple):
    """What happened in one case."""

    held: bool
    """Whether the promise held; each case decides it from its figures alone."""
    figures: Figures


class Case(NamedTuple):
    """One promise and how it is tried."""

    name: str
    claim: str
    run: Callable[[bool], Outcome]
    """Called with True for the short form."""


def cases() -> list[Case]:
    """All cases, by name: the modules of ``benchmarks.reliability.cases``, each with ``CLAIM`` and
    ``run``.
    """
    folder = Path(__file__).with_name("cases")
    found = []
    for module in sorted(m.name for m in pkgutil.iter_modules([str(folder)])):
        if module.startswith("_"):
            continue
        loaded = importlib.import_module(f"benchmarks.reliability.cases.{module}")
        found.append(Case(module, loaded.CLAIM, loaded.run))
    return found
