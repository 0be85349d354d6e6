"""What the golden files hold, said in plain Python: the tests compare what they read with this.

Values come from integer arithmetic, so that they have the same bits on every machine.
"""

from __future__ import annotations

import math

RUN = "0a5a" * 8
DELETED_RUN = "dead" * 8
CHILD_RUN = "c41d" * 8
MODEL = "m-" + "ab" * 16
START_MS = 1_767_225_600_000
"""2026-01-01T00:00:00Z."""

EXPERIMENT = "golden ≠ silver"
EXPERIMENT_TAGS = {"owner": "Ada", "mlflow.note.content": "Läuft *überall*."}
PARAMS = {"learning_rate": "0.1", "größe": "groß", "empty": "", "long": "x" * 6_000}
TAGS = {"mlflow.source.type": "LOCAL", "emoji": "🥇", "lines": "one\ntwo\ttabs"}
DATASET = {
    "name": "digits",
    "digest": "a1b2c3d4e5f60718",
    "source_type": "local",
    "source": '{"uri": "digits.csv"}',
    "schema": '{"mlflow_colspec": [{"type": "double", "name": "x", "required": true}]}',
    "profile": '{"num_rows": 1797}',
}
MODEL_PARAMS = {"layers": "3"}
MODEL_TAGS = {"kind": "linear"}
FILES = {
    "notes.txt": b"All went well.\n",
    "plots/bytes.bin": bytes(range(256)) * 8,
    "deep/er/größe.txt": "groß".encode(),
}

Point = tuple[int, int, float]
"""Step, timestamp, value."""


def curve(count: int, *, seed: int, first: int = 0) -> list[Point]:
    """Points whose values look random and are exact."""
    return [
        (step, START_MS + 10 * step, ((step + seed) * 2_654_435_761 % 2**32) / 2**32)
        for step in range(first, first + count)
    ]


BATCHES, BATCH = 70, 20
"""More batches than a run may have segments: most of their points end in blocks."""
SPECIAL: list[Point] = [
    (-(2**62), 0, -0.0),
    (-1, 1, 0.0),
    (0, 2, math.nan),
    (1, 3, math.inf),
    (2, 4, -math.inf),
    (3, 5, 1e308),
    (4, 6, 5e-324),
    (2**53 + 1, 7, 0.1),
    (2**62, 2**52, 9_007_199_254_740_993.0),
]
METRICS: dict[str, list[Point]] = {
    "loss": curve(BATCHES * BATCH, seed=1),
    "val/acc ünïcode": curve(BATCHES * BATCH, seed=7),
    "special": SPECIAL,
    "last words": curve(5, seed=3),
}
"""``loss`` and ``val/acc`` are logged batch by batch, the others at the end."""

JOURNAL_RUN_NAME = "killed"
JOURNAL_POINTS = curve(500, seed=11)
JOURNAL_ROWS = 50
JOURNAL_PARAMS = {"rate": "0.5"}
JOURNAL_TAGS = {"team": "vision"}
JOURNAL_FILE = b"written before the end\n"

RAW_SEGMENT: dict[int, list[Point]] = {0: curve(40, seed=1), 3: SPECIAL, 9: curve(1, seed=2)}
"""By the number of the series in the run."""
RAW_FEW: dict[int, list[Point]] = {2: [(5, START_MS, 0.5)], 4: [(5, START_MS, math.nan)]}
RAW_BLOCKS: dict[str, list[Point]] = {
    "plain": SPECIAL,
    "pcodec": curve(600, seed=5),
    "single": [(s, t, float(int(v * 256)) / 256) for s, t, v in curve(300, seed=6)],
    "search": [(s, t, round(v * 100) / 100) for s, t, v in curve(2_000, seed=8)],
}
"""One for each way in which a block keeps values."""
