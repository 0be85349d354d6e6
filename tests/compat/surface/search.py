from __future__ import annotations

import math
from pathlib import Path

import mlflow
from mlflow import MlflowClient
from mlflow.entities import ViewType

from tests.compat.surface.expect import experiment_id, fresh_experiment, refused


def _fill(client: MlflowClient, name: str) -> str:
    ident = fresh_experiment(name)
    for i in range(6):
        run = client.create_run(ident, start_time=1000 + i, run_name=f"run-{i}")
        run_id = run.info.run_id
        client.log_metric(run_id, "acc", i / 10)
        client.log_metric(run_id, "val loss", 1.0 - i / 10)
        client.log_param(run_id, "model", "svc" if i % 2 else "SVC-x")
        client.set_tag(run_id, "team.name", "a" if i < 3 else "b")
        if i == 5:
            client.log_metric(run_id, "rare", math.nan)
            client.log_param(run_id, "extra", "yes")
            client.set_terminated(run_id, "FAILED", end_time=9000)
    return ident


def check_every_operator(client: MlflowClient, folder: Path) -> None:
    ident = _fill(client, "operators")

    def found(text: str) -> list[int]:
        runs = client.search_runs([ident], text, order_by=["attributes.start_time ASC"])
        return [int(r.info.run_name[-1]) for r in runs]

    everything = [0, 1, 2, 3, 4, 5]
    for text, expected in {
        "": everything,
        "metrics.acc > 0.3": [4, 5],
        "metrics.acc >= 0.3": [3, 4, 5],
        "metrics.acc < 0.1": [0],
        "metrics.acc <= 0.1": [0, 1],
        "metrics.acc = 0.2": [2],
        "metrics.acc != 0.2": [0, 1, 3, 4, 5],
        "metric.`val loss` > 0.75": [0, 1, 2],
        'metrics."val loss" > 0.75': [0, 1, 2],
        "metrics.rare > 0": [],
        "metrics.rare != 0": [5],
        "params.model = 'svc'": [1, 3, 5],
        "params.model != 'svc'": [0, 2, 4],
        "params.model LIKE 'SVC%'": [0, 2, 4],
        "params.model ILIKE 'svc%'": everything,
        'parameter.model = "svc"': [1, 3, 5],
        "tags.`team.name` = 'a'": [0, 1, 2],
        "tags.team.name != 'a'": [3, 4, 5],
        "tag.`team.name` LIKE '%b'": [3, 4, 5],
        "attributes.status = 'FAILED'": [5],
        "status != 'FAILED'": [0, 1, 2, 3, 4],
        "attribute.run_name = 'run-2'": [2],
        "run_name LIKE 'run-%' AND metrics.acc > 0.3": [4, 5],
        "attributes.start_time >= 1004": [4, 5],
        "end_time = 9000": [5],
        "metrics.acc > 0.1 and params.model = 'svc' and tags.`team.name` = 'b'": [3, 5],
        "params.none = 'x'": [],
        "params.none != 'x'": [],
    }.items():
        assert found(text) == expected, (text, found(text))
    some = [r.info.run_id for r in client.search_runs([ident])][:2]
    listed = ", ".join(f"'{s}'" for s in some)
    inside = client.search_runs([ident], f"attributes.run_id IN ({listed})")
    assert {r.info.run_id for r in inside} == set(some)
    assert len(client.search_runs([ident], f"attributes.run_id NOT IN ({listed})")) == 4


def check_mistakes_are_told(client: MlflowClient, folder: Path) -> None:
    ident = experiment_id()
    for text in (
        "metrics.acc",
        "metrics.acc >",
        "metrics.acc > 'x'",
        "params.a > '1'",
        "colour.a = 1",
        "attributes.colour = 'x'",
        "metrics.a = 1 metrics.b = 2",
        "metrics.`a = 1",
        "attributes.run_id IN ()",
        "'; DROP TABLE runs; --",
    ):
        with refused("INVALID_PARAMETER_VALUE", trying=text):
            client.search_runs([ident], text)
    for order in ("metrics.a SIDEWAYS", "colour.x", "metrics.a; DROP TABLE runs"):
        with refused("INVALID_PARAMETER_VALUE", trying=order):
            client.search_runs([ident], order_by=[order])
    with refused("INVALID_PARAMETER_VALUE"):
        client.search_runs([ident], max_results=50_001)
    with refused("INVALID_PARAMETER_VALUE"):
        client.search_runs([ident], page_token="no token of ours")


def check_order(client: MlflowClient, folder: Path) -> None:
    ident = _fill(client, "order")

    def order(*terms: str) -> list[int]:
        return [int(r.info.run_name[-1]) for r in client.search_runs([ident], order_by=list(terms))]

    assert order() == [5, 4, 3, 2, 1, 0]
    assert order("metrics.acc ASC") == [0, 1, 2, 3, 4, 5]
    assert order("metrics.`val loss`") == [5, 4, 3, 2, 1, 0]
    assert order("params.model ASC", "metrics.acc DESC") == [4, 2, 0, 5, 3, 1]
    assert order("tags.`team.name` DESC", "attributes.start_time ASC") == [3, 4, 5, 0, 1, 2]
    assert order("params.extra ASC")[0] == 5
    assert order("params.extra DESC")[0] == 5
    assert order("metrics.rare DESC")[0] == 5


def check_pages(client: MlflowClient, folder: Path) -> None:
    ident = _fill(client, "pages")
    for terms in ([], ["metrics.acc DESC"], ["params.extra", "metrics.`val loss` DESC"]):
        whole = [r.info.run_id for r in client.search_runs([ident], order_by=terms)]
        seen, token = [], None
        while True:
            page = client.search_runs([ident], order_by=terms, max_results=2, page_token=token)
            seen += [r.info.run_id for r in page]
            token = page.token
            if not token:
                break
        assert seen == whole


def check_views(client: MlflowClient, folder: Path) -> None:
    ident = fresh_experiment("views")
    kept, gone = (client.create_run(ident).info.run_id for _ in range(2))
    client.delete_run(gone)

    def found(view: int) -> set[str]:
        return {r.info.run_id for r in client.search_runs([ident], run_view_type=view)}

    assert found(ViewType.ACTIVE_ONLY) == {kept}
    assert found(ViewType.DELETED_ONLY) == {gone}
    assert found(ViewType.ALL) == {kept, gone}


def check_data_frame(client: MlflowClient, folder: Path) -> None:
    ident = _fill(client, "frame")
    frame = mlflow.search_runs([ident], order_by=["metrics.acc"])
    assert list(frame["metrics.acc"]) == [0, 0.1, 0.2, 0.3, 0.4, 0.5]
    assert frame["params.model"].iloc[1] == "svc"
    assert frame["tags.mlflow.runName"].iloc[0] == "run-0"
