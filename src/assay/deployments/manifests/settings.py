"""Settings of a deployment on Kubernetes."""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

_QUANTITY: Final = r"^[0-9]+(\.[0-9]+)?(m|k|Ki|M|Mi|G|Gi|T|Ti)?$"
_LABEL: Final = r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$"
_SUBDOMAIN: Final = r"^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$"
_IMAGE: Final = r"^[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,499}$"

Quantity = Annotated[str, Meta(pattern=_QUANTITY)]
Name = Annotated[str, Meta(pattern=_SUBDOMAIN)]


class KubernetesConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of a Kubernetes deployment."""

    image: Annotated[str, Meta(pattern=_IMAGE)] = ""
    """Image with the model in it, as `assay models build-docker` makes; with follow=true, one that
    has Assay and the model's packages."""
    kind: Literal["deployment", "kserve"] = "deployment"
    """deployment: Deployment, Service and autoscaler; kserve: an InferenceService."""
    follow: bool = False
    """Let the pods load the model from the registry and follow it, instead of from the image."""
    tracking_uri: str = ""
    """With follow: where the pods reach the registry."""
    replicas: Annotated[int, Meta(ge=1, le=10_000)] = 1
    """Pods, at least."""
    max_replicas: Annotated[int, Meta(ge=0, le=10_000)] = 0
    """Pods at most; more than replicas makes an autoscaler."""
    cpu_percent: Annotated[int, Meta(ge=1, le=1_000)] = 70
    """Use of the requested CPU that the autoscaler aims at."""
    cpu: Quantity = "250m"
    """CPU that a pod gets at least."""
    cpu_limit: Quantity = "2"
    """And at most."""
    memory: Quantity = "512Mi"
    """Memory that a pod gets at least."""
    memory_limit: Quantity = "1Gi"
    """And at most; a pod that uses more is ended."""
    workers: Annotated[int, Meta(ge=1, le=256)] = 1
    """Processes in each pod."""
    service_type: Literal["ClusterIP", "NodePort", "LoadBalancer"] = "ClusterIP"
    """How the Service is reached."""
    allowed_host: Name = ""
    """A further name that clients may use, such as the one of an ingress."""
    url: str = ""
    """Where clients reach it from outside, if they do."""
    token_secret: Name = ""
    """Secret whose entry `token` clients must send."""
    tracking_secret: Name = ""
    """With follow: Secret whose entry `token` signs in at the registry."""
    pull_policy: Literal["Always", "IfNotPresent", "Never"] = "IfNotPresent"
    """When the image is fetched."""
    pull_secret: Name = ""
    """Secret that fetches it."""
    service_account: Name = ""
    """Account of the pods; they get none of its tokens."""
    wait: Annotated[int, Meta(ge=1, le=86_400)] = 600
    """Seconds until all pods must answer."""
    env: dict[Annotated[str, Meta(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")], str] = {}
    """A variable of the pods; no secrets."""
    labels: dict[Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_./-]{0,190}$")], str] = {}
    """A label of all resources."""
    node_selector: dict[
        Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_./-]{0,190}$")], str
    ] = {}
    """A label that nodes must have."""
