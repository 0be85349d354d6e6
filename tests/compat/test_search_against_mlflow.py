"""The same runs in MLflow's own SQLite store and in ours: the same searches find the same runs."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest
from sqlalchemy import Connection, create_engine

from assay.entities.ids import ExperimentId
from assay.errors import InvalidInput
from assay.search.evaluate import read_number
from assay.store.base import Query
from assay.store.sql import tables
from assay.store.sql.search.runs import search_runs

pytestmark = [pytest.mark.mlflow, pytest.mark.filterwarnings("ignore")]

FILTERS = (
    "",
    "metrics.acc > 0.5",
    "metric.acc >= 0.5 and metrics.`val acc` != 0.25",
    "metrics.nan > 0",
    "metrics.nan != 0",
    "metrics.nan = 0",
    "metrics.acc != 0.5",
    "metrics.acc < -1e-3",
    "params.model = 'svc'",
    "param.model != 'svc'",
    'parameters.model = "svc"',
    "params.model LIKE 'S%'",
    "params.model ILIKE 'S%'",
    "params.model LIKE '%\\_%'",
    "params.model LIKE 'a_c'",
    "params.model IS NULL",
    "params.model IS NOT NULL and tags.kind IS NULL",
    "tags.kind = 'x'",
    "tag.\"a b\" = '1'",
    "tags.`mlflow.runName` LIKE 'run%'",
    "attributes.status = 'FINISHED'",
    "attr.status != 'FINISHED'",
    "run.status ILIKE 'fin%'",
    "run_name = 'run 3'",
    "`Run Name` = 'run 3'",
    "start_time > 1003",
    "created <= 1003",
    "attribute.end_time >= 2000",
    "end_time != 2000",
    "run_id IN ({ids})",
    "attributes.run_id NOT IN ({ids})",
    "datasets.name = 'train'",
    "dataset.name LIKE 't%' and datasets.digest = 'd1'",
    "datasets.context = 'training'",
    "datasets.name IN ('train', 'other')",
    "artifact_uri LIKE '%artifacts'",
)
REFUSED = (
    "metrics.acc LIKE 'x'",
    "metrics.acc > 'x'",
    "params.model > 'x'",
    "params.model IN ('x')",
    "tags.kind IN ('x')",
    "status IN ('FINISHED')",
    "metrics.acc IS NULL",
    "attributes.nothing = 'x'",
    "datasets.size = 'x'",
    "model.name = 'x'",
    "tags.kind = 5",
    "start_time > 'x'",
    "start_time LIKE '1'",
    "metrics.acc == 1",
)
ORDERS = (
    [],
    ["metrics.acc DESC"],
    ["metrics.acc ASC"],
    ["metric.nan"],
    ["metrics.nan DESC"],
    ["params.model", "tags.kind DESC"],
    ["params.`model` DESC"],
    ["tags.`a b` DESC"],
    ["attributes.end_time"],
    ["end_time DESC", "run_id DESC"],
    ["status", "start_time"],
    ["Created DESC"],
)


class Both:
    """Two stores with the same runs."""

    def __init__(self, theirs: Any, experiment_id: str, ours: Connection, ids: list[str]) -> None:
        self.theirs, self.experiment_id, self.ours, self.ids = theirs, experiment_id, ours, ids

    def filter(self, text: str) -> str:
        return (
            text.format(ids=", ".join(f"'{i}'" for i in self.ids[:3])) if "{ids}" in text else text
        )

    def find_theirs(self, text: str, order: list[str]) -> list[str]:
        found = self.theirs.search_runs([self.experiment_id], text, 1, 100, order)
        return [run.info.run_id for run in found]

    def find_ours(self, text: str, order: list[str]) -> list[str]:
        query = Query(filter=text, order_by=order, max_results=4)
        found: list[str] = []
        while True:
            ids, token = search_runs(self.ours, [ExperimentId(self.experiment_id)], query)
            found += ids
            if token is None:
                return found
            query = Query(filter=text, order_by=order, max_results=4, page_token=token)


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    folder = tmp_path_factory.mktemp("both")
    theirs, experiment_id = _fill_theirs(folder)
    engine = create_engine(f"sqlite:///{folder / 'ours.db'}")
    with engine.connect() as ours:
        tables.metadata.create_all(ours)
        runs = list(theirs.search_runs([experiment_id], "", 1, 100))
        _copy(ours, experiment_id, runs)
        yield Both(theirs, experiment_id, ours, [run.info.run_id for run in runs])
    engine.dispose()
    theirs.engine.dispose()


def _fill_theirs(folder: Path) -> tuple[Any, str]:
    from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, RunTag
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    store = SqlAlchemyStore(f"sqlite:///{folder / 'theirs.db'}", str(folder / "artifacts"))
    experiment_id = store.create_experiment("compared")
    models = ("svc", "SVC", "a_c", "abc", "tree", None)
    for i in range(12):
        run = store.create_run(experiment_id, "me", 1000 + i // 2, [], f"run {i}")
        run_id = run.info.run_id
        metrics = [Metric("acc", (i % 5) / 4 - 0.25, 1, 0)] if i % 6 else []
        metrics += [Metric("val acc", 0.25 * (i % 2), 1, 0)]
        metrics += [Metric("nan", math.nan if i % 2 else i - 4.0, 1, 0)] if i % 3 else []
        model = models[i % len(models)]
        tags = [RunTag("kind", "xyz"[i % 3])] if i % 4 else []
        tags += [RunTag("a b", str(i % 3))]
        store.log_batch(run_id, metrics, [Param("model", model)] if model else [], tags)
        if i % 2:
            dataset = Dataset("train" if i % 4 == 1 else "test", f"d{i % 3}", "local", "{}")
            context = [InputTag("mlflow.data.context", "training")] if i % 3 else []
            store.log_inputs(run_id, [DatasetInput(dataset, context)])
        if i % 3:
            store.update_run_info(run_id, i % 4 + 1, 2000 + i % 4, None)
    return store, experiment_id


def _copy(ours: Connection, experiment_id: str, runs: list[Any]) -> None:
    ours.execute(
        tables.experiments.insert().values(
            experiment_id=experiment_id,
            name="compared",
            artifact_location="",
            lifecycle_stage="active",
            creation_time=0,
            last_update_time=0,
        )
    )
    for run in runs:
        info, run_id = run.info, run.info.run_id
        ours.execute(
            tables.runs.insert().values(
                run_id=run_id,
                experiment_id=experiment_id,
                run_name=info.run_name,
                user_id=info.user_id,
                status=info.status,
                start_time=info.start_time,
                end_time=info.end_time,
                lifecycle_stage="active",
                artifact_uri=info.artifact_uri,
            )
        )
        for key, value in run.data.params.items():
            row = {"run_id": run_id, "key": key, "value": value, "number": read_number(value)}
            ours.execute(tables.params.insert().values(row))
        for key, value in run.data.tags.items():
            ours.execute(tables.tags.insert().values(run_id=run_id, key=key, value=value))
        for number, (key, value) in enumerate(run.data.metrics.items()):
            ours.execute(
                tables.metric_summaries.insert().values(_summary(run_id, key, value, number))
            )
        for used in run.inputs.dataset_inputs:
            ident = f"{used.dataset.name}-{used.dataset.digest}-{run_id}"
            ours.execute(
                tables.datasets.insert()
                .prefix_with("OR IGNORE")
                .values(
                    dataset_id=ident,
                    # Data sets are unique in an experiment; here each run has its own row.
                    experiment_id=run_id,
                    name=used.dataset.name,
                    digest=used.dataset.digest,
                    source_type="local",
                    source="{}",
                )
            )
            tags = json.dumps({tag.key: tag.value for tag in used.tags})
            ours.execute(
                tables.dataset_inputs.insert().values(run_id=run_id, dataset_id=ident, tags=tags)
            )


def _summary(run_id: str, key: str, value: float, number: int) -> dict[str, object]:
    stored = None if math.isnan(value) else value
    same = dict.fromkeys(("first", "last", "min", "max", "mean", "sum_squares"), stored)
    zero = (
        "nan_count",
        "first_step",
        "last_step",
        "first_timestamp",
        "last_timestamp",
        "negative_zeros",
    )
    empty = ("model_id", "dataset_name", "dataset_digest")
    return {
        "run_id": run_id,
        "key": key,
        "series": number,
        "is_latest": True,
        "is_ranked": crc32(f"{run_id}{key}".encode()) % 2 == 0,
        "count": 1,
        **same,
        **dict.fromkeys(zero, 0),
        **dict.fromkeys(empty, ""),
    }


@pytest.mark.parametrize("text", FILTERS)
def test_a_filter_finds_what_mlflow_finds(both: Both, text: str) -> None:
    text = both.filter(text)
    assert both.find_ours(text, []) == both.find_theirs(text, [])


@pytest.mark.parametrize("order", ORDERS, ids=str)
def test_an_order_gives_what_mlflow_gives(both: Both, order: list[str]) -> None:
    assert both.find_ours("metrics.`val acc` >= 0", order) == both.find_theirs(
        "metrics.`val acc` >= 0", order
    )


@pytest.mark.parametrize("text", REFUSED)
def test_both_refuse(both: Both, text: str) -> None:
    from mlflow.exceptions import MlflowException

    with pytest.raises(MlflowException):
        both.find_theirs(text, [])
    with pytest.raises(InvalidInput):
        both.find_ours(text, [])
