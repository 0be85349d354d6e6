"""``assay server`` and ``assay ui``: serve a store to clients and browsers."""

from __future__ import annotations

import os
import webbrowser
from collections.abc import Callable
from typing import Any

import click

from assay.cli.connection import location_of
from assay.cli.output import say
from assay.client.connect import make_home
from assay.errors import InvalidInput
from assay.server.run import serve
from assay.server.settings import ENVIRONMENT_PREFIX, settings_from_environment


def _shared(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of both commands. Their defaults are those of ``ServerSettings``."""
    options = (
        click.option("--port", "-p", type=click.IntRange(0, 65_535), help="[default: 5000]"),
        click.option(
            "--store",
            "--backend-store-uri",
            "store_uri",
            metavar="URI",
            help="sqlite:///… or postgresql://…  [default: where runs are recorded]",
        ),
        click.option(
            "--artifacts",
            "--artifacts-destination",
            "artifacts_uri",
            metavar="URI",
            help="A folder, s3://…, gs://… or az://…  [default: beside the store]",
        ),
        click.option(
            "--durability",
            type=click.Choice(["normal", "full"]),
            help="full: what was answered survives a power cut too.",
        ),
        click.option("--access-log", is_flag=True, default=None, help="Log each request."),
        click.option(
            "--log-level", type=click.Choice(["critical", "error", "warning", "info", "debug"])
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


@click.command()
@click.option("--host", help="Address to listen on.  [default: 127.0.0.1]")
@click.option("--workers", "-w", type=click.IntRange(1, 256), help="Processes.  [default: 1]")
@click.option(
    "--auth",
    type=click.Choice(["none", "tokens"]),
    help="tokens: everybody signs in, see `assay users`.  [default: none]",
)
@click.option(
    "--insecure",
    is_flag=True,
    default=None,
    help="Listen beyond this machine although nobody has to sign in.",
)
@click.option(
    "--allowed-host", "allowed_hosts", multiple=True, help="A name that clients may use; repeat."
)
@click.option(
    "--allowed-origin", "allowed_origins", multiple=True, help="A foreign page's origin; repeat."
)
@click.option(
    "--webhook-allow",
    "webhook_allow",
    multiple=True,
    help="A host, address or range that webhooks may reach though it isn't public; repeat.",
)
@click.option(
    "--model-root",
    "model_roots",
    multiple=True,
    help="An address below which versions may be registered from (s3://bucket/models); repeat.",
)
@_shared
@click.pass_context
def server(ctx: click.Context, /, **given: Any) -> None:
    """Serve a store: to Assay's and MLflow's clients, and to browsers. Ends with Ctrl-C or SIGTERM.

    Every option may be given as ASSAY_SERVER_<OPTION> too.

    \b
    Examples:
      assay server
      assay server --port 8080 --store postgresql://localhost/assay --artifacts s3://bucket/assay
      assay server --host 0.0.0.0 --allowed-host lab.example.org --auth tokens
    """
    _serve(ctx, given, started=None)


@click.command()
@click.argument("uri", required=False)
@click.option("--no-browser", is_flag=True, help="Don't open the browser.")
@_shared
@click.pass_context
def ui(ctx: click.Context, /, *, uri: str | None, no_browser: bool, **given: Any) -> None:
    """Serve on this machine only, and open the browser.

    URI is a folder or a database, as after --tracking-uri.

    \b
    Examples:
      assay ui
      assay ui ./elsewhere
    """
    if uri is not None:
        ctx.find_root().obj = uri

    def started(url: str) -> None:
        say(f"Assay is at {url} (Ctrl-C ends it)")
        if not no_browser:
            webbrowser.open(url)

    _serve(ctx, {**given, "host": "127.0.0.1"}, started=started)


def _serve(
    ctx: click.Context, given: dict[str, Any], *, started: Callable[[str], None] | None
) -> None:
    options = {name: value for name, value in given.items() if value not in (None, ())}
    location = location_of(ctx)
    if not _is_given(options, "store_uri"):
        if location.kind == "http":
            raise InvalidInput(
                f"{location.shown_uri} is a server already. Name a database with --store."
            )
        if location.kind == "sqlite":
            make_home(location)
        options["store_uri"] = location.tracking_uri
    if not _is_given(options, "artifacts_uri"):
        options["artifacts_uri"] = location.artifact_root or str(location.home / "artifacts")
    serve(settings_from_environment(options), started=started)


def _is_given(options: dict[str, Any], name: str) -> bool:
    return name in options or bool(os.environ.get(ENVIRONMENT_PREFIX + name.upper()))
