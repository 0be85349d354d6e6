"""``assay models env``: what a model needs to run, and an environment that has it."""

from __future__ import annotations

import click

from assay.cli.models_place import at_place, found
from assay.cli.output import clean, say
from assay.models.environments.environment import Environment


@click.command("env")
@click.argument("uri")
@click.option("--build", "make", is_flag=True, help="Make it, and print its interpreter.")
@click.option(
    "--manager",
    type=click.Choice(["uv", "conda"]),
    default="uv",
    show_default=True,
    help="What makes it.",
)
@click.option("--trust", is_flag=True, help="Install what a model of somebody else names.")
@click.pass_context
def env(ctx: click.Context, uri: str, *, make: bool, manager: str, trust: bool) -> None:
    """Print the requirements of a model, or make its environment and print the interpreter.

    Environments are kept by their content and found again.

    \b
    Examples:
      assay models env models:/m-5f3a > requirements.txt
      assay models env models:/m-5f3a --build
    """
    with at_place(ctx):
        place = found(uri)
    if not make:
        described = Environment.read(place.folder)
        say(f"# Python {described.python}")
        for line in described.requirements:
            say(clean(line))
        for line in described.constraints:
            say(f"# constraint: {clean(line)}")
        return
    from assay.models.environments.interpreter import make_environment

    python = make_environment(
        place.folder,
        manager="conda" if manager == "conda" else "uv",
        trusted=True if trust else None,
        origin=place.origin,
        progress=tell,
    )
    say(str(python))


def tell(line: str) -> None:
    """A step, for whoever looks on; standard output is for what was asked for."""
    click.echo(clean(line), err=True)
