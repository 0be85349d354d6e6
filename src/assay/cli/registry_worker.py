"""``assay registry worker``: looks at what requests wait for."""

from __future__ import annotations

import logging
import signal
import threading
from pathlib import Path

import click

from assay.cli.models_place import at_place
from assay.cli.output import print_json, say
from assay.registry.checks import How
from assay.registry.worker import as_worker, run


@click.command("worker")
@click.option("--once", is_flag=True, help="End when nothing waits.")
@click.option("--key", type=click.Path(exists=True, path_type=Path), help="Private key that signs.")
@click.option("--trust", is_flag=True, help="Let code of all models run; they come from others.")
@click.option(
    "--timeout", "timeout_s", default=1_800.0, show_default=True, help="Seconds for one model."
)
@click.option("--poll", "poll_s", default=2.0, show_default=True, help="Seconds between looks.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON when it ends.")
@click.pass_context
def worker(
    ctx: click.Context,
    *,
    once: bool,
    key: Path | None,
    trust: bool,
    timeout_s: float,
    poll_s: float,
    as_json: bool,
) -> None:
    """Replay, re-score, rebuild and sign what requests wait for, in processes of their own.

    Run it where the models' packages are installed. At a server whose users sign in, its token
    needs the role worker. Several workers never look at one request twice.

    \b
    Examples:
      assay -t http://localhost:5000 registry worker --key signing.key
      assay registry worker --once --json
    """
    logging.basicConfig(format="%(asctime)s %(message)s")
    logging.getLogger("assay.registry").setLevel(logging.INFO)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    how = as_worker(How(key=key, trust=True if trust else None, timeout_s=timeout_s))
    with at_place(ctx):
        done = run(how=how, once=once, poll_s=poll_s, stop=stop)
    if as_json:
        print_json({"worker": how.worker, "requests": done})
        return
    say(f"{done} requests looked at")
