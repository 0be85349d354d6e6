"""``assay search``: runs that match a filter."""

from __future__ import annotations

import click

from assay.cli.connection import chosen_experiments, opened
from assay.cli.output import Format, format_options, print_rows
from assay.cli.run_rows import run_rows
from assay.entities.lifecycle import ViewType
from assay.store.base import Query


@click.command()
@click.argument("filter_", metavar="FILTER")
@click.option("--experiment", "-e", multiple=True, help="Name or id; default: all active ones.")
@click.option("--order-by", "-o", multiple=True, help="As in: metrics.acc DESC")
@click.option("--limit", "-n", default=100, show_default=True, type=click.IntRange(1, 50_000))
@click.option("--deleted", is_flag=True, help="Search the bin.")
@format_options
@click.pass_context
def search(
    ctx: click.Context,
    filter_: str,
    *,
    experiment: tuple[str, ...],
    order_by: tuple[str, ...],
    limit: int,
    deleted: bool,
    output: Format,
) -> None:
    """Find runs by their metrics, params, tags and attributes.

    \b
    Examples:
      assay search "metrics.accuracy > 0.9 and params.model = 'svc'"
      assay search "params.lr < 0.1 or tags.team = 'a'" -o "metrics.loss ASC" -n 10
      assay search "attributes.status = 'FAILED' and start_time > now - 7d" --json
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
    if found.token is not None:
        click.echo(f"The first {limit} are shown; --limit shows more.", err=True)
