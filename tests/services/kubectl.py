"""A stand-in for ``kubectl`` and a cluster, since none can be had: it takes the commands that
Assay gives, and keeps manifests in a folder.

Pods of an image with ``broken`` in its name never answer. With ``STAND_IN_KSERVE`` set, KServe is
installed.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

KINDS = {
    "deployment.apps": "Deployment",
    "deployments.apps": "Deployment",
    "deployment": "Deployment",
    "services": "Service",
    "service": "Service",
    "hpa": "HorizontalPodAutoscaler",
    "horizontalpodautoscalers.autoscaling": "HorizontalPodAutoscaler",
}
if "STAND_IN_KSERVE" in os.environ:
    KINDS["inferenceservices.serving.kserve.io"] = "InferenceService"


def install(folder: Path) -> Path:
    """Put it into ``folder/bin``, which is to come first in ``PATH``."""
    program = folder / "bin" / "kubectl"
    program.parent.mkdir()
    program.write_text(
        f"#!{sys.executable}\nimport sys\nsys.path[:0] = {sys.path!r}\n"
        "from tests.services.kubectl import main\nmain()\n"
    )
    program.chmod(0o755)
    return program.parent


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--context")
    parser.add_argument("--namespace", required=True)
    parser.add_argument("verb")
    known, rest = parser.parse_known_args()
    cluster = Path(os.environ["STAND_IN_CLUSTER"]) / known.namespace
    cluster.mkdir(parents=True, exist_ok=True)
    with (cluster.parent / "commands").open("a") as log:
        log.write(" ".join(sys.argv[1:]) + "\n")
    sys.exit(globals()[f"_{known.verb.replace('-', '_')}"](cluster, rest))


def _apply(cluster: Path, rest: list[str]) -> int:
    import yaml

    assert rest == ["-f", "-"], rest
    for one in yaml.safe_load_all(sys.stdin.read()):
        name = one["metadata"]["name"]
        if one["kind"] not in KINDS.values():
            return _fail(
                f'error: resource mapping not found for name: "{name}": no matches for kind'
                f' "{one["kind"]}"\nensure CRDs are installed first'
            )
        assert one["metadata"]["namespace"] == cluster.name
        (cluster / f"{one['kind']}.{name}.json").write_text(json.dumps(one))
    return 0


def _get(cluster: Path, rest: list[str]) -> int:
    kind = rest[0]
    if kind not in KINDS:
        return _fail(f'error: the server doesn\'t have a resource type "{kind.split(".")[0]}"')
    assert rest[-2:] == ["-o", "json"], rest
    found = [_with_status(one) for one in _stored(cluster, kind)]
    if rest[1] == "-l":
        print(json.dumps({"items": [one for one in found if _has(one, rest[2])]}))
        return 0
    named = [one for one in found if one["metadata"]["name"] == rest[1]]
    if named:
        print(json.dumps(named[0]))
    return 0


def _delete(cluster: Path, rest: list[str]) -> int:
    for kind in rest[0].split(","):
        if kind not in KINDS:
            return _fail(f'error: the server doesn\'t have a resource type "{kind}"')
        assert rest[1] == "-l"
        for one in _stored(cluster, kind):
            if _has(one, rest[2]):
                (cluster / f"{one['kind']}.{one['metadata']['name']}.json").unlink()
    return 0


def _rollout(cluster: Path, rest: list[str]) -> int:
    kind, _, name = rest[1].partition("/")
    one = json.loads((cluster / f"{KINDS[kind]}.{name}.json").read_text())
    if rest[0] == "status" and not _is_ready(one):
        return _fail(f'error: deployment "{name}" exceeded its progress deadline')
    return 0


def _wait(cluster: Path, rest: list[str]) -> int:
    assert rest[0] == "--for=condition=Ready", rest
    kind, _, name = rest[1].partition("/")
    return 0 if (cluster / f"{KINDS[kind]}.{name}.json").is_file() else _fail("not found")


def _logs(cluster: Path, rest: list[str]) -> int:
    print("\n".join(f"[pod/{rest[1]}] line {i}" for i in range(3)))
    return 0


def _port_forward(cluster: Path, rest: list[str]) -> int:
    assert rest[1] == ":80", rest
    name = rest[0].partition("/")[2]
    kserve = cluster / f"InferenceService.{name.removesuffix('-predictor')}.json"
    if not (cluster / f"Service.{name}.json").is_file() and not kserve.is_file():
        return _fail("Error from server (NotFound): services not found")
    print(f"Forwarding from 127.0.0.1:{os.environ['STAND_IN_PORT']} -> 8080", flush=True)
    signal.pause()
    return 0


def _stored(cluster: Path, kind: str) -> list[dict[str, Any]]:
    files = sorted(cluster.glob(f"{KINDS[kind]}.*.json"))
    return [json.loads(one.read_text()) for one in files]


def _has(one: dict[str, Any], selector: str) -> bool:
    labels = one["metadata"].get("labels", {})
    wanted = dict(part.split("=") for part in selector.split(","))
    return all(labels.get(key) == value for key, value in wanted.items())


def _is_ready(one: dict[str, Any]) -> bool:
    return "broken" not in one["spec"]["template"]["spec"]["containers"][0]["image"]


def _with_status(one: dict[str, Any]) -> dict[str, Any]:
    if one["kind"] == "Deployment":
        replicas = one["spec"].setdefault("replicas", 1)
        one["status"] = {"readyReplicas": replicas if _is_ready(one) else 0}
    if one["kind"] == "InferenceService":
        one["status"] = {"conditions": [{"type": "Ready", "status": "True"}]}
    return one


def _fail(message: str) -> int:
    print(message, file=sys.stderr)
    return 1
