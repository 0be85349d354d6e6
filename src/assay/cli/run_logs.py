"""``assay runs logs`` and ``assay runs stop``: follow a run of a project, and end it."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

import click

from assay.cli.connection import find_run, location_of
from assay.cli.output import clean, is_terminal, say
from assay.entities.runs import Run
from assay.entities.tags import PROJECT_BACKEND
from assay.errors import ArtifactNotFound, InvalidInput

if TYPE_CHECKING:
    from assay.client.client import Client
    from assay.projects.backends.base import SubmittedRun

_LOOK_S = 1.0


@click.command("logs")
@click.argument("run")
@click.option("--follow", "-f", is_flag=True, help="Go on until the run has ended.")
@click.pass_context
def logs(ctx: click.Context, run: str, follow: bool) -> None:
    """Print what a run's program printed.

    While a program runs its log is published every few seconds.

    \b
    Examples:
      assay runs logs 3f2a
      assay runs logs -f 3f2a
    """
    # Half the time of the other commands on runs, which don't need it.
    from assay.client.client import Client

    client = Client.at(location_of(ctx))
    try:
        ident = find_run(client.store, run).info.run_id
        shown = 0
        while True:
            found = client.get_run(ident)
            # The status first: what is printed after it is in the log that is read now.
            has_ended = found.info.status.is_final
            shown += _print_from(client, found, shown, whole=has_ended or not follow)
            if has_ended or not follow:
                break
            _note_if_lost(client, found)
            time.sleep(_LOOK_S)
    finally:
        client.close()
    if not shown and not follow:
        click.echo("The run has printed nothing yet, or its output wasn't kept.", err=True)


def _print_from(client: Client, run: Run, shown: int, *, whole: bool) -> int:
    """Print the lines behind the first ``shown`` ones; returns how many."""
    from assay.context.capture import OUTPUT_PATH

    try:
        content = client.read_artifact(run.info.run_id, OUTPUT_PATH)
    except ArtifactNotFound:
        return 0
    lines = content.decode("utf-8", "replace").split("\n")
    # The last one may go on.
    new = lines[shown:] if whole else lines[shown:-1]
    if new and whole and not new[-1]:
        new.pop()
    for line in new:
        sys.stdout.write(f"{clean(line) if is_terminal() else line}\n")
    sys.stdout.flush()
    return len(new)


def _note_if_lost(client: Client, run: Run) -> None:
    """A run whose process was killed is marked by whoever asks: nobody else would."""
    attached = _attached(client, run)
    if attached is not None:
        attached.get_status()


@click.command("stop")
@click.argument("run")
@click.pass_context
def stop(ctx: click.Context, run: str) -> None:
    """End a run of a project that goes on in the background, and all that it started.

    \b
    Example:
      assay runs stop 3f2a
    """
    # Half the time of the other commands on runs, which don't need it.
    from assay.client.client import Client

    client = Client.at(location_of(ctx))
    try:
        found = find_run(client.store, run)
        if found.info.status.is_final:
            say(f"{found.info.run_id} has ended already: {found.info.status.value}")
            return
        attached = _attached(client, found)
        if attached is None:
            raise InvalidInput(
                f"Run {found.info.run_id} can't be ended from here: it was not started by"
                " `assay run --background` or with a backend that can."
            )
        attached.cancel()
        say(f"{found.info.run_id} {attached.get_status()}")
    finally:
        client.close()


def _attached(client: Client, run: Run) -> SubmittedRun | None:
    from assay.projects.backends import backend
    from assay.projects.backends.base import SupportsAttach

    name = run.data.tags.get(PROJECT_BACKEND)
    place = None if name is None else backend(name)
    if not isinstance(place, SupportsAttach):
        return None
    try:
        return place.attach(run, client)
    except InvalidInput:
        return None
