"""Models for the browser tests of the registry: versions with files, a policy, people who ask."""

from __future__ import annotations

import json
from typing import Any

import urllib3

from assay.client.client import Client

POLICY = """policy: 1
stages: [None, Shadow, Production, Archived]
transitions:
  - None -> Shadow
  - Shadow -> None
  - Shadow -> Production
  - "* -> Archived"
to:
  Production:
    gates:
      - {metric: val_auc, at_least: 0.8}
    approvals: {count: 1, from: [bea]}
"""
COLUMNS = [{"type": "double", "name": "age"}, {"type": "double", "name": "income"}]
OUTPUT = [{"type": "long", "name": "fraud", "required": True}]


def call(url: str, path: str, body: dict[str, Any], who: str) -> dict[str, Any]:
    """A change by somebody who says to be ``who``."""
    answer = urllib3.request(
        "POST",
        f"{url}/api/assay/v1/registry/{path}",
        json=body,
        headers={"x-assay-user": who},
    )
    assert answer.status == 200, answer.data
    found: dict[str, Any] = answer.json()
    return found


def ask(url: str, name: str, version: int, target: str = "Production") -> str:
    """Ann asks for a move; returns the request's id."""
    body = {"name": name, "version": version, "target": target, "reason": "better than before"}
    return str(call(url, "requests/create", body, "ann")["request_id"])


def approve(url: str, request_id: str) -> None:
    """Bea says yes."""
    call(url, "requests/approve", {"request_id": request_id, "reason": "go ahead"}, "bea")


def record_model(
    client: Client,
    name: str,
    aucs: list[float],
    *,
    policy: str = "",
    inputs: dict[int, list[dict[str, Any]]] | None = None,
) -> None:
    """A registered model with a version for each value of ``val_auc``.

    Args:
        client: of the server.
        name: of the model.
        aucs: of the runs of the versions, in their order.
        policy: its policy, if it has one.
        inputs: the columns of versions that don't take age and income, by number.
    """
    client.create_registered_model(name, description="Finds **fraud**.", tags={"team": "risk"})
    for number, auc in enumerate(aucs, start=1):
        run = client.create_run("0", run_name=f"{name} {number}").info.run_id
        client.log_metric(run, "val_auc", auc)
        client.log_metric(run, "epochs", 30)
        client.log_param(run, "depth", number)
        write_files(client, run, (inputs or {}).get(number, COLUMNS), pin=f"2.{number}")
        client.set_terminated(run)
        client.create_model_version(name, f"runs:/{run}/model", run)
    if policy:
        body = {"name": name, "text": policy, "reason": "from the review"}
        call(client.tracking_uri, "policies/set", body, "ann")


def write_files(client: Client, run: str, inputs: list[dict[str, Any]], *, pin: str) -> None:
    """What a model's folder holds, without a model."""
    required = [{"required": True, **column} for column in inputs]
    signature = f"  inputs: '{json.dumps(required)}'\n  outputs: '{json.dumps(OUTPUT)}'\n"
    files = {
        "MLmodel": "flavors:\n  python_function: {loader_module: x}\nsignature:\n" + signature,
        "requirements.txt": f"numpy=={pin}\nscipy==1.17.1\n",
        "python_env.yaml": "python: 3.11.7\n",
        "input_example.json": '{"columns": ["age", "income"], "data": [[31.0, 0.5]]}',
        "MODEL_CARD.md": "---\ntags: [assay]\n---\n# The card\n\nFor card payments.\n",
        "digests.json": json.dumps({"files": {"MLmodel": pin * 3}, "version": 1}),
    }
    for path, text in files.items():
        client.log_text(run, text, f"model/{path}")
