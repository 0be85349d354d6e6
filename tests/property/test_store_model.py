"""A SQLite store against a model of dictionaries, through restarts."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    rule,
)

from assay import errors
from assay.entities.ids import ExperimentId, RunId, new_run_id
from assay.entities.metrics import Metric
from assay.entities.params import Param
from assay.entities.runs import NewRun, RunStatus
from assay.entities.tags import RUN_NAME, Tag
from assay.store.sql.backup import check
from assay.store.sql.purge import purge_runs
from assay.store.sql.store import SqlStore, open_sql_store

_KEYS = st.sampled_from(["a", "b", "loss/x", "ключ", "a b"])
_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
# Zeros of both signs are two points to the store, but one to a set of the model.
_VALUES = (st.floats(allow_nan=False) | st.integers(-2, 2)).map(lambda value: value + 0.0)
_POINTS = st.lists(
    st.tuples(
        _KEYS,
        st.integers(-3, 3),
        st.integers(0, 3),
        _VALUES,
    ),
    max_size=6,
)


class StoreMachine(RuleBasedStateMachine):
    """Random changes; after each, what the store says is what the model says."""

    experiments = Bundle("experiments")
    runs = Bundle("runs")

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="assay-model-"))
        self.store = self._open()
        self.names: dict[ExperimentId, str] = {}
        self.binned: dict[ExperimentId, set[RunId]] = {}
        self.model: dict[RunId, dict[str, Any]] = {}
        self.touched: set[RunId] = set()

    def _open(self) -> SqlStore:
        return open_sql_store(f"sqlite:///{self.folder}/a.db")

    def teardown(self) -> None:
        assert check(self.store.uri) == []
        self.store.close()
        shutil.rmtree(self.folder)

    @initialize(target=experiments)
    def first_experiment(self) -> Any:
        return self._create("first")

    def _create(self, name: str) -> Any:
        if name in self.names.values():
            with pytest.raises(errors.AlreadyExists):
                self.store.experiments.create(name)
            return multiple()
        made = self.store.experiments.create(name)
        self.names[made.experiment_id] = name
        return made.experiment_id

    @rule(target=experiments, name=st.sampled_from(["first", "second", "third"]))
    def create_experiment(self, name: str) -> Any:
        return self._create(name)

    @rule(target=runs, experiment=experiments, name=st.sampled_from(["", "x", "y"]))
    def create_run(self, experiment: ExperimentId, name: str) -> Any:
        ident = new_run_id()
        new = NewRun(ident, experiment, start_time=7, run_name=name)
        if experiment in self.binned:
            with pytest.raises(errors.InactiveResource):
                self.store.runs.create(new)
            return multiple()
        made = self.store.runs.create(new)
        self.model[ident] = {
            "experiment": experiment,
            "active": True,
            "status": RunStatus.RUNNING,
            "params": {},
            "tags": {RUN_NAME: made.info.run_name},
            "points": {},
        }
        return ident

    @rule(
        run=runs,
        points=_POINTS,
        params=st.dictionaries(_KEYS, _TEXT, max_size=3),
        tags=st.dictionaries(_KEYS, _TEXT, max_size=3),
    )
    def log_batch(
        self, run: RunId, points: list[Any], params: dict[str, str], tags: dict[str, str]
    ) -> None:
        def log() -> None:
            self.store.runs.log_batch(
                run,
                metrics=[Metric(k, float(v), time, step) for k, step, time, v in points],
                params=[Param(k, v) for k, v in params.items()],
                tags=[Tag(k, v) for k, v in tags.items()],
            )

        self.touched.add(run)
        model = self.model[run]
        if not model["active"]:
            with pytest.raises(errors.InactiveResource):
                log()
            return
        if any(model["params"].get(k, v) != v for k, v in params.items()):
            with pytest.raises(errors.ParamChanged):
                log()
            return
        log()
        model["params"] |= params
        model["tags"] |= tags
        for key, step, time, value in points:
            model["points"].setdefault(key, set()).add((step, time, float(value)))

    @rule(run=runs, status=st.sampled_from(list(RunStatus)))
    def update(self, run: RunId, status: RunStatus) -> None:
        self.touched.add(run)
        if self.model[run]["active"]:
            self.store.runs.update(run, status=status)
            self.model[run]["status"] = status
        else:
            with pytest.raises(errors.InactiveResource):
                self.store.runs.update(run, status=status)

    @rule(run=runs, key=_KEYS)
    def delete_tag(self, run: RunId, key: str) -> None:
        self.touched.add(run)
        model = self.model[run]
        if model["active"] and key in model["tags"]:
            self.store.runs.delete_tag(run, key)
            del model["tags"][key]
        else:
            with pytest.raises((errors.TagNotFound, errors.InactiveResource)):
                self.store.runs.delete_tag(run, key)

    @rule(run=runs)
    def delete_run(self, run: RunId) -> None:
        self.touched.add(run)
        self.store.runs.delete(run)
        self.model[run]["active"] = False

    @rule(run=runs)
    def restore_run(self, run: RunId) -> None:
        self.touched.add(run)
        self.store.runs.restore(run)
        self.model[run]["active"] = True
        for together in self.binned.values():
            together.discard(run)

    @rule(run=consumes(runs))
    def purge_run(self, run: RunId) -> None:
        self.store.runs.delete(run)
        purge_runs(self.store.database, [run])
        del self.model[run]
        self.touched.discard(run)
        for together in self.binned.values():
            together.discard(run)
        with pytest.raises(errors.RunNotFound):
            self.store.runs.get(run)

    @rule(experiment=experiments)
    def delete_or_restore_experiment(self, experiment: ExperimentId) -> None:
        if experiment in self.binned:
            self.store.experiments.restore(experiment)
            for run in self.binned.pop(experiment):
                self.model[run]["active"] = True
                self.touched.add(run)
            return
        self.store.experiments.delete(experiment)
        own = {r for r, m in self.model.items() if m["experiment"] == experiment and m["active"]}
        self.binned[experiment] = own
        for run in own:
            self.model[run]["active"] = False
            self.touched.add(run)

    @rule()
    def restart(self) -> None:
        self.store.close()
        self.store = self._open()
        self.touched = set(self.model)

    @invariant()
    def store_says_what_the_model_says(self) -> None:
        for ident in self.touched:
            model, run = self.model[ident], self.store.runs.get(ident)
            assert (run.info.lifecycle_stage.value == "active") == model["active"]
            assert run.info.status is model["status"]
            assert run.data.params == model["params"]
            assert run.data.tags == model["tags"]
            assert run.data.metrics == {k: max(p)[2] for k, p in model["points"].items()}
            for key, points in model["points"].items():
                page = self.store.metrics.page(ident, key)
                assert {(m.step, m.timestamp, m.value) for m in page} == points
                assert len(page) == len(points)
        self.touched.clear()


TestStoreAgainstModel = StoreMachine.TestCase
TestStoreAgainstModel.settings = settings(max_examples=25, stateful_step_count=40, deadline=None)
