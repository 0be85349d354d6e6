"""Optuna's samplers and pruners by name, with the options that a sweep passes on.

Only what a file can say is here: Optuna's other arguments are objects.
"""

from __future__ import annotations

from typing import Final

SAMPLERS: Final[dict[str, dict[str, tuple[type, ...]]]] = {
    "tpe": {
        "n_startup_trials": (int,),
        "n_ei_candidates": (int,),
        "multivariate": (bool,),
        "group": (bool,),
        "constant_liar": (bool,),
    },
    "gp": {"n_startup_trials": (int,), "deterministic_objective": (bool,)},
    "cmaes": {
        "n_startup_trials": (int,),
        "sigma0": (int, float),
        "popsize": (int,),
        "with_margin": (bool,),
        "use_separable_cma": (bool,),
        "lr_adapt": (bool,),
    },
    "qmc": {"qmc_type": (str,), "scramble": (bool,)},
    "random": {},
    "nsgaii": {
        "population_size": (int,),
        "mutation_prob": (int, float),
        "crossover_prob": (int, float),
        "swapping_prob": (int, float),
    },
}
"""Options of each sampler and what they may be, as Optuna 4 and 5 name them."""

_WAITS: Final[dict[str, tuple[type, ...]]] = {
    "n_startup_trials": (int,),
    "n_warmup_steps": (int,),
    "interval_steps": (int,),
    "n_min_trials": (int,),
}
PRUNERS: Final[dict[str, dict[str, tuple[type, ...]]]] = {
    "median": _WAITS,
    "percentile": {"percentile": (int, float), **_WAITS},
    "hyperband": {
        "min_resource": (int,),
        "max_resource": (int, str),
        "reduction_factor": (int,),
        "bootstrap_count": (int,),
    },
    "successive_halving": {
        "min_resource": (int, str),
        "reduction_factor": (int,),
        "min_early_stopping_rate": (int,),
        "bootstrap_count": (int,),
    },
    "none": {},
}
