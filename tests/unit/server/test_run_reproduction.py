"""The report of a reproduction over HTTP."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import urllib3

from assay.client.client import Client
from assay.entities import tags
from assay.entities.ids import new_run_id
from assay.reproduction.report import REPORT_PATH, Report, Tolerance
from tests.services.mlflow_client import ServerProcess


def test_report_is_given_for_both_runs_and_nothing_else(assay_server: ServerProcess) -> None:
    client = Client(assay_server.url)
    experiment = client.create_experiment(f"reproduction {new_run_id()}")
    old, new, other = (client.create_run(experiment).info.run_id for _ in range(3))
    report = Report(
        verdict="identical",
        original=old,
        original_name="",
        run_id=new,
        run_name="",
        command="python train.py",
        environment="",
        tolerance=Tolerance(),
        findings=[],
    )
    client.log_content(new, msgspec.json.encode(report), REPORT_PATH)
    client.set_tag(new, tags.REPRODUCES, old)
    client.set_tag(old, tags.REPRODUCTION_RUN, new)
    client.set_tag(other, tags.REPRODUCTION_RUN, "../../etc")

    def get(run_id: str) -> tuple[int, Any]:
        url = f"{assay_server.url}/api/assay/v1/runs/{run_id}/reproduction"
        found = urllib3.request("GET", url, retries=False)
        return found.status, json.loads(found.data)

    for run_id in (old, new):
        status, body = get(run_id)
        assert (status, body["verdict"], body["run_id"]) == (200, "identical", new)
    assert get(other)[0] == 400
    client.delete_tag(other, tags.REPRODUCTION_RUN)
    assert get(other)[0] == 404
    assert get("f" * 32)[0] == 404
    client.close()
