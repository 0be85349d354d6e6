"""The Helm chart is linted and rendered, what it renders fits Kubernetes' schemas, and the server
really starts with the command and variables that it gives. No cluster can be had.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import urllib3
import yaml
from helm_python import Chart, HelmRenderError, HelmValuesError, lint

from assay.version import __version__
from tests.services.scoring import wait_until

CHART = Path(__file__).parents[2] / "deploy" / "helm" / "assay"
_IMAGE = {"image": {"repository": "registry.example/assay"}}
_WHOLE: dict[str, Any] = {
    **_IMAGE,
    "store": {"existingSecret": "assay-db"},
    "artifacts": {"uri": "s3://bucket/assay", "credentialsSecret": "s3"},
    "replicas": 2,
    "autoscaling": {"enabled": True, "maxReplicas": 6},
    "ingress": {
        "enabled": True,
        "host": "assay.example",
        "className": "nginx",
        "tlsSecret": "tls",
        "annotations": {"a": "b: c"},
    },
    "server": {"env": {"ASSAY_SERVER_THREADS": "32"}, "allowedHosts": ["10.0.0.0/8"]},
    "serviceAccount": {"name": "assay"},
    "podAnnotations": {"x": "y"},
    "tolerations": [{"key": "a", "operator": "Exists"}],
    "nodeSelector": {"disk": "ssd"},
}


def _rendered(values: dict[str, Any]) -> dict[str, dict[str, Any]]:
    with Chart.load(CHART) as chart:
        texts = chart.render(values, name="team", namespace="ml")
    found = {}
    for path, text in texts.items():
        if path.endswith(".yaml"):
            found.update({one["kind"]: one for one in yaml.safe_load_all(text) if one})
    return found


def _variables(container: dict[str, Any]) -> dict[str, Any]:
    return {one["name"]: one.get("value", one.get("valueFrom")) for one in container["env"]}


@pytest.mark.parametrize("values", [_IMAGE, _WHOLE])
def test_it_is_linted_and_fits_the_schemas(values: dict[str, Any]) -> None:
    report = lint(CHART, values, strict=True, kube_version="v1.30.0")

    assert (report["messages"], report["errors"]) == ([], [])
    for one in _rendered(values).values():
        kubernetes_validate.validate(one, "1.30", strict=True)


def test_by_itself_it_is_one_pod_with_a_volume() -> None:
    made = _rendered(_IMAGE)

    assert set(made) == {"Deployment", "Service", "PersistentVolumeClaim"}
    spec = made["Deployment"]["spec"]
    assert (spec["replicas"], spec["strategy"]) == (1, {"type": "Recreate"})
    pod = spec["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["containers"][0]["image"] == f"registry.example/assay:{__version__}"
    assert made["Service"]["spec"]["selector"].items() <= spec["selector"]["matchLabels"].items()


def test_with_a_database_and_an_object_store_pods_are_replaced_one_by_one() -> None:
    made = _rendered(_WHOLE)

    assert set(made) == {"Deployment", "Service", "HorizontalPodAutoscaler", "Ingress"}
    spec = made["Deployment"]["spec"]
    assert spec["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}
    pod = spec["template"]["spec"]
    secret = {"secretKeyRef": {"name": "assay-db", "key": "uri"}}
    assert _variables(pod["containers"][0])["ASSAY_SERVER_STORE_URI"] == secret
    assert pod["initContainers"][0]["command"] == ["assay", "db", "upgrade"]
    assert _variables(pod["initContainers"][0])["ASSAY_TRACKING_URI"] == secret
    hosts = _variables(pod["containers"][0])["ASSAY_SERVER_ALLOWED_HOSTS"].split(",")
    assert {"team-assay.ml.svc", "assay.example", "10.0.0.0/8"} <= set(hosts)
    assert [one["name"] for one in pod["volumes"]] == ["scratch"]


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({}, "image.repository is needed"),
        ({**_IMAGE, "replicas": 2}, "several pods need"),
        ({**_IMAGE, "autoscaling": {"enabled": True}}, "several pods need"),
        ({**_IMAGE, "ingress": {"enabled": True}}, "ingress.host is needed"),
    ],
)
def test_what_cannot_work_is_refused(values: dict[str, Any], told: str) -> None:
    with pytest.raises(HelmRenderError, match=told):
        _rendered(values)


@pytest.mark.parametrize(
    "values",
    [
        {"imagge": {}},
        {"image": {"repository": "a b"}},
        {**_IMAGE, "server": {"auth": "maybe"}},
        {**_IMAGE, "artifacts": {"uri": "ftp://x"}},
    ],
)
def test_values_that_do_not_exist_are_refused(values: dict[str, Any]) -> None:
    with Chart.load(CHART) as chart, pytest.raises(HelmValuesError):
        chart.validate_schema(values)


def test_the_server_starts_with_its_commands_and_variables(tmp_path: Path) -> None:
    pod = _rendered(_IMAGE)["Deployment"]["spec"]["template"]["spec"]
    (first,), (container,) = pod["initContainers"], pod["containers"]
    assay = tmp_path / "bin" / "assay"
    assay.parent.mkdir()
    assay.write_text(f'#!/bin/sh\nexec {sys.executable} -m assay "$@"\n')
    assay.chmod(0o755)
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("ASSAY_", "MLFLOW_"))}
    kept |= {"PATH": f"{assay.parent}:{os.environ['PATH']}"}

    def variables(of: dict[str, Any]) -> dict[str, str]:
        given = {k: v.replace("/data", str(tmp_path)) for k, v in _variables(of).items()}
        return {**kept, **given, "HOME": str(tmp_path)}

    def make_user() -> str:
        done = subprocess.run(
            first["command"],
            env=variables(first),
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout

    assert "admin" in make_user()
    assert make_user() == ""
    log = tmp_path / "log"
    with (
        log.open("w") as out,
        subprocess.Popen(
            [*container["command"][:-1], "0"],
            env=variables(container),
            stdout=out,
            stderr=subprocess.STDOUT,
            cwd=tmp_path,
        ) as server,
    ):
        try:
            found = wait_until(lambda: re.search(r"http://\S+:(\d+)", log.read_text()), "its URL")
            url = f"http://127.0.0.1:{found[1]}/health"
            host = {"host": "team-assay.ml.svc.cluster.local"}
            with urllib3.PoolManager() as pool:
                assert pool.request("GET", url, headers=host).status == 200
                assert pool.request("GET", url, headers={"host": "evil.example"}).status == 403
        finally:
            server.send_signal(signal.SIGTERM)
