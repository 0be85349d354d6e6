"""``assay models build-docker`` and ``generate-dockerfile``: a model as a container image."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from assay.cli.models_environment import tell
from assay.cli.models_place import URI_HELP, at_place, signature_option, whole_uri
from assay.cli.output import clean, say

_DEFAULT_NAME = "mlflow-pyfunc-servable"
_DEFAULT_FOLDER = "mlflow-dockerfile"
_BUILDERS = ["docker", "podman", "buildah"]


def _shared(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of both commands."""
    options = (
        click.option("--model-uri", "-m", "uri", required=True, help=URI_HELP),
        click.option(
            "--env-manager",
            type=click.Choice(["local", "uv", "virtualenv"]),
            help="All the same: an image has one environment, the model's, and uv makes it.",
        ),
        click.option(
            "--base-image",
            help="Image with the model's Python; name@sha256:… pins it. Default: Python's slim"
            " image.",
        ),
        click.option(
            "--install-java",
            is_flag=False,
            flag_value=True,
            default=None,
            type=bool,
            help="Whether the image has Java. Default: if the model's packages need it.",
        ),
        click.option(
            "--wheels",
            type=click.Path(exists=True, file_okay=False, path_type=Path),
            help="Folder of wheels, with one of uv, to take all packages from: the build then"
            " fetches nothing.",
        ),
        click.option(
            "--lock/--no-lock",
            default=True,
            show_default=True,
            help="Resolve all packages to one version each, with digests.",
        ),
        click.option(
            "--workers",
            "-w",
            type=click.IntRange(1, 256),
            default=1,
            show_default=True,
            help="Processes that predict, in each container.",
        ),
        click.option("--trust", is_flag=True, help="Let code of the model run."),
        signature_option,
    )
    for option in reversed(options):
        command = option(command)
    return command


@click.command("generate-dockerfile")
@click.option(
    "--output-directory",
    "-d",
    type=click.Path(file_okay=False, path_type=Path),
    default=_DEFAULT_FOLDER,
    show_default=True,
    help="Folder to write. One that was made like this before is replaced.",
)
@_shared
@click.pass_context
def generate_dockerfile(
    ctx: click.Context, /, *, uri: str, output_directory: Path, **given: Any
) -> None:
    """Write a folder with a Dockerfile and all that the image of a model is made of.

    The same model gives the same bytes. The image answers on port 8080, as a user that isn't root;
    while it is built, the model's golden predictions are replayed in it.

    \b
    Examples:
      assay models generate-dockerfile -m models:/digits/Production -d digits-image
      docker build -t digits digits-image
    """
    from assay.deployments.image.making import generate_dockerfile as generate

    with at_place(ctx):
        folder = generate(whole_uri(uri), output_directory, progress=tell, **_options(given))
    say(clean(f"{folder / 'Dockerfile'} is written: docker build -t <name> {output_directory}"))


@click.command("build-docker")
@click.option("--name", "-n", default=_DEFAULT_NAME, show_default=True, help="Of the image.")
@click.option(
    "--builder",
    type=click.Choice(_BUILDERS),
    help="What builds it. Default: the first of these that is there and answers.",
)
@click.option("--network", help="Network of the build, as the builder calls it, such as host.")
@_shared
@click.pass_context
def build_docker(
    ctx: click.Context,
    /,
    *,
    uri: str,
    name: str,
    builder: str | None,
    network: str | None,
    **given: Any,
) -> None:
    """Build an image that answers predictions of a model on port 8080.

    \b
    Examples:
      assay models build-docker -m models:/digits/Production -n digits:7
      assay models build-docker -m runs:/3f2a/model -n digits --builder podman
      docker run --rm -p 127.0.0.1:5001:8080 digits:7
    """
    from assay.deployments.image.making import build_docker as build

    with at_place(ctx):
        made = build(
            whole_uri(uri),
            name,
            builder=builder,
            network=network,
            progress=tell,
            **_options(given),
        )
    say(clean(f"The image {made} is built"))


def _options(given: dict[str, Any]) -> dict[str, Any]:
    return {
        **given,
        "trust": True if given["trust"] else None,
        "require_signature": given["require_signature"] or None,
    }
