"""The command line: ``assay``. Each group of commands is a file, loaded when it is asked for.

``assay --help`` must answer at once, so this file imports nothing but click, and the help line of
each command stands here beside the place where it is found. An ``AssayError`` is one line on
stderr and exit code 2.
"""

from __future__ import annotations

import gc
import importlib
from typing import Any, NamedTuple

import click

from assay.errors import AssayError
from assay.version import __version__

__all__ = ["COMMANDS", "cli", "main"]

ERROR_EXIT_CODE = 2
_YOUNG_OBJECTS = 50_000
"""New objects between two searches for garbage, instead of 700: a command makes many while it
imports, all of which stay, and to look through them again and again was a fifth of its time.
"""


class Place(NamedTuple):
    """Where a command is found, and its line in ``assay --help``."""

    module: str
    attribute: str
    summary: str


COMMANDS: dict[str, Place] = {
    "agent": Place("agent", "agent", "Take runs from queues, and carry them out here."),
    "artifacts": Place("artifacts", "artifacts", "List, fetch and add files of a run."),
    "bisect": Place("bisect", "bisect", "Find by running what makes two runs differ."),
    "completion": Place("completion", "completion", "Print the completion script of a shell."),
    "audit": Place("audit", "audit", "Read, export and verify the registry's audit log."),
    "db": Place("db", "db", "Upgrade, check and back up a database."),
    "deployments": Place(
        "deployments", "deployments", "Put models to work here, in containers and on clouds."
    ),
    "doctor": Place("doctor", "doctor", "Explain what is configured and what can be reached."),
    "evaluate": Place(
        "evaluate", "evaluate", "Score a model on data, against thresholds and a baseline."
    ),
    "experiments": Place("experiments", "experiments", "List, make and change experiments."),
    "export": Place("archive", "export_", "Write runs into one portable archive."),
    "freeze": Place(
        "freeze", "freeze_command", "Write all that repeating a run takes into a file."
    ),
    "gc": Place("gc", "gc", "Purge what was deleted, with its files."),
    "import": Place("archive", "import_", "Read the runs of an archive."),
    "metrics": Place("metrics", "metrics", "Show metrics of a run, as a plot or as numbers."),
    "models": Place("models", "models", "Show, verify and run models."),
    "projects": Place("projects", "projects", "Show what a project can run."),
    "queue": Place("queue", "queue", "See and cancel what waits for agents."),
    "registry": Place("registry", "registry", "Register, promote, approve and roll back models."),
    "reproduce": Place(
        "reproduce", "reproduce_command", "Run a run again, and compare what comes out."
    ),
    "run": Place("run", "run_command", "Run a project, here or elsewhere, and record it."),
    "runs": Place("runs", "runs", "List, compare, delete and export runs."),
    "search": Place("search", "search", "Find runs by a filter."),
    "serve": Place("serve", "serve", "Answer predictions with models, and follow the registry."),
    "server": Place("server", "server", "Serve a store to clients and browsers."),
    "status": Place("status", "status", "Show what waits to be delivered."),
    "sweep": Place(
        "sweep", "sweep", "Try many points of a space of parameters, and name the best."
    ),
    "sync": Place("sync", "sync", "Deliver what runs left behind while offline."),
    "ui": Place("server", "ui", "Serve on this machine only, and open the browser."),
    "users": Place("users", "users", "Say who may sign in to a server."),
    "webhooks": Place("webhooks", "webhooks", "Tell other programs what happens in the registry."),
}


class OneLine(click.ClickException):
    """An error as a person at a terminal sees it."""

    exit_code = ERROR_EXIT_CODE


class LazyGroup(click.Group):
    """A group whose commands are imported when they are run."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        place = COMMANDS.get(cmd_name)
        if place is None:
            return None
        command = getattr(importlib.import_module(f"assay.cli.{place.module}"), place.attribute)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name].summary) for name in sorted(COMMANDS)])

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except AssayError as error:
            raise OneLine(" ".join(error.message.split())) from error


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--tracking-uri",
    "-t",
    metavar="URI",
    help="Where runs are recorded: http(s)://…, sqlite:///…, postgresql://… or a folder."
    " Default: ASSAY_TRACKING_URI, MLFLOW_TRACKING_URI, then the nearest .assay folder.",
)
@click.version_option(__version__, prog_name="assay")
@click.pass_context
def cli(ctx: click.Context, tracking_uri: str | None) -> None:
    """Assay records, keeps, searches and compares runs of machine learning.

    \b
    Examples:
      assay runs list --experiment digits
      assay search "metrics.accuracy > 0.9 and params.model = 'svc'"
      assay metrics show 3f2a loss
      assay server --host 0.0.0.0 --auth tokens
    """
    ctx.obj = tracking_uri


def main() -> None:
    """What the console script runs."""
    gc.set_threshold(_YOUNG_OBJECTS)
    cli(prog_name="assay")
