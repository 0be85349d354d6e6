"""Settings of deployments in containers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from assay.containers.naming import image_reference, network_name
from assay.deployments.config import read_config
from assay.deployments.containers import Limits

TARGET: Final = "docker"
PREFIX: Final = "assay-"
"""Begins the names of containers and images."""


class DockerConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of a deployment in a container."""

    image: str = ""
    """An image to run, made by `assay models build-docker`; empty: one is built of the model."""
    base_image: str = ""
    """What the image is built on; empty: the slim image of the model's Python."""
    wheels: str = ""
    """Folder of wheels that all packages are taken from."""
    lock: bool = True
    """Resolve all packages to one version each."""
    build_network: str = ""
    """Network of the build."""
    trust: bool = False
    """Let code of the model run."""
    require_signature: bool = False
    """Only a model that a trusted key has signed."""
    workers: Annotated[int, Meta(ge=1, le=256)] = 1
    """Processes that predict, in the container."""
    port: Annotated[int, Meta(ge=0, le=65_535)] = 0
    """TCP port on this machine; 0: a free one."""
    network: str = ""
    """Network of the container, such as host; empty: the engine's own."""
    memory: Annotated[str, Meta(pattern=r"^[1-9][0-9]*[kmg]$")] = "2g"
    """Memory that it may use, without swapping."""
    cpus: Annotated[float, Meta(gt=0)] | None = None
    """Processors that it may use."""
    restart: bool = True
    """Let the engine start it again when it dies, and with the machine."""
    start_timeout: Annotated[float, Meta(gt=0)] = 120.0
    """Seconds until it must answer."""

    @property
    def limits(self) -> Limits:
        """For the container."""
        return Limits(
            memory=self.memory, cpus=self.cpus, network=self.network, restart=self.restart
        )


def read_settings(texts: Mapping[str, str]) -> DockerConfig:
    """Settings from their texts.

    Raises:
        InvalidInput: one is unknown, or its value doesn't fit.
    """
    settings = read_config(DockerConfig, texts, target=TARGET)
    for image, what in ((settings.image, "image name"), (settings.base_image, "base image")):
        if image:
            image_reference(image, what=what)
    for network in (settings.network, settings.build_network):
        if network:
            network_name(network)
    return settings
