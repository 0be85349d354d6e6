"""The parts of Kubernetes' API that are used, as structs with the API's own names.

Matched: Kubernetes API reference 1.30 and later (``apps/v1``, ``v1``, ``autoscaling/v2``), and
KServe's ``serving.kserve.io/v1beta1``. Fields at their defaults are left out.
"""

from __future__ import annotations

from typing import Any

import msgspec
import yaml


class Object(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Anything in a manifest."""


class Metadata(Object, frozen=True, kw_only=True):
    """Name and labels of a resource."""

    name: str | None = None
    namespace: str | None = None
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}


class SecretKey(Object, frozen=True, kw_only=True):
    """One entry of a Secret."""

    name: str
    key: str


class ValueFrom(Object, frozen=True, kw_only=True):
    """Where a variable's value comes from."""

    secret_key_ref: SecretKey


class EnvVar(Object, frozen=True, kw_only=True):
    """A variable."""

    name: str
    value: str | None = None
    value_from: ValueFrom | None = None


class ContainerPort(Object, frozen=True, kw_only=True):
    """A port that a container listens on."""

    name: str | None = None
    container_port: int
    protocol: str | None = None


class HttpGet(Object, frozen=True, kw_only=True):
    """A request that tells how a container does."""

    path: str
    port: str | int


class Probe(Object, frozen=True, kw_only=True):
    """When and how often that request is made."""

    http_get: HttpGet
    period_seconds: int
    timeout_seconds: int
    failure_threshold: int


class Resources(Object, frozen=True, kw_only=True):
    """What a container gets at least, and at most."""

    requests: dict[str, str]
    limits: dict[str, str]


class Capabilities(Object, frozen=True, kw_only=True):
    """Rights beyond a user's."""

    drop: list[str]


class SeccompProfile(Object, frozen=True, kw_only=True):
    """Which system calls are allowed."""

    type: str


class SecurityContext(Object, frozen=True, kw_only=True):
    """What a container may."""

    allow_privilege_escalation: bool
    read_only_root_filesystem: bool
    capabilities: Capabilities


class PodSecurityContext(Object, frozen=True, kw_only=True):
    """Who a pod's processes are."""

    run_as_non_root: bool
    run_as_user: int
    run_as_group: int
    fs_group: int
    seccomp_profile: SeccompProfile


class VolumeMount(Object, frozen=True, kw_only=True):
    """Where a volume is seen."""

    name: str
    mount_path: str


class EmptyDir(Object, frozen=True, kw_only=True):
    """Scratch space."""

    size_limit: str


class Volume(Object, frozen=True, kw_only=True):
    """A volume of a pod."""

    name: str
    empty_dir: EmptyDir


class Sleep(Object, frozen=True, kw_only=True):
    """A pause."""

    seconds: int


class Handler(Object, frozen=True, kw_only=True):
    """Something to do around the end of a container."""

    sleep: Sleep


class Lifecycle(Object, frozen=True, kw_only=True):
    """What is done before a container is told to end."""

    pre_stop: Handler


class Container(Object, frozen=True, kw_only=True):
    """One container of a pod."""

    name: str
    image: str
    image_pull_policy: str | None = None
    command: list[str] = []
    args: list[str] = []
    ports: list[ContainerPort]
    env: list[EnvVar] = []
    resources: Resources
    startup_probe: Probe | None = None
    readiness_probe: Probe
    liveness_probe: Probe | None = None
    lifecycle: Lifecycle | None = None
    security_context: SecurityContext
    volume_mounts: list[VolumeMount]


class LocalReference(Object, frozen=True, kw_only=True):
    """Another resource of the namespace."""

    name: str


class PodSpec(Object, frozen=True, kw_only=True):
    """What runs in a pod."""

    service_account_name: str | None = None
    automount_service_account_token: bool
    security_context: PodSecurityContext
    image_pull_secrets: list[LocalReference] = []
    node_selector: dict[str, str] = {}
    termination_grace_period_seconds: int | None = None
    containers: list[Container]
    volumes: list[Volume]


class PodTemplate(Object, frozen=True, kw_only=True):
    """Pods as a Deployment makes them."""

    metadata: Metadata
    spec: PodSpec


class LabelSelector(Object, frozen=True, kw_only=True):
    """Which pods are meant."""

    match_labels: dict[str, str]


class RollingUpdate(Object, frozen=True, kw_only=True):
    """How many pods change at once."""

    max_surge: int
    max_unavailable: int


class Strategy(Object, frozen=True, kw_only=True):
    """How pods are replaced."""

    type: str
    # Its zero is no default of the API.
    rolling_update: RollingUpdate


class DeploymentSpec(Object, frozen=True, kw_only=True):
    """Pods, how many, and how they are replaced."""

    replicas: int | None = None
    revision_history_limit: int
    progress_deadline_seconds: int
    selector: LabelSelector
    strategy: Strategy
    template: PodTemplate


class KubeDeployment(Object, frozen=True, kw_only=True):
    """``apps/v1`` Deployment."""

    api_version: str
    kind: str
    metadata: Metadata
    spec: DeploymentSpec


class ServicePort(Object, frozen=True, kw_only=True):
    """A port of a Service."""

    name: str
    port: int
    target_port: str
    protocol: str


class ServiceSpec(Object, frozen=True, kw_only=True):
    """How pods are reached."""

    type: str
    selector: dict[str, str]
    ports: list[ServicePort]


class Service(Object, frozen=True, kw_only=True):
    """``v1`` Service."""

    api_version: str
    kind: str
    metadata: Metadata
    spec: ServiceSpec


class ScaleTarget(Object, frozen=True, kw_only=True):
    """What an autoscaler scales."""

    api_version: str
    kind: str
    name: str


class MetricTarget(Object, frozen=True, kw_only=True):
    """What a metric is to be."""

    type: str
    average_utilization: int


class ResourceMetric(Object, frozen=True, kw_only=True):
    """Use of a resource by the pods."""

    name: str
    target: MetricTarget


class Metric(Object, frozen=True, kw_only=True):
    """What an autoscaler looks at."""

    type: str
    resource: ResourceMetric


class AutoscalerSpec(Object, frozen=True, kw_only=True):
    """How many pods, by which metric."""

    scale_target_ref: ScaleTarget
    min_replicas: int
    max_replicas: int
    metrics: list[Metric]


class Autoscaler(Object, frozen=True, kw_only=True):
    """``autoscaling/v2`` HorizontalPodAutoscaler."""

    api_version: str
    kind: str
    metadata: Metadata
    spec: AutoscalerSpec


class Predictor(PodSpec, frozen=True, kw_only=True):
    """The pods of an InferenceService: a pod's own fields, and how many there may be."""

    min_replicas: int
    max_replicas: int
    scale_metric: str
    scale_target: int


class InferenceServiceSpec(Object, frozen=True, kw_only=True):
    """What KServe runs."""

    predictor: Predictor


class InferenceService(Object, frozen=True, kw_only=True):
    """``serving.kserve.io/v1beta1`` InferenceService."""

    api_version: str
    kind: str
    metadata: Metadata
    spec: InferenceServiceSpec


Manifest = KubeDeployment | Service | Autoscaler | InferenceService


def to_yaml(manifests: list[Manifest]) -> str:
    """The resources as one YAML stream."""
    plain: list[Any] = [msgspec.to_builtins(one) for one in manifests]
    return yaml.safe_dump_all(plain, sort_keys=False, width=100, allow_unicode=True)
