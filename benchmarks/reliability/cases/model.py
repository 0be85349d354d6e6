"""Ten thousand random steps of clients, training processes and restarts, against a model."""

from __future__ import annotations

import hypothesis
from hypothesis.stateful import run_state_machine_as_test

from benchmarks.reliability.case import Figures, Outcome
from tests.property.client_machine import ServerMachine

CLAIM = "10,000 random steps with restarts and crashes: no difference from a model of dictionaries"

STEPS_A_LIFE = 60


def run(short: bool) -> Outcome:
    goal = 160 if short else 10_000
    ServerMachine.steps = ServerMachine.restarts = 0
    differences = 0
    try:
        while ServerMachine.steps < goal:
            lives = max(1, (goal - ServerMachine.steps) // STEPS_A_LIFE)
            run_state_machine_as_test(
                ServerMachine,
                settings=hypothesis.settings(
                    max_examples=min(lives, 20),
                    stateful_step_count=STEPS_A_LIFE,
                    derandomize=False,
                    database=None,
                    deadline=None,
                    suppress_health_check=list(hypothesis.HealthCheck),
                ),
            )
    except AssertionError as difference:
        differences = 1
        print(difference, *getattr(difference, "__notes__", []), sep="\n")
    figures: Figures = {
        "steps": ServerMachine.steps,
        "restarts": ServerMachine.restarts,
        "differences": differences,
    }
    return Outcome(not differences and ServerMachine.steps >= goal, figures)
