"""``build_docker`` and ``generate_dockerfile``, with MLflow's arguments.

Matched: mlflow/models/python_api.py and cli.py of 3.17. What MLflow has for its own sake
(``mlflow_home``, ``install_mlflow``) has no meaning here and is accepted.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any, Final

from assay.containers.builder import build_image, find_builder
from assay.containers.naming import image_reference
from assay.deployments.image.context import Context, ImageOptions, write_context
from assay.errors import InvalidInput
from assay.models.environments.uv_env import Progress

DEFAULT_NAME: Final = "mlflow-pyfunc"
"""MLflow's."""
DEFAULT_FOLDER: Final = "mlflow-dockerfile"
"""MLflow's."""
_MANAGERS: Final = (None, "local", "uv", "virtualenv")


def generate_dockerfile(  # noqa: PLR0917 - MLflow's order
    model_uri: str | Path | None = None,
    output_directory: str | Path = DEFAULT_FOLDER,
    env_manager: str | None = None,
    mlflow_home: str | None = None,
    install_java: bool | None = None,
    install_mlflow: bool = False,
    base_image: str | None = None,
    *,
    wheels: str | Path | None = None,
    lock: bool = True,
    workers: int = 1,
    trust: bool | None = None,
    require_signature: bool | None = None,
    progress: Progress | None = None,
) -> Path:
    """Write a folder with a Dockerfile, the model and all that its image is made of.

    Args:
        model_uri: the model, as of ``assay.pyfunc.load_model``.
        output_directory: the folder; one that was made like this before is replaced.
        env_manager: ``local``, ``uv`` and ``virtualenv`` are the same here: an image holds one
            environment, which is the model's.
        mlflow_home: no meaning here.
        install_java: whether the image has Java; ``None``: if the model's packages need it.
        install_mlflow: no meaning here.
        base_image: with the model's Python; ``None``: Python's slim image. A digest pins it.
        wheels: a folder of wheels to take all packages from, so that the build fetches nothing.
        lock: resolve all packages to one version each, with digests.
        workers: processes that predict, in each container.
        trust: ``True`` lets code of the model run; ``None``: if this user made it.
        require_signature: only if a trusted key has signed the model.
        progress: told each step, as it begins.

    Returns:
        The folder.

    Raises:
        InvalidInput: an argument, or the model's environment, can't be used for an image.
        AlreadyExists: the folder holds something else.
        UntrustedModel: the model runs code of somebody else.
        EnvironmentFailed: its packages can't be resolved.
    """
    del mlflow_home, install_mlflow
    return _context(
        model_uri,
        output_directory,
        env_manager,
        ImageOptions(
            base_image=base_image,
            wheels=None if wheels is None else Path(wheels),
            lock=lock,
            install_java=install_java,
            workers=workers,
            trust=trust,
            require_signature=require_signature,
        ),
        progress,
    ).folder


def build_docker(  # noqa: PLR0917 - MLflow's order
    model_uri: str | Path | None = None,
    name: str = DEFAULT_NAME,
    env_manager: str | None = None,
    mlflow_home: str | None = None,
    install_java: bool | None = None,
    install_mlflow: bool = False,
    base_image: str | None = None,
    *,
    builder: str | None = None,
    network: str | None = None,
    progress: Progress | None = None,
    **options: Any,
) -> str:
    """Build an image that answers predictions of a model on port 8080.

    Args:
        model_uri: as of ``generate_dockerfile``, whose keyword arguments are taken too.
        name: of the image, with a tag if wanted.
        env_manager: see there.
        mlflow_home: no meaning here.
        install_java: see there.
        install_mlflow: no meaning here.
        base_image: see there.
        builder: ``docker``, ``podman`` or ``buildah``; ``None``: the first that is there.
        network: of the build, as the builder calls it, such as ``host``.
        progress: told each step, and what the builder prints.
        options: ``wheels``, ``lock``, ``workers``, ``trust`` and ``require_signature``.

    Returns:
        The image's name.

    Raises:
        InvalidName: the name can't be one of an image.
        EnvironmentFailed: no builder is there, or a step fails.
        AssayError: as of ``generate_dockerfile``.
    """
    image_reference(name)
    # Before packages are resolved: without a builder all of it would be in vain.
    chosen = find_builder(builder)
    with tempfile.TemporaryDirectory(prefix="assay-image-") as work:
        context = generate_dockerfile(
            model_uri,
            Path(work) / "context",
            env_manager,
            mlflow_home,
            install_java,
            install_mlflow,
            base_image,
            progress=progress,
            **options,
        )
        build_image(context, name, builder=chosen, network=network, progress=progress)
    return name


def _context(
    model_uri: str | Path | None,
    folder: str | Path,
    env_manager: str | None,
    options: ImageOptions,
    progress: Progress | None,
) -> Context:
    if model_uri is None:
        raise InvalidInput(
            "Which model? An image holds the model and exactly what that needs: name it with -m."
        )
    if env_manager not in _MANAGERS:
        raise InvalidInput(
            f"An image's environment is made by uv, not by {env_manager!r}; leave --env-manager"
            " out."
        )
    return write_context(model_uri, folder, options=options, progress=progress)
