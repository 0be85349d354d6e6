"""A fresh place to log to for each test: that of the fluent functions."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.fluent.conftest import project as project

FUNCTIONS = '''
"""Functions of sweeps that worker processes import."""
import os
import signal
import time
from pathlib import Path


def square(x):
    return (x - 3) ** 2


def raises(x):
    raise ValueError("never")


def slow(x, trial):
    print("hello from", trial.number)
    for step in range(600):
        trial.report(x, step)
        time.sleep(0.05)
    return x


def dies(x):
    if x == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return x


def curve(x, trial):
    for step in range(10):
        trial.report(x + 1 / (step + 1), step)
    return x


def fails_once(x):
    marker = Path(f"tried-{x}")
    if not marker.exists():
        marker.touch()
        raise RuntimeError("not yet")
    return x
'''


@pytest.fixture
def functions(project: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A module ``of_sweeps`` in the project's folder."""
    path = project / "of_sweeps.py"
    path.write_text(FUNCTIONS)
    monkeypatch.syspath_prepend(str(project))
    yield path
    sys.modules.pop("of_sweeps", None)
