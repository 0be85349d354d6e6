"""``assay.seed`` and the generators of real frameworks, in programs of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SOURCE = Path(__file__).parents[2] / "src"
PROGRAM = """
import json
{imports}
import assay
drawn = []
for _ in range(2):
    done = assay.seed(5)
    drawn.append({draw})
print(json.dumps([drawn, list(done.libraries), {facts}]))
"""
TORCH = (
    "[torch.are_deterministic_algorithms_enabled(), torch.backends.cudnn.benchmark,"
    " torch.is_deterministic_algorithms_warn_only_enabled()]"
)


@pytest.mark.parametrize(
    ("name", "imports", "draw", "facts", "switches"),
    [
        ("torch", "import torch", "torch.rand(3).tolist()", TORCH, [True, False, True]),
        (
            "tensorflow",
            "import tensorflow as tf",
            "tf.random.uniform([3]).numpy().tolist()",
            "None",
            None,
        ),
        (
            "jax",
            "import jax",
            "jax.random.uniform(done.jax_key(), (3,)).tolist()",
            "None",
            None,
        ),
    ],
)
def test_same_seed_gives_the_same_numbers(
    name: str, imports: str, draw: str, facts: str, switches: Any
) -> None:
    program = PROGRAM.format(imports=imports, draw=draw, facts=facts)
    # In a process of its own: other tests go on without the switches.
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr

    (first, second), libraries, told = json.loads(done.stdout.splitlines()[-1])

    assert first == second
    assert name in libraries
    assert told == switches
