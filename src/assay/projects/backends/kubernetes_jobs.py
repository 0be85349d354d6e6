"""Kubernetes jobs: the manifest of a run, from our own template or the user's.

Pods of our template run as nobody in particular, gain no rights, and see no token of the cluster.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
import yaml
from msgspec import Meta

from assay.errors import InvalidInput
from assay.projects.backends.container_images import CODE, RegistryLogin
from assay.projects.launch import Resources

MANAGED_BY: Final = "app.kubernetes.io/managed-by"
RUN_LABEL: Final = "assay.run"
NAME_PATTERN: Final = r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$"
"""RFC 1123 label."""
_MAX_BYTES: Final = 1 << 20
_KEPT_S: Final = 86_400
"""How long a job whose follower is gone stays after its end."""
_USER: Final = 10_001
_SECRET: Final = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/[-._A-Za-z0-9]{1,253}\Z")

Name = Annotated[str, Meta(pattern=NAME_PATTERN)]


class KubernetesSettings(msgspec.Struct, frozen=True, kw_only=True, rename="kebab"):
    """What ``--backend-config`` may say; the first three are MLflow's."""

    kube_context: str = ""
    """Of ``kubectl``; empty: its current one."""
    kube_job_template_path: str = ""
    """A Job to fill in, as YAML; empty: our own."""
    repository_uri: str = ""
    """Where the image with the project's files is pushed."""
    image: str = ""
    """An image that has the project's files already, instead of one that is built."""
    namespace: Name | None = None
    """``None``: the template's, else ``default``."""
    service_account: Name | None = None
    image_pull_policy: str = ""
    secrets: dict[str, str] = {}
    """Variables of the command by name: ``secret/key`` of the cluster."""
    node_selector: dict[str, str] = {}
    wait: Annotated[int, Meta(ge=1, le=86_400)] = 900
    """Seconds until the pod must run."""
    keep_job: bool = False
    """Leave the job in the cluster when it has ended."""
    docker_auth: RegistryLogin | None = msgspec.field(name="docker_auth", default=None)
    """How to sign in to the registries of the project's image and of ``repository-uri``."""
    storage_dir: str = msgspec.field(name="storage_dir", default="")
    background: bool = False

    def __post_init__(self) -> None:
        if self.kube_context.startswith("-"):
            raise ValueError("kube-context can't begin with '-'")
        if self.image_pull_policy not in ("", "Always", "IfNotPresent", "Never"):
            raise ValueError("image-pull-policy is Always, IfNotPresent or Never")
        for name, place in self.secrets.items():
            if not name.isidentifier() or not _SECRET.match(place):
                raise ValueError(f"secrets has {name!r}: must be a variable, and secret/key")


def read_template(path: str) -> dict[str, Any]:
    """The user's Job; empty if ``path`` is.

    Raises:
        InvalidInput: it can't be read, or is no Job with a container.
    """
    if not path:
        return {}
    try:
        with Path(path).open("rb") as file:
            content = file.read(_MAX_BYTES + 1)
        found: Any = yaml.safe_load(content) if len(content) <= _MAX_BYTES else None
    except OSError as error:
        raise InvalidInput(f"The template {path!r} can't be read: {error.strerror}.") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise InvalidInput(f"The template {path!r} is no YAML: {error}.") from None
    try:
        is_job = found["kind"] == "Job" and isinstance(_container(found), dict)
        metadata = found.setdefault("metadata", {})
        is_job = is_job and isinstance(metadata, dict) and found.get("apiVersion") == "batch/v1"
    except (KeyError, TypeError, IndexError, AttributeError):
        is_job = False
    if not is_job:
        raise InvalidInput(
            f"The template {path!r} must be a Job of batch/v1 with a container in"
            " spec.template.spec.containers."
        )
    made: dict[str, Any] = found
    return made


def namespace_of(settings: KubernetesSettings, template: dict[str, Any]) -> str:
    """Where the job goes.

    Raises:
        InvalidInput: the template's namespace can't be one.
    """
    named = settings.namespace or str(template.get("metadata", {}).get("namespace", "default"))
    if not re.match(NAME_PATTERN, named):
        raise InvalidInput(f"The template's namespace {named[:80]!r} can't be one.")
    return named


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What a job shall run."""

    name: str
    namespace: str
    run_id: str
    image: str
    command: list[str]
    variables: dict[str, str]
    resources: Resources
    timeout_s: float = 0


def job(wanted: Wanted, settings: KubernetesSettings, template: dict[str, Any]) -> dict[str, Any]:
    """The manifest: the user's template, or our own, with the run in it."""
    made = template or _own_template()
    made["metadata"].update(name=wanted.name, namespace=wanted.namespace)
    labels = {MANAGED_BY: "assay", RUN_LABEL: wanted.run_id}
    spec = made["spec"]
    for metadata in (made["metadata"], spec["template"].setdefault("metadata", {})):
        metadata["labels"] = {**(metadata.get("labels") or {}), **labels}
    spec["backoffLimit"] = 0  # a run is carried out once
    spec.setdefault("ttlSecondsAfterFinished", _KEPT_S)
    if wanted.timeout_s:
        spec["activeDeadlineSeconds"] = max(1, int(wanted.timeout_s))
    pod = spec["template"]["spec"]
    pod["restartPolicy"] = "Never"
    if settings.service_account is not None:
        pod["serviceAccountName"] = settings.service_account
    if settings.node_selector:
        pod["nodeSelector"] = {**(pod.get("nodeSelector") or {}), **settings.node_selector}
    _fill(_container(made), wanted, settings)
    return made


def container_name(made: dict[str, Any]) -> str:
    """Which container of the pod has the command."""
    return str(_container(made)["name"])


def _container(made: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = made["spec"]["template"]["spec"]["containers"][0]
    return found


def _own_template() -> dict[str, Any]:
    pod = {
        "automountServiceAccountToken": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": _USER,
            "runAsGroup": _USER,
            "fsGroup": _USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [
            {
                "name": "run",
                "securityContext": {
                    "allowPrivilegeEscalation": False,
                    "capabilities": {"drop": ["ALL"]},
                },
            }
        ],
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {},
        "spec": {"template": {"spec": pod}},
    }


def _fill(container: dict[str, Any], wanted: Wanted, settings: KubernetesSettings) -> None:
    container.setdefault("name", "run")
    container["image"] = wanted.image
    container["command"] = [_literal(word) for word in wanted.command]
    container.pop("args", None)
    if not settings.image:
        container["workingDir"] = CODE
    if settings.image_pull_policy:
        container["imagePullPolicy"] = settings.image_pull_policy
    own: dict[str, dict[str, Any]] = {
        one["name"]: one for one in container.get("env") or [] if isinstance(one, dict)
    }
    own.setdefault("HOME", {"name": "HOME", "value": "/tmp"})  # noqa: S108 - in the pod
    for name, value in wanted.variables.items():
        own[name] = {"name": name, "value": _literal(value)}
    for name, place in settings.secrets.items():
        secret, _, key = place.partition("/")
        own[name] = {"name": name, "valueFrom": {"secretKeyRef": {"name": secret, "key": key}}}
    container["env"] = list(own.values())
    asked = _resources(wanted.resources)
    if asked:
        told = container.setdefault("resources", {})
        for part in ("requests", "limits"):
            told[part] = {**(told.get(part) or {}), **asked}


def _literal(text: str) -> str:
    """``$(NAME)`` would be replaced by the cluster, and ``$$`` is its ``$``."""
    return text.replace("$", "$$")


def _resources(wanted: Resources) -> dict[str, str]:
    found = {}
    if wanted.cpu:
        found["cpu"] = f"{wanted.cpu:g}"
    if wanted.memory_mb:
        found["memory"] = f"{wanted.memory_mb}Mi"
    if wanted.gpu:
        found["nvidia.com/gpu"] = str(wanted.gpu)
    return found
