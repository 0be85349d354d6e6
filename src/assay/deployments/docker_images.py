"""Images that the target docker builds, one for each version that a deployment runs."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from assay.containers.builder import build_image
from assay.deployments.containers import Engine
from assay.deployments.docker_settings import PREFIX, DockerConfig
from assay.deployments.image.context import ImageOptions, write_context
from assay.deployments.recording import Meant


def build(engine: Engine, name: str, settings: DockerConfig, meant: Meant) -> str:
    """Build the image of what a deployment is to run; returns its name.

    Raises:
        AssayError: as of ``write_context`` and ``build_image``.
    """
    options = ImageOptions(
        base_image=settings.base_image or None,
        wheels=Path(settings.wheels) if settings.wheels else None,
        lock=settings.lock,
        workers=settings.workers,
        trust=True if settings.trust else None,
        require_signature=settings.require_signature or None,
    )
    # A tag of its own: while the old container runs, its image keeps its name.
    tag = f"{meant.version or 'model'}-{time.time_ns():x}"
    image = f"{PREFIX}{name.lower().replace('_', '-')}:{tag}"
    with tempfile.TemporaryDirectory(prefix="assay-image-") as work:
        context = write_context(meant.pinned, Path(work) / "context", options=options)
        build_image(
            context.folder,
            image,
            builder=engine.builder,
            network=settings.build_network or None,
        )
    return image
