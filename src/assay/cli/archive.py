"""``assay export`` and ``assay import``: runs and experiments as one portable file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from rich.progress import Progress

from assay.archive.reading import import_archive
from assay.archive.writing import export_archive
from assay.artifacts.base import ArtifactStore
from assay.cli.connection import chosen_experiments, find_run, location_of, opened
from assay.cli.output import clean, console, say, size
from assay.client.connect import open_run_artifacts
from assay.store.base import Store


@click.command("export")
@click.argument("target", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--experiment", "-e", multiple=True, help="All runs of these; repeat.")
@click.option("--run", "-r", multiple=True, help="These runs as well; repeat.")
@click.pass_context
def export_(
    ctx: click.Context, target: Path, *, experiment: tuple[str, ...], run: tuple[str, ...]
) -> None:
    """Write runs with all points and files into one archive. Without -e and -r: everything.

    \b
    Examples:
      assay export everything.zip
      assay export digits.zip -e digits
    """
    with opened(ctx) as store, _progress("Writing runs") as on_run:
        # All active experiments are meant only where neither option names something.
        experiments = chosen_experiments(store, experiment) if experiment or not run else []
        report = export_archive(
            store,
            _artifacts_of(ctx, store),
            target,
            experiment_ids=experiments,
            run_ids=[find_run(store, text).info.run_id for text in run],
            on_run=on_run,
        )
    for path in report.missing_files:
        click.echo(f"missing, left out: {clean(path)}", err=True)
    say(
        f"{report.runs} runs of {report.experiments} experiments, {report.points:,} points and"
        f" {report.files} files in {report.path} ({size(report.size_bytes)})"
    )


@click.command("import")
@click.argument("source", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--into", metavar="NAME", help="Put all runs into this experiment.")
@click.pass_context
def import_(ctx: click.Context, source: Path, into: str | None) -> None:
    """Read the runs of an archive, under their own ids. Doing it twice changes nothing.

    \b
    Examples:
      assay import digits.zip
      assay -t https://assay.example.org import digits.zip --into "digits, from the laptop"
    """
    if not source.exists():
        raise click.BadParameter(f"{source} isn't there.", param_hint="FILE")
    with opened(ctx) as store, _progress("Reading runs") as on_run:
        report = import_archive(
            store, _artifacts_of(ctx, store), source, experiment_name=into, on_run=on_run
        )
    say(
        f"{report.runs} runs ({report.runs_created} new), {report.points:,} points and"
        f" {report.files} files read from {source}"
    )


def _artifacts_of(ctx: click.Context, store: Store) -> Callable[[str], ArtifactStore]:
    location = location_of(ctx)
    return lambda uri: open_run_artifacts(location, store, uri)


@contextmanager
def _progress(what: str) -> Iterator[Callable[[int, int], None]]:
    out = console()
    with Progress(console=out, transient=True, disable=not out.is_terminal) as progress:
        task = progress.add_task(what, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)
