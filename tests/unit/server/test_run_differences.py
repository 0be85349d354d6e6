"""The differences of two runs over HTTP."""

from __future__ import annotations

import json
import math

import urllib3

from assay.client.client import Client
from assay.entities import tags
from assay.entities.ids import new_run_id
from tests.services.mlflow_client import ServerProcess


def test_differences_are_ranked_and_told_in_sentences(assay_server: ServerProcess) -> None:
    client = Client(assay_server.url)
    experiment = client.create_experiment(f"differences {new_run_id()}")
    ids = []
    for rate, version, loss in (("0.1", "2.1.0", 0.5), ("1e-1", "2.2.0", math.nan)):
        run_id = client.create_run(experiment, tags={tags.HOST: version}).info.run_id
        client.log_param(run_id, "lr", rate)
        client.log_metric(run_id, "loss", loss)
        client.log_text(run_id, f"# Python 3.11.7\nnumpy=={version}\n", "assay/requirements.txt")
        ids.append(run_id)
    client.close()

    def get(a: str, b: str) -> tuple[int, object]:
        url = f"{assay_server.url}/api/assay/v1/runs/{a}/differences/{b}"
        found = urllib3.request("GET", url, retries=False)
        return found.status, json.loads(found.data)

    status, found = get(*ids)
    assert status == 200
    assert isinstance(found, dict)
    assert [(one["dimension"], one["sentence"]) for one in found["differences"]] == [
        ("packages", "numpy is 2.2.0 instead of 2.1.0"),
        ("hardware", "the host is 2.2.0 instead of 2.1.0"),
    ]
    assert found["metrics"] == [{"name": "loss", "before": 0.5, "after": "NaN"}]
    assert found["unknown"] == ["code", "data", "seeds"]
    status, error = get(ids[0], "f" * 32)
    assert status == 404
    assert isinstance(error, dict)
    assert error["error_code"] == "RESOURCE_DOES_NOT_EXIST"
