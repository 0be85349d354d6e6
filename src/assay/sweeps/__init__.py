"""Sweeps: many runs of one entry point or function, over a space of parameters.

``assay.sweep`` runs one. ``spec``, ``reading`` and ``dimensions`` say what a sweep is, ``guide``,
``samplers`` and ``optuna_study`` choose parameters, ``in_process``, ``workers`` and
``entry_points`` carry trials out, ``run`` leads them, and ``state`` finds them again in the store.
"""

from __future__ import annotations

from assay.sweeps.result import SweepResult
from assay.sweeps.space import Choices, Fixed, Range
from assay.sweeps.state import TrialResult
from assay.sweeps.trials import Pruned, Trial

__all__ = ["Choices", "Fixed", "Pruned", "Range", "SweepResult", "Trial", "TrialResult"]
