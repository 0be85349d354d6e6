"""Names made up for runs."""

from __future__ import annotations

import random
import re

from assay.entities.names import check_run_name
from assay.entities.run_names import new_run_name


def test_names_are_a_manner_a_creature_and_a_number() -> None:
    for _ in range(500):
        assert re.fullmatch(r"[a-z]+-[a-z]+-\d{1,3}", check_run_name(new_run_name()))


def test_names_seldom_repeat() -> None:
    assert len({new_run_name() for _ in range(1_000)}) > 990


def test_seed_of_the_program_is_left_alone() -> None:
    random.seed(1)
    expected = random.random()
    random.seed(1)
    new_run_name()
    assert random.random() == expected
