"""What the browser looks at, as plain values: Assay's store and MLflow's are filled from it alike.

- ``big``: 10,000 runs with 100 params each, and some tens of 1,000 metrics.
- ``panels``: 10 runs with 100 metrics of 1,000 points each.
- ``curves``: 10 runs with 20 metrics of 1,000 points each.
- ``long``: 10 runs with one metric of 1,000,000 points each.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

START_MS = 1_760_000_000_000
BIG_RUNS = 10_000
BIG_KEYS = 1_000
KEYS_PER_RUN = 40
"""Keys of the 1,000 that a run of ``big`` has, beside the ``COMMON`` ones."""
POINTS_PER_KEY = 8
PARAMS = 100
VARYING_PARAMS = 20
"""Params of ``big`` that differ between runs; the others are the same in all."""
COMMON = ("train/loss", "val/loss", "val/accuracy")
CURVE_POINTS = 1_000
LONG_POINTS = 1_000_000
LONG_CHUNK = 100_000
RUNS_OF_CURVES = 10
STATUSES = ("FINISHED",) * 18 + ("FAILED", "KILLED")
GROUPS = ("train", "val", "test", "optim", "grad", "time", "data", "eval", "layer", "misc")

Steps = NDArray[np.int64]
Values = NDArray[np.float64]


class Curves(NamedTuple):
    """Series of equal length: ``values`` has a row for each key."""

    keys: list[str]
    steps: Steps
    values: Values


class SeedRun(NamedTuple):
    """One run with all that is logged into it; ``chunks`` of its curves come in order of step."""

    ident: str
    name: str
    start_ms: int
    status: str
    params: dict[str, str]
    tags: dict[str, str]
    chunks: list[Curves]


def ident(experiment: str, number: int) -> str:
    """The id of a run: the same in each store."""
    return hashlib.md5(f"{experiment}/{number}".encode(), usedforsecurity=False).hexdigest()


def big_key(number: int) -> str:
    """One of the 1,000 keys of ``big``."""
    return f"{GROUPS[number % len(GROUPS)]}/metric_{number:03d}"


def big_runs(count: int = BIG_RUNS) -> Iterator[SeedRun]:
    """The first runs of ``big``."""
    rng = np.random.default_rng(7)
    fixed = {f"config/option_{i:02d}": f"value-{i}" for i in range(VARYING_PARAMS, PARAMS)}
    steps = np.arange(POINTS_PER_KEY, dtype=np.int64) * 100
    for number in range(count):
        chosen = np.sort(rng.choice(BIG_KEYS, KEYS_PER_RUN, replace=False)).tolist()
        keys = [*COMMON, *map(big_key, chosen)]
        quality = rng.random()
        noise = rng.normal(scale=0.03, size=(len(keys), POINTS_PER_KEY))
        values = np.exp(-(0.5 + quality) * steps / 400)[None, :] + noise
        varying = {
            f"config/option_{i:02d}": str(round(float(v), 6))
            for i, v in enumerate(rng.random(VARYING_PARAMS - 3) * (1 + number % 3))
        }
        yield SeedRun(
            ident("big", number),
            f"run-{number:05d}",
            START_MS + number * 60_000,
            STATUSES[int(rng.integers(len(STATUSES)))],
            {
                "learning_rate": str(float(f"{10 ** -(1 + 3 * quality):.3g}")),
                "batch_size": str(2 ** int(rng.integers(3, 9))),
                "model": ("mlp", "cnn", "vit", "resnet")[number % 4],
                **varying,
                **fixed,
            },
            {"team": f"team-{number % 5}"},
            [Curves(keys, steps, values)],
        )


def curve_runs(experiment: str, keys: int) -> Iterator[SeedRun]:
    """Ten runs with ``keys`` metrics of 1,000 points each."""
    rng = np.random.default_rng(len(experiment) + keys)
    steps = np.arange(CURVE_POINTS, dtype=np.int64)
    names = [f"{GROUPS[i % 4]}/curve_{i:03d}" for i in range(keys)]
    for number in range(RUNS_OF_CURVES):
        speed = 0.3 + rng.random((keys, 1))
        noise = rng.normal(scale=0.04, size=(keys, CURVE_POINTS))
        values = np.exp(-speed * steps[None, :] / 250) + noise
        yield _curve_run(experiment, number, [Curves(names, steps, values)])


def long_runs() -> Iterator[SeedRun]:
    """Ten runs with a million points each."""
    rng = np.random.default_rng(11)
    for number in range(RUNS_OF_CURVES):
        chunks = []
        for first in range(0, LONG_POINTS, LONG_CHUNK):
            steps = np.arange(first, first + LONG_CHUNK, dtype=np.int64)
            noise = rng.normal(scale=0.05, size=LONG_CHUNK)
            values = np.exp(-steps / (2e5 + 2e4 * number)) + noise
            chunks.append(Curves(["loss"], steps, values[None, :]))
        yield _curve_run("long", number, chunks)


def _curve_run(experiment: str, number: int, chunks: list[Curves]) -> SeedRun:
    return SeedRun(
        ident(experiment, number),
        f"{experiment}-{number}",
        START_MS + number * 60_000,
        "FINISHED",
        {"seed": str(number), "learning_rate": str(0.001 * (number + 1))},
        {},
        chunks,
    )
