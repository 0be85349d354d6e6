"""Comparison of runs: what differs between two, and what many with different seeds say together.

``assay.comparison.diff_runs`` and its neighbours are loaded when they are first used. ``facts``
reads what is known of a run, ``differences`` ranks what two have not in common, ``statistics``
speaks of groups of runs; see docs/guides/why-runs-differ.md.
"""

from __future__ import annotations

import importlib
from typing import Any

_HOMES = {
    "assay.comparison.diff": ["MetricChange", "RunDiff"],
    "assay.comparison.differences": ["Difference"],
    "assay.comparison.facts": ["RunFacts", "facts_of"],
    "assay.comparison.patches": ["CodeDiff", "code_diff"],
    "assay.comparison.runs": ["diff_runs", "run_statistics"],
}
_ATTRIBUTES = {name: home for home, names in _HOMES.items() for name in names}

__all__ = sorted(_ATTRIBUTES)  # noqa: PLE0605 - a list of names


def __getattr__(name: str) -> Any:
    home = _ATTRIBUTES.get(name)
    if home is None:
        raise AttributeError(f"module 'assay.comparison' has no attribute {name!r}")
    value = getattr(importlib.import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
