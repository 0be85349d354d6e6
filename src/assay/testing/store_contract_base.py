"""What the parts of the store contract share.

The fixture to be given, and things made in one line.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import pytest

from assay.entities.experiments import Experiment
from assay.entities.ids import DEFAULT_EXPERIMENT_ID, ExperimentId, new_run_id
from assay.entities.metrics import Metric
from assay.entities.runs import NewRun, Run
from assay.store.base import Store

HALF_A_PAIR = "\ud800"
"""A lone surrogate: no text that can be stored."""
AWKWARD = "naïve 日本語 🦦 'quote' \"double\" %s ? \\ \n\t end "


class ContractPart(ABC):
    """Base of all parts."""

    @pytest.fixture
    @abstractmethod
    def store(self) -> Store:
        """A fresh, empty store."""

    @pytest.fixture
    def experiment(self, store: Store) -> Experiment:
        """An active experiment without runs."""
        return store.experiments.create("given")

    @pytest.fixture
    def run(self, store: Store, experiment: Experiment) -> Run:
        """An active run that logged nothing."""
        return start(store, experiment.experiment_id)


def start(
    store: Store, experiment_id: ExperimentId = DEFAULT_EXPERIMENT_ID, **facts: object
) -> Run:
    """Create a run; ``facts`` are fields of ``NewRun``."""
    given: dict[str, object] = {"run_id": new_run_id(), "start_time": 1_000, **facts}
    return store.runs.create(NewRun(experiment_id=experiment_id, **given))  # type: ignore[arg-type]


def point(key: str, value: float, step: int = 0, *, timestamp: int = 1_000) -> Metric:
    """A point without model or data set."""
    return Metric(key=key, value=value, timestamp=timestamp, step=step)
