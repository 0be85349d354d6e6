"""Seeding of what is loaded."""

from __future__ import annotations

import os
import random

import numpy as np
import pytest

from assay.context import seeds
from assay.errors import InvalidInput


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a test seeds is forgotten afterwards, and its variables are put back."""
    for name in ("PYTHONHASHSEED", "CUBLAS_WORKSPACE_CONFIG", "TF_DETERMINISTIC_OPS"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.setattr(seeds, "_seeded", {})


def test_same_seed_gives_the_same_numbers() -> None:
    drawn = []
    for _ in range(2):
        done = seeds.set_seeds(7, deterministic=False)
        drawn.append((random.random(), float(np.random.random())))

    assert drawn[0] == drawn[1]
    assert {"python", "numpy"} <= set(done.libraries)
    assert os.environ["PYTHONHASHSEED"] == "7"
    assert "CUBLAS_WORKSPACE_CONFIG" not in os.environ


def test_what_was_seeded_is_told_as_tags() -> None:
    assert seeds.seed_tags() == {}
    seeds.set_seeds(3, deterministic=True)
    told = seeds.seed_tags()
    assert told["assay.seed.python"] == told["assay.seed.numpy"] == "3"
    assert told["assay.seed.deterministic"] == "true"
    assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"


@pytest.mark.parametrize("value", [-1, 2**32, 1.5, "7", True, None])
def test_what_is_no_seed_is_refused(value: object) -> None:
    with pytest.raises(InvalidInput, match="whole number from 0 to 4294967295"):
        seeds.set_seeds(value, deterministic=True)  # type: ignore[arg-type]


def test_key_of_jax_needs_jax() -> None:
    done = seeds.Seeds(1, ("python",), deterministic=True)
    with pytest.raises(InvalidInput, match="import jax first"):
        done.jax_key()
