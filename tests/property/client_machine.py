"""Everything a client can do to runs and experiments, compared with plain dictionaries.

A machine of random steps: calls of ``Client``, what a training process logs through its journal,
training processes that die before they deliver, servers that stop or are killed. After each step
that reads, what is there must be what the model says. Driven with few steps by
``test_client_model.py`` and with ten thousand by ``benchmarks/reliability``.
"""

from __future__ import annotations

import math
import shutil
import signal
import struct
import tempfile
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, multiple, rule

from assay.client.client import Client
from assay.client.journal import Journal
from assay.client.recorder import Recorder
from assay.client.spool import Spool
from assay.client.sync import sync
from assay.entities import Metric, Param, RunStatus, Tag, ViewType
from assay.entities.ids import RunId, new_run_id
from assay.entities.names import ArtifactPath
from assay.entities.operations import LogParams, SetTags, StartRun, UpdateRun
from assay.errors import (
    AlreadyExists,
    ArtifactNotFound,
    InactiveResource,
    ParamChanged,
    TagNotFound,
)
from assay.store.uri import Location, resolve_location
from tests.services.mlflow_client import ServerProcess

START = 1_700_000_000_000
KEYS = st.sampled_from(["loss", "val/acc", "ż", "a.b c"])
NAMES = st.sampled_from(["digits", "wine", "日本", "it's"])
TEXTS = st.sampled_from(["", "x", "0.1", "naïve 🦦", "'\"%_\\", "y" * 500])
PATHS = st.sampled_from(["a.txt", "d/b.bin", "d/e/ż.txt", "%41"])
CONTENTS = st.binary(max_size=300)
VALUES = st.one_of(
    st.sampled_from([0.0, -0.0, 1.0, math.nan, math.inf, -math.inf, 1e308, 5e-324]),
    st.floats(-10, 10),
)
STEPS = st.one_of(st.integers(0, 5), st.sampled_from([-1, 2**53 + 1, 2**63 - 1]))
POINTS = st.tuples(KEYS, VALUES, STEPS, st.sampled_from([START, START + 1]))
PARAMS = st.dictionaries(KEYS, TEXTS, max_size=3)
ENDS = st.sampled_from([RunStatus.FINISHED, RunStatus.FAILED, RunStatus.KILLED])
Point = tuple[str, float, int, int]


class ModelExperiment:
    """What an experiment should be."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.is_active = True
        self.tags: dict[str, str] = {}


class ModelRun:
    """What a run should be."""

    def __init__(self, experiment_id: str) -> None:
        self.experiment_id = experiment_id
        self.is_active = True
        self.went_with_experiment = False
        self.status = RunStatus.RUNNING
        self.params: dict[str, str] = {}
        self.tags: dict[str, str] = {}
        self.points: dict[str, set[tuple[int, int, bytes]]] = {}
        self.files: dict[str, bytes] = {}

    def log(self, points: list[Point]) -> None:
        for key, value, step, timestamp in points:
            self.points.setdefault(key, set()).add((step, timestamp, bits(value)))


class ClientMachine(RuleBasedStateMachine):
    """Over a folder of its own; ``ServerMachine`` puts a server before it."""

    steps: ClassVar[int] = 0
    """Of all machines so far."""
    restarts: ClassVar[int] = 0

    experiment_ids = Bundle("experiment_ids")
    run_ids = Bundle("run_ids")

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.location = self.open()
        self.client = Client.at(self.location)
        self.experiments: dict[str, ModelExperiment] = {"0": ModelExperiment("Default")}
        self.runs: dict[str, ModelRun] = {}

    def open(self) -> Location:
        return resolve_location(self.folder / ".assay", environ={})

    def begin_again(self, number: int) -> None:
        """What a restart means here: everything is closed and opened."""
        self.client.close()
        self.client = Client.at(self.location)

    def teardown(self) -> None:
        self.compare_all()
        self.client.close()
        shutil.rmtree(self.folder)

    # Experiments

    @rule(target=experiment_ids, name=NAMES)
    def create_experiment(self, name: str) -> Any:
        type(self).steps += 1
        if name in {e.name for e in self.experiments.values()}:
            with pytest.raises(AlreadyExists):
                self.client.create_experiment(name)
            return multiple()
        made = self.client.create_experiment(name)
        self.experiments[made] = ModelExperiment(name)
        return made

    @rule(experiment_id=experiment_ids, name=NAMES)
    def rename_experiment(self, experiment_id: str, name: str) -> None:
        type(self).steps += 1
        model = self.experiments[experiment_id]
        if not model.is_active:
            with pytest.raises(InactiveResource):
                self.client.rename_experiment(experiment_id, name)
        elif name in {e.name for i, e in self.experiments.items() if i != experiment_id}:
            with pytest.raises(AlreadyExists):
                self.client.rename_experiment(experiment_id, name)
        else:
            self.client.rename_experiment(experiment_id, name)
            model.name = name

    @rule(experiment_id=experiment_ids)
    def delete_or_restore_experiment(self, experiment_id: str) -> None:
        type(self).steps += 1
        model = self.experiments[experiment_id]
        inside = [run for run in self.runs.values() if run.experiment_id == experiment_id]
        if model.is_active:
            self.client.delete_experiment(experiment_id)
            for run in inside:
                run.went_with_experiment = run.is_active
                run.is_active = False
        else:
            self.client.restore_experiment(experiment_id)
            for run in inside:
                run.is_active = run.is_active or run.went_with_experiment
                run.went_with_experiment = False
        model.is_active = not model.is_active

    @rule(experiment_id=experiment_ids, key=KEYS, value=TEXTS)
    def tag_experiment(self, experiment_id: str, key: str, value: str) -> None:
        type(self).steps += 1
        model = self.experiments[experiment_id]
        if not model.is_active:
            with pytest.raises(InactiveResource):
                self.client.set_experiment_tag(experiment_id, key, value)
            return
        self.client.set_experiment_tag(experiment_id, key, value)
        model.tags[key] = value

    # Runs, call by call

    @rule(target=run_ids, experiment_id=st.one_of(st.just("0"), experiment_ids))
    def create_run(self, experiment_id: str) -> Any:
        type(self).steps += 1
        if not self.experiments[experiment_id].is_active:
            with pytest.raises(InactiveResource):
                self.client.create_run(experiment_id)
            return multiple()
        made = self.client.create_run(experiment_id, start_time=START)
        self.runs[made.info.run_id] = ModelRun(experiment_id)
        return made.info.run_id

    @rule(run_id=run_ids, point=POINTS)
    def log_metric(self, run_id: str, point: Point) -> None:
        type(self).steps += 1
        key, value, step, timestamp = point
        if self.runs[run_id].is_active:
            self.client.log_metric(run_id, key, value, timestamp=timestamp, step=step)
            self.runs[run_id].log([point])
            return
        with pytest.raises(InactiveResource):
            self.client.log_metric(run_id, key, value, timestamp=timestamp, step=step)

    @rule(run_id=run_ids, points=st.lists(POINTS, max_size=8), params=PARAMS, tags=PARAMS)
    def log_batch(
        self, run_id: str, points: list[Point], params: dict[str, str], tags: dict[str, str]
    ) -> None:
        type(self).steps += 1
        model = self.runs[run_id]

        def log() -> None:
            self.client.log_batch(
                run_id,
                [Metric(k, value=v, step=s, timestamp=t) for k, v, s, t in points],
                [Param(k, v) for k, v in params.items()],
                [Tag(k, v) for k, v in tags.items()],
            )

        if not model.is_active:
            if points or params or tags:
                with pytest.raises(InactiveResource):
                    log()
        elif any(model.params.get(k, v) != v for k, v in params.items()):
            with pytest.raises(ParamChanged):
                log()
        else:
            log()
            model.log(points)
            model.params |= params
            model.tags |= tags

    @rule(run_id=run_ids, key=KEYS)
    def delete_tag(self, run_id: str, key: str) -> None:
        type(self).steps += 1
        model = self.runs[run_id]
        if not model.is_active:
            with pytest.raises(InactiveResource):
                self.client.delete_tag(run_id, key)
        elif key not in model.tags:
            with pytest.raises(TagNotFound):
                self.client.delete_tag(run_id, key)
        else:
            self.client.delete_tag(run_id, key)
            del model.tags[key]

    @rule(run_id=run_ids, status=ENDS)
    def end_run(self, run_id: str, status: RunStatus) -> None:
        type(self).steps += 1
        if not self.runs[run_id].is_active:
            with pytest.raises(InactiveResource):
                self.client.set_terminated(run_id, status)
            return
        self.client.set_terminated(run_id, status)
        self.runs[run_id].status = status

    @rule(run_id=run_ids)
    def delete_or_restore_run(self, run_id: str) -> None:
        type(self).steps += 1
        model = self.runs[run_id]
        if not self.experiments[model.experiment_id].is_active:
            return
        if model.is_active:
            self.client.delete_run(run_id)
        else:
            self.client.restore_run(run_id)
        model.is_active = not model.is_active

    @rule(run_id=run_ids, path=PATHS, content=CONTENTS)
    def write_file(self, run_id: str, path: str, content: bytes) -> None:
        type(self).steps += 1
        if self.runs[run_id].is_active:
            self.client.log_content(run_id, content, path)
            self.runs[run_id].files[path] = content

    # What a training process logs

    @rule(
        target=run_ids,
        points=st.lists(POINTS, min_size=1, max_size=30),
        params=PARAMS,
        path=PATHS,
        content=CONTENTS,
    )
    def train(self, points: list[Point], params: dict[str, str], path: str, content: bytes) -> str:
        type(self).steps += 1
        recorder = Recorder(self.location)
        run_id = recorder.start_run(StartRun(new_run_id(), START, experiment_id="0"))
        for key, value, step, timestamp in points:
            recorder.metric(run_id, key, value, step, timestamp)
        recorder.append(LogParams(run_id, params))
        recorder.artifact(run_id, ArtifactPath(path), content)
        recorder.append(UpdateRun(run_id, RunStatus.FINISHED, START + 5))
        recorder.flush(30)
        recorder.close()
        model = self.runs[run_id] = ModelRun("0")
        model.log(points)
        model.params |= params
        model.files[path] = content
        model.status = RunStatus.FINISHED
        return run_id

    @rule(
        run_id=run_ids,
        points=st.lists(POINTS, min_size=1, max_size=30),
        tags=PARAMS,
        content=CONTENTS,
        twice=st.booleans(),
    )
    def log_and_die(
        self,
        run_id: RunId,
        points: list[Point],
        tags: dict[str, str],
        content: bytes,
        twice: bool,
    ) -> None:
        """A process logs to a run and is killed; its journal is brought over by ``sync``."""
        type(self).steps += 1
        model = self.runs[run_id]
        if not model.is_active:
            return
        journal = Journal(self.location.journal_folder, self.location.shown_uri)
        for key, value, step, timestamp in points:
            journal.row(run_id, {key: value}, step, timestamp)
        journal.operation(SetTags(run_id, tags))
        spool, path = Spool(journal.folder), ArtifactPath("late.bin")
        spool.add(content, owner="run", owner_id=run_id, path=path, position=journal.position)
        journal.release()
        assert sync(self.location).refused == 0
        if twice:
            assert sync(self.location).points == 0
        model.log(points)
        model.tags |= tags
        model.files[path] = content

    # Reading

    @rule(number=st.sampled_from([0] * 8 + [signal.SIGTERM, signal.SIGKILL]))
    def compare_all(self, number: int = 0) -> None:
        """Compare everything, now and then after a restart."""
        type(self).steps += 1
        if number:
            type(self).restarts += 1
            self.begin_again(number)
        for experiment_id, model in self.experiments.items():
            found = self.client.get_experiment(experiment_id)
            assert (found.name, dict(found.tags)) == (model.name, model.tags)
            assert (found.lifecycle_stage == "active") is model.is_active
        for run_id in self.runs:
            self.compare_run(run_id)
        self._compare_searches()

    @rule(run_id=run_ids)
    def compare_run(self, run_id: str) -> None:
        type(self).steps += 1
        model, found = self.runs[run_id], self.client.get_run(run_id)
        assert (found.info.lifecycle_stage == "active") is model.is_active
        assert found.info.experiment_id == model.experiment_id
        assert found.info.status is model.status
        assert found.data.params == model.params
        own = {k: v for k, v in found.data.tags.items() if not k.startswith(("mlflow.", "assay."))}
        assert own == model.tags
        assert set(found.data.metrics) == set(model.points)
        for key, points in model.points.items():
            curve = self.client.history(run_id, key)
            rows = list(zip(*(column.tolist() for column in curve), strict=True))
            assert len(rows) == len(points)
            assert {(s, t, bits(v)) for s, t, v in rows} == points
            assert bits(found.data.metrics[key]) == latest(points)
        for path, content in model.files.items():
            assert self.client.read_artifact(run_id, path) == content
        if not model.files:
            with pytest.raises(ArtifactNotFound):
                self.client.read_artifact(run_id, "a.txt")

    @rule(key=KEYS, text=TEXTS, limit=st.floats(-10, 10))
    def search(self, key: str, text: str, limit: float) -> None:
        type(self).steps += 1
        quoted = f"`{key}`"
        if "'" not in text and text:
            found = self._ids(f"params.{quoted} = '{text}'")
            assert found == self._matching(lambda run: run.params.get(key) == text)
        found = self._ids(f"metrics.{quoted} > {limit!r}")
        assert found == self._matching(
            lambda run: key in run.points and value_of(latest(run.points[key])) > limit
        )
        assert self._ids("attributes.status = 'FINISHED'") == self._matching(
            lambda run: run.status is RunStatus.FINISHED
        )

    def _compare_searches(self) -> None:
        for view, wanted in ((ViewType.ACTIVE_ONLY, True), (ViewType.DELETED_ONLY, False)):
            expected = {run_id for run_id, run in self.runs.items() if run.is_active is wanted}
            assert self._ids("", view) == expected
            names = {e.name for e in self.client.search_experiments(view)}
            assert names == {e.name for e in self.experiments.values() if e.is_active is wanted}

    def _ids(self, text: str, view: ViewType = ViewType.ACTIVE_ONLY) -> set[str]:
        found: list[str] = []
        token: str | None = None
        while True:
            page = self.client.search_runs(
                list(self.experiments), text, view, max_results=7, page_token=token
            )
            found += [run.info.run_id for run in page]
            token = page.token
            if not token:
                assert len(found) == len(set(found))
                return set(found)

    def _matching(self, matches: Any) -> set[str]:
        return {run_id for run_id, run in self.runs.items() if run.is_active and matches(run)}


class ServerMachine(ClientMachine):
    """The same through a server, which is stopped or killed and started again."""

    def open(self) -> Location:
        self.server = ServerProcess(self.folder)
        self.server.start()
        port = int(self.server.url.rpartition(":")[2])
        # The next one listens where this one does.
        settings = self.server.settings
        fields = {name: getattr(settings, name) for name in settings.__struct_fields__}
        self.server.settings = type(settings)(**fields | {"port": port})
        return resolve_location(self.server.url, cwd=self.folder, environ={})

    def begin_again(self, number: int) -> None:
        self.server.stop(number)
        self.server.start()

    def teardown(self) -> None:
        try:
            super().teardown()
        finally:
            self.server.stop(signal.SIGKILL)


def bits(value: float) -> bytes:
    """The bits of a value; all NaN are one."""
    return struct.pack("<d", math.nan if math.isnan(value) else value)


def value_of(held: bytes) -> float:
    (value,) = struct.unpack("<d", held)
    return float(value)


def latest(points: set[tuple[int, int, bytes]]) -> bytes:
    """MLflow's latest: the largest step, then timestamp, then value, with NaN above all."""

    def order(point: tuple[int, int, bytes]) -> tuple[object, ...]:
        value = value_of(point[2])
        number = 0.0 if math.isnan(value) else value
        return point[0], point[1], math.isnan(value), number, math.copysign(1, value)

    return max(points, key=order)[2]
