"""``assay runs``: list, show, compare, delete, restore and export runs; ``diff`` and ``stats`` are
files of their own.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from assay.cli.connection import chosen_experiments, find_run, location_of, opened
from assay.cli.output import (
    Cell,
    Format,
    cell,
    clean,
    format_options,
    how_long,
    print_json,
    print_rows,
    say,
    when,
)
from assay.cli.run_diff import diff
from assay.cli.run_export import export_runs
from assay.cli.run_logs import logs, stop
from assay.cli.run_rows import run_rows, shown_id
from assay.cli.run_stats import stats
from assay.client.connect import resolved_artifact_uri
from assay.entities.lifecycle import ViewType
from assay.entities.runs import Run
from assay.store.base import Query


@click.group()
def runs() -> None:
    """List, compare, delete and export runs.

    A run is named by its id or by the first characters of it, as long as no other run begins like
    that.
    """


@runs.command("list")
@click.option("--experiment", "-e", multiple=True, help="Name or id; may be given several times.")
@click.option("--filter", "filter_", default="", help="As in: metrics.acc > 0.9")
@click.option("--order-by", multiple=True, help="As in: metrics.acc DESC")
@click.option("--limit", "-n", default=50, show_default=True, type=click.IntRange(1, 50_000))
@click.option("--deleted", is_flag=True, help="Show the runs in the bin.")
@format_options
@click.pass_context
def list_runs(
    ctx: click.Context,
    *,
    experiment: tuple[str, ...],
    filter_: str,
    order_by: tuple[str, ...],
    limit: int,
    deleted: bool,
    output: Format,
) -> None:
    """List runs, the latest started first.

    \b
    Examples:
      assay runs list
      assay runs list -e digits --filter "params.lr < 0.1" --order-by "metrics.acc DESC"
      assay runs list --csv > runs.csv
    """
    with opened(ctx) as store:
        query = Query(
            filter=filter_,
            order_by=order_by,
            max_results=limit,
            view=ViewType.DELETED_ONLY if deleted else ViewType.ACTIVE_ONLY,
        )
        found = store.runs.search(chosen_experiments(store, experiment), query)
    columns, rows = run_rows(found.items, output)
    print_rows(columns, rows, output=output)


@runs.command("show")
@click.argument("run")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def show(ctx: click.Context, run: str, as_json: bool) -> None:
    """Show all that a run recorded, but histories.

    \b
    Example:
      assay runs show 3f2a
    """
    with opened(ctx) as store:
        found = find_run(store, run)
        experiment = store.experiments.get(found.info.experiment_id)
    if as_json:
        print_json(found)
        return
    info = found.info
    print_rows(
        ("field", "value"),
        [
            ("run", info.run_id),
            ("name", info.run_name),
            ("experiment", f"{experiment.name} ({info.experiment_id})"),
            ("status", info.status.value),
            ("state", info.lifecycle_stage.value),
            ("user", info.user_id),
            ("started", when(info.start_time)),
            ("ended", when(info.end_time)),
            ("duration", how_long(info.start_time, info.end_time)),
            ("artifacts", resolved_artifact_uri(location_of(ctx), info.artifact_uri)),
            *((f"param {key}", value) for key, value in sorted(found.data.params.items())),
            *((f"metric {key}", value) for key, value in sorted(found.data.metrics.items())),
            *((f"tag {key}", value) for key, value in sorted(found.data.tags.items())),
            *(
                ("input", f"{used.dataset.name} ({used.dataset.digest})")
                for used in found.inputs.dataset_inputs
            ),
            *(("output", made.model_id) for made in found.outputs.model_outputs),
        ],
    )


@runs.command("compare")
@click.argument("run", nargs=-1, required=True)
@click.option("--all", "everything", is_flag=True, help="Also what is the same in all runs.")
@format_options
@click.pass_context
def compare(ctx: click.Context, run: tuple[str, ...], everything: bool, output: Format) -> None:
    """Show runs side by side: params and metrics that differ.

    These are the values of any number of runs; why two of them differ is what `assay runs diff`
    tells.

    \b
    Example:
      assay runs compare 3f2a 91bc
    """
    with opened(ctx) as store:
        found = [find_run(store, text) for text in run]
    rows: list[tuple[Cell, ...]] = [
        ("name", *(one.info.run_name for one in found)),
        ("status", *(one.info.status.value for one in found)),
        ("duration", *(how_long(one.info.start_time, one.info.end_time) for one in found)),
    ]
    for kind in ("params", "metrics"):
        for key in sorted({key for one in found for key in getattr(one.data, kind)}):
            values = [getattr(one.data, kind).get(key) for one in found]
            if everything or any(str(value) != str(values[0]) for value in values):
                rows.append((f"{kind}.{key}", *values))
    heads = [shown_id(one.info.run_id, output) for one in found]
    print_rows(("", *heads), rows, output=output)


@runs.command("delete")
@click.argument("run", nargs=-1, required=True)
@click.pass_context
def delete(ctx: click.Context, run: tuple[str, ...]) -> None:
    """Move runs to the bin; `assay runs restore` takes them back.

    \b
    Example:
      assay runs delete 3f2a 91bc
    """
    _each(ctx, run, verb="delete", done="deleted")


@runs.command("restore")
@click.argument("run", nargs=-1, required=True)
@click.pass_context
def restore(ctx: click.Context, run: tuple[str, ...]) -> None:
    """Take runs back from the bin.

    \b
    Example:
      assay runs restore 3f2a
    """
    _each(ctx, run, verb="restore", done="restored")


def _each(ctx: click.Context, texts: tuple[str, ...], *, verb: str, done: str) -> None:
    with opened(ctx) as store:
        # All are found before the first is changed: a typo in the last changes nothing.
        found: list[Run] = [find_run(store, text) for text in texts]
        change: Any = getattr(store.runs, verb)
        for one in found:
            change(one.info.run_id)
            say(f"{done} {one.info.run_id} {clean(one.info.run_name)}".rstrip())


@runs.command("export")
@click.argument("run", nargs=-1, required=True)
@click.option(
    "--output",
    "-o",
    "folder",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder to write to; made if it isn't there.",
)
@click.pass_context
def export(ctx: click.Context, run: tuple[str, ...], folder: Path) -> None:
    """Write runs as plain files: run.json and metrics.csv with all points, in a folder per run.

    \b
    Example:
      assay runs export 3f2a -o exported/
    """
    with opened(ctx) as store:
        found = [find_run(store, text) for text in run]
        for one, points in export_runs(store, found, folder):
            say(f"{one.info.run_id}\t{cell(points)} points")


runs.add_command(diff)
runs.add_command(logs)
runs.add_command(stats)
runs.add_command(stop)
