"""Our REST store against a real, plain MLflow server: no route of Assay's own is there."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator

import numpy as np
import pytest

from assay import errors
from assay.entities.datasets import Dataset, DatasetInput, InputTag
from assay.entities.experiments import Experiment
from assay.entities.ids import RunId, new_model_id, new_run_id, new_writer_id
from assay.entities.lifecycle import LifecycleStage, ViewType
from assay.entities.logged_models import (
    LoggedModelInput,
    LoggedModelOutput,
    LoggedModelStatus,
    NewLoggedModel,
)
from assay.entities.metrics import Metric, PointBatch, SeriesKey
from assay.entities.operations import Delivery
from assay.entities.params import Param
from assay.entities.runs import NewRun, RunStatus
from assay.entities.tags import Tag
from assay.store.base import ModelOrder, Query
from assay.store.rest import RestStore, open_rest_store

pytestmark = [pytest.mark.mlflow, pytest.mark.slow]


@pytest.fixture
def store(mlflow_url: str) -> Iterator[RestStore]:
    store = open_rest_store(mlflow_url)
    yield store
    store.close()


@pytest.fixture
def experiment(store: RestStore) -> Experiment:
    return store.experiments.create(f"é {new_run_id()}", tags={"a": "b/c"})


@pytest.fixture
def run_id(store: RestStore, experiment: Experiment) -> RunId:
    made = store.runs.create(
        NewRun(new_run_id(), experiment.experiment_id, 1_000, tags={"t": "ü"}, user_id="ada")
    )
    return made.info.run_id


def batch(key: str, values: list[float]) -> PointBatch:
    count = len(values)
    return PointBatch(
        series=[SeriesKey(key)],
        index=bytes(4 * count),
        steps=struct.pack(f"<{count}q", *range(count)),
        timestamps=struct.pack(f"<{count}q", *range(1_000, 1_000 + count)),
        values=struct.pack(f"<{count}d", *values),
    )


def test_a_plain_server_is_known_as_one(store: RestStore) -> None:
    assert not store.is_assay
    assert store.info is None


def test_a_delivery_is_refused_clearly(store: RestStore) -> None:
    with pytest.raises(errors.InvalidInput, match="not an Assay server"):
        store.apply(Delivery(new_writer_id(), 0, 1, []))
    with pytest.raises(errors.InvalidInput, match="not an Assay server"):
        store.position(new_writer_id())


def test_experiments_live_as_in_every_store(store: RestStore, experiment: Experiment) -> None:
    ident = experiment.experiment_id
    assert store.experiments.find(experiment.name) == experiment
    assert store.experiments.find("nowhere") is None
    store.experiments.set_tags(ident, {"x": "1", "y": "2"})
    store.experiments.delete_tag(ident, "x")
    store.experiments.rename(ident, experiment.name + "!")
    changed = store.experiments.get(ident)
    assert (changed.name, changed.tags) == (experiment.name + "!", {"a": "b/c", "y": "2"})
    store.experiments.delete(ident)
    deleted = store.experiments.search(Query(view=ViewType.DELETED_ONLY))
    assert ident in [one.experiment_id for one in deleted]
    store.experiments.restore(ident)
    assert store.experiments.get(ident).lifecycle_stage is LifecycleStage.ACTIVE
    with pytest.raises(errors.AlreadyExists):
        store.experiments.create(experiment.name + "!")
    with pytest.raises(errors.ExperimentNotFound):
        store.experiments.get(type(ident)("77777"))


def test_runs_live_as_in_every_store(store: RestStore, run_id: RunId) -> None:
    store.runs.log_batch(
        run_id,
        metrics=[Metric("a", 1.0, 1, 1), Metric("a", math.nan, 2, 2)],
        params=[Param("p", "1")],
        tags=[Tag("q", "w")],
    )
    run = store.runs.get(run_id)
    assert math.isnan(run.data.metrics["a"])
    assert (run.data.params, run.data.tags["q"], run.data.tags["t"]) == ({"p": "1"}, "w", "ü")
    with pytest.raises(errors.ParamChanged):
        store.runs.log_batch(run_id, params=[Param("p", "2")])
    store.runs.delete_tag(run_id, "q")
    with pytest.raises(errors.TagNotFound):
        store.runs.delete_tag(run_id, "q")
    info = store.runs.update(run_id, status=RunStatus.FINISHED, end_time=9_000, run_name="new")
    assert (info.status, info.end_time, info.run_name) == (RunStatus.FINISHED, 9_000, "new")
    store.runs.delete(run_id)
    with pytest.raises(errors.InactiveResource):
        store.runs.log_batch(run_id, tags=[Tag("a", "b")])
    store.runs.restore(run_id)
    with pytest.raises(errors.RunNotFound):
        store.runs.get(RunId("nope"))


def test_searches_find_page_by_page(store: RestStore, experiment: Experiment) -> None:
    ids = [
        store.runs.create(NewRun(new_run_id(), experiment.experiment_id, start)).info.run_id
        for start in (1, 2, 3)
    ]
    for number, run_id in enumerate(ids):
        store.runs.log_batch(run_id, metrics=[Metric("m", float(number), 1)])
    query = Query(filter="metrics.m >= 1", order_by=["metrics.m ASC"], max_results=1)
    first = store.runs.search([experiment.experiment_id], query)
    assert [run.info.run_id for run in first] == [ids[1]]
    rest = Query(
        **{f: getattr(query, f) for f in ("filter", "order_by")},
        page_token=first.token,
        max_results=1,
    )
    assert [r.info.run_id for r in store.runs.search([experiment.experiment_id], rest)] == [ids[2]]
    with pytest.raises(errors.InvalidFilter):
        store.runs.search([experiment.experiment_id], Query(filter="nonsense >"))
    with pytest.raises(errors.InvalidPageToken):
        store.runs.search([experiment.experiment_id], Query(page_token="zz!"))
    table = store.runs.table([experiment.experiment_id], Query(order_by=["metrics.m ASC"]))
    assert table.metrics["m"].tolist() == [0.0, 1.0, 2.0]
    assert [info.run_id for info in table.infos] == ids
    assert store.runs.count([experiment.experiment_id]) == {
        experiment.experiment_id: {RunStatus.RUNNING: 3}
    }


def test_whole_histories_come_as_arrays_and_figures(store: RestStore, run_id: RunId) -> None:
    values = [math.sin(step) for step in range(2_500)]
    store.metrics.append(run_id, batch("loss", values))
    whole = store.metrics.history(run_id, SeriesKey("loss"))
    assert whole.steps.dtype == np.int64
    assert np.array_equal(whole.values, np.array(values))
    part = store.metrics.history(run_id, SeriesKey("loss"), first_step=10, last_step=12)
    assert part.steps.tolist() == [10, 11, 12]
    assert len(store.metrics.history(run_id, SeriesKey("nope")).steps) == 0
    (figures,) = store.metrics.summaries([run_id])[run_id]
    assert (figures.count, figures.last_step, figures.max) == (2_500, 2_499, max(values))
    (buckets,) = store.metrics.buckets([run_id], ["loss", "nope"], count=100)
    assert len(buckets.steps) <= 100
    assert int(buckets.counts.sum()) == 2_500
    assert float(buckets.min.min()) == min(values)
    page = store.metrics.page(run_id, "loss", max_results=2)
    assert [point.step for point in page] == [0, 1]
    assert page.token is not None


def test_inputs_and_outputs_are_recorded(
    store: RestStore, experiment: Experiment, run_id: RunId
) -> None:
    used = DatasetInput(
        Dataset("digits", "abc", "local", "{}", schema="{}"),
        [InputTag("mlflow.data.context", "training")],
    )
    model = store.logged_models.create(NewLoggedModel(new_model_id(), experiment.experiment_id))
    store.inputs.log_inputs(run_id, datasets=[used], models=[LoggedModelInput(model.model_id)])
    store.inputs.log_outputs(run_id, [LoggedModelOutput(model.model_id, 3)])
    run = store.runs.get(run_id)
    assert run.inputs.dataset_inputs == [used]
    assert run.inputs.model_inputs == [LoggedModelInput(model.model_id)]
    assert run.outputs.model_outputs == [LoggedModelOutput(model.model_id, 3)]
    (summary,) = store.inputs.search_datasets([experiment.experiment_id])
    assert (summary.name, summary.digest, summary.context) == ("digits", "abc", "training")


def test_logged_models_live_as_in_every_store(
    store: RestStore, experiment: Experiment, run_id: RunId
) -> None:
    models = store.logged_models
    made = models.create(
        NewLoggedModel(
            new_model_id(),
            experiment.experiment_id,
            name="svc",
            source_run_id=run_id,
            tags={"k": "v"},
            params={"c": "1"},
        )
    )
    assert (made.status, made.name, made.source_run_id) == (
        LoggedModelStatus.PENDING,
        "svc",
        run_id,
    )
    models.log_params(made.model_id, [Param("n", "2")])
    assert models.set_tags(made.model_id, {"q": "r"}).tags == {"k": "v", "q": "r"}
    models.delete_tag(made.model_id, "q")
    ready = models.finalize(made.model_id, LoggedModelStatus.READY)
    assert (ready.status, ready.params) == (LoggedModelStatus.READY, {"c": "1", "n": "2"})
    found = models.search(
        [experiment.experiment_id],
        Query(filter="name = 'svc'"),
        order=[ModelOrder("creation_timestamp", ascending=False)],
    )
    assert [one.model_id for one in found] == [made.model_id]
    models.delete(made.model_id)
    with pytest.raises(errors.LoggedModelNotFound):
        models.get(made.model_id)
