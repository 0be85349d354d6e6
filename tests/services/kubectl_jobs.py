"""A stand-in for ``kubectl`` and a cluster that runs jobs, since none can be had: it checks the Job
against the schemas that Kubernetes publishes, and runs its command on this machine, in the folder
of the project.

Images with ``missing`` in their name can't be pulled.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

_RUNNER = """
import subprocess, sys
code, log, *command = sys.argv[1:]
with open(log, "wb") as out:
    ended = subprocess.run(command, stdout=out, stderr=subprocess.STDOUT).returncode
with open(code + ".part", "w") as file:
    file.write(str(ended))
import os
os.rename(code + ".part", code)
"""


def install(folder: Path, project: Path) -> dict[str, str]:
    """Put it into ``folder/bin``; returns the variables under which it is found."""
    program = folder / "bin" / "kubectl"
    program.parent.mkdir()
    program.write_text(
        f"#!{sys.executable}\nimport sys\nsys.path[:0] = {sys.path!r}\n"
        "from tests.services.kubectl_jobs import main\nmain()\n"
    )
    program.chmod(0o755)
    return {
        "PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}",
        "STAND_IN_CLUSTER": str(folder / "cluster"),
        "STAND_IN_PROJECT": str(project),
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--context")
    parser.add_argument("--namespace", required=True)
    parser.add_argument("verb")
    known, rest = parser.parse_known_args()
    cluster = Path(os.environ["STAND_IN_CLUSTER"]) / known.namespace
    cluster.mkdir(parents=True, exist_ok=True)
    sys.exit(
        {"apply": _apply, "get": _get, "logs": _logs, "delete": _delete}[known.verb](cluster, rest)
    )


def _apply(cluster: Path, rest: list[str]) -> int:
    import kubernetes_validate

    assert rest == ["-f", "-"], rest
    made = json.loads(sys.stdin.read())
    kubernetes_validate.validate(made, "1.30", strict=True)
    assert made["metadata"]["namespace"] == cluster.name
    name = made["metadata"]["name"]
    (cluster / f"{name}.json").write_text(json.dumps(made))
    container = made["spec"]["template"]["spec"]["containers"][0]
    if "missing" in container["image"]:
        return 0
    said = {one["name"]: one.get("value", "of the cluster") for one in container["env"]}
    process = subprocess.Popen(
        [
            *(sys.executable, "-c", _RUNNER, str(cluster / f"{name}.code")),
            *(str(cluster / f"{name}.log"), *(_expanded(word) for word in container["command"])),
        ],
        cwd=os.environ["STAND_IN_PROJECT"],
        env={"PATH": os.environ["PATH"], **{k: _expanded(v) for k, v in said.items()}},
        start_new_session=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    (cluster / f"{name}.pid").write_text(str(process.pid))
    return 0


def _expanded(text: str) -> str:
    """As the cluster treats commands and values of variables; ``$(NAME)`` must not come."""
    assert "$(" not in text.replace("$$", ""), text
    return text.replace("$$", "$")


def _get(cluster: Path, rest: list[str]) -> int:
    assert [rest[0], *rest[3:]] == ["pods", "-o", "json"], rest
    name = rest[2].removeprefix("job-name=")
    print(json.dumps({"items": _pods(cluster, name)}))
    return 0


def _pods(cluster: Path, name: str) -> list[dict[str, Any]]:
    if not (cluster / f"{name}.json").is_file():
        return []
    made = json.loads((cluster / f"{name}.json").read_text())
    container = made["spec"]["template"]["spec"]["containers"][0]
    state: dict[str, Any] = {"running": {}}
    phase = "Running"
    if "missing" in container["image"]:
        phase = "Pending"
        state = {"waiting": {"reason": "ImagePullBackOff", "message": "Back-off pulling image"}}
    elif (cluster / f"{name}.code").is_file():
        code = int((cluster / f"{name}.code").read_text())
        phase, state = "Failed", {"terminated": {"exitCode": code}}
    statuses = [{"name": container["name"], "state": state}]
    status = {"phase": phase, "containerStatuses": statuses}
    return [{"metadata": {"name": f"{name}-pod"}, "status": status}]


def _logs(cluster: Path, rest: list[str]) -> int:
    assert rest[0] == "--follow", rest
    name = rest[1].removesuffix("-pod")
    log, shown = cluster / f"{name}.log", 0
    while True:
        over = (cluster / f"{name}.code").is_file() or not (cluster / f"{name}.json").is_file()
        content = log.read_bytes() if log.is_file() else b""
        sys.stdout.buffer.write(content[shown:])
        sys.stdout.buffer.flush()
        shown = len(content)
        if over:
            return 0
        time.sleep(0.05)


def _delete(cluster: Path, rest: list[str]) -> int:
    assert [rest[0], rest[2]] == ["job", "--ignore-not-found"], rest
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        os.killpg(int((cluster / f"{rest[1]}.pid").read_text()), signal.SIGTERM)
    (cluster / f"{rest[1]}.json").unlink(missing_ok=True)
    return 0
