"""Manifests of a deployment: pods that run as nobody in particular, may write nowhere but in
``/tmp``, take traffic when ``/ping`` says so, and are replaced one by one.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from assay.deployments.manifests import objects as k
from assay.deployments.manifests.settings import KubernetesConfig
from assay.errors import InvalidInput, InvalidName

ANNOTATION: Final = "assay-deployment"
"""Holds what Assay knows of a deployment, as JSON."""
MANAGED_BY: Final = "app.kubernetes.io/managed-by"
_RAW: Final = {"serving.kserve.io/deploymentMode": "RawDeployment"}
"""By plain Deployments: what else KServe has, Knative, takes no such careful pods."""
_PORT: Final = 8080
_USER: Final = 10_001
"""As in images that ``assay models build-docker`` makes."""
_NAME: Final = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?\Z")
_LABEL_VALUE: Final = re.compile(r"([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?\Z")
_START_S: Final = 5


def check_kubernetes_name(name: str) -> str:
    """``name`` as one of a Service (RFC 1035 label).

    Raises:
        InvalidName: it can't be one.
    """
    if not _NAME.match(name):
        raise InvalidName(
            "deployment name",
            name,
            "on Kubernetes it must be lower-case letters, digits and '-', beginning with a letter",
        )
    return name


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """All that decides over the manifests of a deployment."""

    name: str
    """Of all its resources."""
    namespace: str
    config: KubernetesConfig
    facts: str
    """What is kept of the deployment, as JSON."""
    source: str
    """URI that pods which follow the registry serve."""
    deployment_id: str = ""
    """Under which those note the versions that they change over to."""


def build(wanted: Wanted) -> list[k.Manifest]:
    """The resources of a deployment.

    Raises:
        InvalidInput: the name can't be one, or settings don't fit each other.
    """
    name, config = check_kubernetes_name(wanted.name), wanted.config
    _check(config)
    labels = {
        **{key: _label(key, value) for key, value in config.labels.items()},
        "app.kubernetes.io/name": name,
        MANAGED_BY: "assay",
    }
    meta = k.Metadata(
        name=name,
        namespace=wanted.namespace,
        labels=labels,
        annotations={ANNOTATION: wanted.facts},
    )
    if config.kind == "kserve":
        return [_inference_service(meta, wanted)]
    selector = {"app.kubernetes.io/name": name}
    pod = _pod(wanted)
    most = max(config.max_replicas, config.replicas)
    deployment = k.KubeDeployment(
        api_version="apps/v1",
        kind="Deployment",
        metadata=meta,
        spec=k.DeploymentSpec(
            # An autoscaler's number must not be set back by the next apply.
            replicas=None if most > config.replicas else config.replicas,
            revision_history_limit=5,
            progress_deadline_seconds=config.wait,
            selector=k.LabelSelector(match_labels=selector),
            strategy=k.Strategy(
                type="RollingUpdate",
                rolling_update=k.RollingUpdate(max_surge=1, max_unavailable=0),
            ),
            template=k.PodTemplate(metadata=k.Metadata(labels=labels), spec=pod),
        ),
    )
    plain = k.Metadata(name=name, namespace=wanted.namespace, labels=labels)
    found: list[k.Manifest] = [deployment, _service(plain, config, selector)]
    if most > config.replicas:
        found.append(_autoscaler(plain, config))
    return found


def _check(config: KubernetesConfig) -> None:
    if not config.image:
        raise InvalidInput(
            "A deployment on Kubernetes needs an image: build one with `assay models build-docker`"
            " and name it with -C image=…"
        )
    if config.follow and not config.tracking_uri:
        raise InvalidInput(
            "Pods that follow the registry must know where it is: -C tracking_uri=https://…"
        )
    if config.max_replicas and config.max_replicas < config.replicas:
        raise InvalidInput("max_replicas can't be less than replicas.")
    for low, high in (("cpu", "cpu_limit"), ("memory", "memory_limit")):
        if amount(getattr(config, low)) > amount(getattr(config, high)):
            raise InvalidInput(f"{high} can't be less than {low}.")


def amount(quantity: str) -> float:
    """A quantity of Kubernetes as a number."""
    number = quantity.rstrip("kKMGTim")
    unit = quantity.removeprefix(number)
    if unit == "m":
        return float(number) / 1_000
    base = 1_024 if unit.endswith("i") else 1_000
    power = " kMGT".index(unit[0].replace("K", "k")) if unit else 0
    return float(number) * float(base**power)


def _label(key: str, value: str) -> str:
    if not _LABEL_VALUE.match(value):
        raise InvalidInput(
            f"The label {key!r} can't be {value!r}: at most 63 letters, digits, '-', '_' and '.'."
        )
    return value


def _hosts(wanted: Wanted) -> list[str]:
    """Names that clients of the cluster use."""
    name, namespace, config = wanted.name, wanted.namespace, wanted.config
    inside = [name, f"{name}.{namespace}", f"{name}.{namespace}.svc"]
    found = [*inside, f"{name}.{namespace}.svc.cluster.local"]
    if config.kind == "kserve":
        # KServe puts its own Service before the pods.
        found += [host.replace(name, f"{name}-predictor", 1) for host in tuple(found)]
    return [*found, *([config.allowed_host] if config.allowed_host else [])]


def _container(wanted: Wanted) -> k.Container:
    config = wanted.config
    is_kserve = config.kind == "kserve"
    hosts = [f"--allowed-host={host}" for host in _hosts(wanted)]
    command: list[str] = []
    args = [*hosts, f"--workers={config.workers}"]
    env = [k.EnvVar(name=key, value=value) for key, value in sorted(config.env.items())]
    if config.follow:
        command = ["assay", "serve"]
        # The model's packages are in the image; none could be installed into a read-only one.
        fixed = ["--host=0.0.0.0", f"--port={_PORT}", "--insecure", "--env-manager=local"]
        args = [f"{wanted.name}={wanted.source}", *fixed, *args]
        args += [f"--deployment-id={wanted.deployment_id}"] if wanted.deployment_id else []
        env.append(k.EnvVar(name="ASSAY_TRACKING_URI", value=config.tracking_uri))
    for variable, secret in (
        ("ASSAY_SERVE_TOKEN", config.token_secret),
        ("ASSAY_TRACKING_TOKEN", config.tracking_secret),
    ):
        if secret:
            entry = k.ValueFrom(secret_key_ref=k.SecretKey(name=secret, key="token"))
            env.append(k.EnvVar(name=variable, value_from=entry))
    port: str | int = _PORT if is_kserve else "http"
    ping = k.HttpGet(path="/ping", port=port)
    tries = max(1, config.wait // _START_S)
    return k.Container(
        name="kserve-container" if is_kserve else "model",
        image=config.image,
        image_pull_policy=config.pull_policy,
        command=command,
        args=args,
        ports=[
            k.ContainerPort(
                name=None if is_kserve else "http", container_port=_PORT, protocol="TCP"
            )
        ],
        env=env,
        resources=k.Resources(
            requests={"cpu": config.cpu, "memory": config.memory},
            limits={"cpu": config.cpu_limit, "memory": config.memory_limit},
        ),
        startup_probe=k.Probe(
            http_get=ping, period_seconds=_START_S, timeout_seconds=3, failure_threshold=tries
        ),
        readiness_probe=k.Probe(
            http_get=ping, period_seconds=5, timeout_seconds=3, failure_threshold=2
        ),
        liveness_probe=k.Probe(
            http_get=ping, period_seconds=10, timeout_seconds=5, failure_threshold=6
        ),
        # Until all have heard that the pod goes, it still gets requests.
        lifecycle=k.Lifecycle(pre_stop=k.Handler(sleep=k.Sleep(seconds=5))),
        security_context=k.SecurityContext(
            allow_privilege_escalation=False,
            read_only_root_filesystem=True,
            capabilities=k.Capabilities(drop=["ALL"]),
        ),
        volume_mounts=[k.VolumeMount(name="scratch", mount_path="/tmp")],  # noqa: S108 - in a pod
    )


def _pod(wanted: Wanted) -> k.PodSpec:
    config = wanted.config
    secrets = [k.LocalReference(name=config.pull_secret)] if config.pull_secret else []
    return k.PodSpec(
        service_account_name=config.service_account or None,
        automount_service_account_token=False,
        security_context=k.PodSecurityContext(
            run_as_non_root=True,
            run_as_user=_USER,
            run_as_group=_USER,
            fs_group=_USER,
            seccomp_profile=k.SeccompProfile(type="RuntimeDefault"),
        ),
        image_pull_secrets=secrets,
        node_selector=config.node_selector,
        termination_grace_period_seconds=30,
        containers=[_container(wanted)],
        volumes=[k.Volume(name="scratch", empty_dir=k.EmptyDir(size_limit="1Gi"))],
    )


def _service(meta: k.Metadata, config: KubernetesConfig, selector: dict[str, str]) -> k.Service:
    port = k.ServicePort(name="http", port=80, target_port="http", protocol="TCP")
    spec = k.ServiceSpec(type=config.service_type, selector=selector, ports=[port])
    return k.Service(api_version="v1", kind="Service", metadata=meta, spec=spec)


def _autoscaler(meta: k.Metadata, config: KubernetesConfig) -> k.Autoscaler:
    assert meta.name is not None
    aim = k.MetricTarget(type="Utilization", average_utilization=config.cpu_percent)
    return k.Autoscaler(
        api_version="autoscaling/v2",
        kind="HorizontalPodAutoscaler",
        metadata=meta,
        spec=k.AutoscalerSpec(
            scale_target_ref=k.ScaleTarget(
                api_version="apps/v1", kind="Deployment", name=meta.name
            ),
            min_replicas=config.replicas,
            max_replicas=config.max_replicas,
            metrics=[k.Metric(type="Resource", resource=k.ResourceMetric(name="cpu", target=aim))],
        ),
    )


def _inference_service(meta: k.Metadata, wanted: Wanted) -> k.InferenceService:
    config = wanted.config
    meta = msgspec.structs.replace(meta, annotations={**meta.annotations, **_RAW})
    predictor = k.Predictor(
        min_replicas=config.replicas,
        max_replicas=max(config.max_replicas, config.replicas),
        scale_metric="cpu",
        scale_target=config.cpu_percent,
        **msgspec.structs.asdict(_pod(wanted)),
    )
    return k.InferenceService(
        api_version="serving.kserve.io/v1beta1",
        kind="InferenceService",
        metadata=meta,
        spec=k.InferenceServiceSpec(predictor=predictor),
    )
