"""``assay agent``: this machine takes runs from queues and carries them out."""

from __future__ import annotations

import signal
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import click

from assay.cli.connection import location_of
from assay.cli.output import clean, print_json, say
from assay.entities.jobs import Capacity
from assay.errors import PermissionDenied
from assay.models.user_cache import cache_folder
from assay.projects.queue.agent import Agent, Settings, Stopping
from assay.projects.queue.machine import cores, gpu_names, memory_mb

_FAILED = 1


@click.command("agent")
@click.option(
    "--queue",
    "-q",
    "queues",
    multiple=True,
    help="Take jobs of this queue, not of default; repeat.",
)
@click.option("--name", default="", help="What it is called. Default: the machine and the process.")
@click.option("--parallel", "-p", default=1, show_default=True, help="Jobs at once, at most.")
@click.option("--once", is_flag=True, help="End when nothing waits that it could take.")
@click.option(
    "--work", type=click.Path(file_okay=False, path_type=Path), help="Folder for jobs' files."
)
@click.option(
    "--lease", "lease_s", default=60.0, show_default=True, help="Seconds until it counts as lost."
)
@click.option("--poll", "poll_s", default=2.0, show_default=True, help="Seconds between looks.")
@click.option("--cpus", type=float, help="Cores for jobs. Default: those of this machine.")
@click.option("--memory", "memory", type=int, help="Memory for jobs in MB. Default: all.")
@click.option("--gpus", type=int, help="GPUs for jobs. Default: those that are here.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON when it ends.")
@click.pass_context
def agent(
    ctx: click.Context,
    /,
    *,
    queues: tuple[str, ...],
    name: str,
    parallel: int,
    once: bool,
    work: Path | None,
    lease_s: float,
    poll_s: float,
    cpus: float | None,
    memory: int | None,
    gpus: int | None,
    as_json: bool,
) -> None:
    """Take runs from queues of the server, and carry them out on this machine.

    Several agents never run one job twice; what an agent that dies had is run again by another. The
    first Ctrl-C lets jobs finish and takes no more, the second gives them back to the queue, as
    SIGTERM does. With --once the exit code is 1 if a job failed.

    Whoever may write to the server can have this machine run their code, as the user that the agent
    runs as. At a server whose users sign in, its token needs the role agent.

    \b
    Examples:
      assay -t http://tracking.example:5000 agent --queue gpu --parallel 2
      assay agent --queue gpu --queue default --once
    """
    settings = Settings(
        queues=list(queues) or ["default"],
        name=name,
        parallel=parallel,
        once=once,
        lease_s=lease_s,
        poll_s=poll_s,
        capacity=Capacity(
            cpu=cores() if cpus is None else cpus,
            memory_mb=memory_mb() if memory is None else memory,
            gpu=len(gpu_names()) if gpus is None else gpus,
        ),
    )
    location = location_of(ctx)
    folder = _work_folder(work)
    worker = Agent(settings, location, work=folder, say=_say(quiet=as_json))
    stopping = Stopping()
    if not as_json:
        named = ", ".join(settings.queues)
        say(f"Agent {clean(worker.name)} takes jobs of {named} at {location.shown_uri}")
    with _signals(stopping):
        left = worker.run(stopping)
    if as_json:
        print_json({"agent": worker.name, "jobs": left})
    else:
        say(_summary(left))
    if once and left["failed"] + left["lost"]:
        ctx.exit(_FAILED)


@contextmanager
def _signals(stopping: Stopping) -> Iterator[None]:
    """While the agent works, signals are wishes to it."""
    handlers = {
        signal.SIGINT: lambda *_: stopping.interrupt(),
        signal.SIGTERM: lambda *_: stopping.terminate(),
    }
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _work_folder(work: Path | None) -> Path:
    try:
        if work is None:
            return cache_folder("agent")
        work.mkdir(mode=0o700, parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=work).close()
    except OSError as error:
        raise PermissionDenied(
            f"The folder for jobs' files can't be used: {error}. Choose another with --work."
        ) from error
    return work


def _say(*, quiet: bool) -> Callable[[str], None]:
    def line(text: str) -> None:
        now = datetime.now().astimezone()
        click.echo(f"{now:%H:%M:%S} {clean(text)}", err=quiet)

    return line


def _summary(left: Counter[str]) -> str:
    told = ", ".join(f"{count} {how}" for how, count in sorted(left.items()))
    return f"{left.total()} jobs{': ' + told if told else ''}"
