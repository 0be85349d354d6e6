"""``assay run``: run a project, here or on a backend, with its log as it comes."""

from __future__ import annotations

import time

import click

from assay.cli.connection import location_of
from assay.cli.output import clean, how_long
from assay.client.client import Client
from assay.entities.tags import PROJECT_REASON
from assay.errors import InvalidInput
from assay.fluent.reading import client_for
from assay.projects.backend_config import read_config
from assay.projects.backends import IN_BACKGROUND
from assay.projects.backends import backend as backend_named
from assay.projects.launch import ENV_MANAGERS, EnvManager, Launch
from assay.projects.launching import launch_backend, prepare, submit

FAILED_EXIT_CODE = 1


@click.command("run")
@click.argument("uri")
@click.option("--entry-point", "-e", default="main", show_default=True, help="Or a script's path.")
@click.option(
    "--param",
    "--param-list",
    "-P",
    "params",
    multiple=True,
    metavar="NAME=VALUE",
    help="A parameter; may be given several times.",
)
@click.option("--version", "-v", help="Commit, tag or branch of a Git repository.")
@click.option(
    "--env-manager",
    type=click.Choice(ENV_MANAGERS),
    help="What makes the environment. Default: what suits the project's files.",
)
@click.option("--backend", "-b", default="local", show_default=True, help="Where it runs.")
@click.option(
    "--backend-config", "-c", metavar="JSON|FILE", help="The backend's own settings, as JSON."
)
@click.option("--experiment-name", help="Where the run belongs; made if it isn't there.")
@click.option("--experiment-id", help="The same, by id.")
@click.option("--run-name", help="Left out, a name is made up.")
@click.option("--run-id", help="Use this run, which exists, instead of a new one.")
@click.option("--timeout", "timeout_s", type=float, default=0, help="Seconds until it is killed.")
@click.option("--storage-dir", help="Folder for what is fetched, instead of a temporary one.")
@click.option(
    "--docker-args",
    "-A",
    multiple=True,
    metavar="NAME[=VALUE]",
    help="An option of the container, for docker and podman.",
)
@click.option("--build-image", is_flag=True, help="Build the image anew, for docker and podman.")
@click.option("--background", is_flag=True, help="Return at once; `assay runs logs -f` follows.")
@click.pass_context
def run_command(
    ctx: click.Context,
    *,
    uri: str,
    entry_point: str,
    params: tuple[str, ...],
    version: str | None,
    env_manager: EnvManager | None,
    backend: str,
    backend_config: str | None,
    experiment_name: str | None,
    experiment_id: str | None,
    run_name: str | None,
    run_id: str | None,
    timeout_s: float,
    storage_dir: str | None,
    docker_args: tuple[str, ...],
    build_image: bool,
    background: bool,
) -> None:
    """Run a project: a folder, a Git repository (URL#subfolder) or a ZIP archive.

    Its environment is made, its command run, and a run recorded with parameters, commit,
    environment and log. The exit code is 0 if the command went well, 1 if not.

    \b
    Examples:
      assay run .
      assay run examples/projects/iris -P max_depth=3
      assay run https://example.org/team/code.git#train -v v1.2 -P lr=0.1 -e fit
      assay run . -e clean.sh --env-manager local
      assay run . --background
    """
    config = read_config(backend_config)
    if docker_args:
        config["docker_args"] = _named(docker_args, "--docker-args", flags=True)
    if build_image:
        config["build_image"] = True
    if storage_dir is not None:
        config["storage_dir"] = storage_dir
    if background and backend in IN_BACKGROUND:
        config["background"] = True
    chosen = backend_named(backend)
    launch = prepare(
        uri,
        entry_point=entry_point,
        version=version,
        parameters=_named(params, "-P"),
        experiment_name=experiment_name,
        experiment_id=experiment_id,
        run_name=run_name,
        run_id=run_id,
        env_manager=env_manager,
        backend=backend,
        timeout_s=timeout_s,
        tracking_uri=location_of(ctx).opening_uri,
    )
    begun = time.time_ns() // 1_000_000
    chosen = launch_backend(chosen, launch)
    submitted = submit(chosen, launch, config, echo=not background)
    if background:
        click.echo(launch.run_id)
        click.echo(f"Follow it with: assay runs logs -f {launch.run_id}", err=True)
        return
    done = submitted.wait()
    _tell(client_for(location_of(ctx)), launch, begun)
    if not done:
        ctx.exit(FAILED_EXIT_CODE)


def _named(texts: tuple[str, ...], option: str, *, flags: bool = False) -> dict[str, object]:
    """``NAME=VALUE`` texts by name."""
    found: dict[str, object] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not name or not (equals or flags):
            raise InvalidInput(f"{option} takes NAME=VALUE, got {text[:80]!r}.")
        if name in found:
            raise InvalidInput(f"{option} gives {name!r} twice.")
        found[name] = value if equals else True
    return found


def _tell(client: Client, launch: Launch, begun: int) -> None:
    run = client.get_run(launch.run_id)
    took = how_long(begun, time.time_ns() // 1_000_000)
    reason = run.data.tags.get(PROJECT_REASON, "")
    why = f": {reason}" if reason else ""
    name = clean(run.info.run_name)
    click.echo(f"{run.info.status.value} {launch.run_id} {name} after {took}{clean(why)}", err=True)
