"""``assay metrics``: figures of a run's metrics, and one metric as a plot or as numbers."""

from __future__ import annotations

import click
import msgspec

from assay.cli.connection import find_run, opened
from assay.cli.output import Format, clean, console, format_options, print_rows, say
from assay.cli.plot import plot
from assay.entities.metrics import MetricSummary, SeriesKey
from assay.entities.runs import Run
from assay.errors import MetricNotFound
from assay.store.base import Store

_HEIGHT = 16
_PIPE_WIDTH = 80


@click.group()
def metrics() -> None:
    """Show metrics of a run, as a plot or as numbers."""


@metrics.command("list")
@click.argument("run")
@format_options
@click.pass_context
def list_metrics(ctx: click.Context, run: str, output: Format) -> None:
    """Figures of each metric: points, first, last, lowest, highest, mean.

    \b
    Example:
      assay metrics list 3f2a
    """
    with opened(ctx) as store:
        found = find_run(store, run)
        figures = store.metrics.summaries([found.info.run_id]).get(found.info.run_id, [])
    print_rows(
        ("key", "model", "dataset", "points", "first", "last", "min", "max", "mean", "last_step"),
        [
            (
                one.series.key,
                one.series.model_id,
                one.series.dataset_name,
                one.count,
                one.first,
                one.last,
                one.min,
                one.max,
                one.mean,
                one.last_step,
            )
            for one in sorted(figures, key=lambda one: msgspec.structs.astuple(one.series))
        ],
        output=output,
    )


@metrics.command("show")
@click.argument("run")
@click.argument("key")
@click.option("--from", "first_step", type=int, help="First step to show.")
@click.option("--to", "last_step", type=int, help="Last step to show.")
@click.option("--height", default=_HEIGHT, show_default=True, type=click.IntRange(2, 200))
@format_options
@click.pass_context
def show(
    ctx: click.Context,
    run: str,
    key: str,
    *,
    first_step: int | None,
    last_step: int | None,
    height: int,
    output: Format,
) -> None:
    """Draw a metric over its steps, or print its points as CSV or JSON.

    \b
    Examples:
      assay metrics show 3f2a loss
      assay metrics show 3f2a val/acc --from 100 --csv > acc.csv
    """
    with opened(ctx) as store:
        found = find_run(store, run)
        run_id = found.info.run_id
        figures = [
            one
            for one in store.metrics.summaries([run_id], [key]).get(run_id, [])
            if one.series.key == key
        ]
        if not figures:
            raise MetricNotFound(run_id, key)
        if output != "table":
            _print_points(store, found, figures, first=first_step, last=last_step, output=output)
            return
        width = console().width if console().is_terminal else _PIPE_WIDTH
        series = store.metrics.buckets(
            [run_id], [key], count=max(10, 2 * width), first_step=first_step, last_step=last_step
        )
    for one in series:
        say(_title(found, one.series))
        for line in plot(
            one.steps.tolist(), one.min.tolist(), one.max.tolist(), width=width, height=height
        ):
            say(line)
        for known in figures:
            if known.series == one.series:
                say(
                    f"{known.count} points, last {known.last:.6g}, min {known.min:.6g},"
                    f" max {known.max:.6g}, mean {known.mean:.6g}"
                )


def _print_points(
    store: Store,
    run: Run,
    figures: list[MetricSummary],
    *,
    first: int | None,
    last: int | None,
    output: Format,
) -> None:
    rows: list[tuple[str | int | float, ...]] = []
    for one in figures:
        history = store.metrics.history(
            run.info.run_id, one.series, first_step=first, last_step=last
        )
        columns = (history.steps.tolist(), history.timestamps.tolist(), history.values.tolist())
        rows += [
            (step, timestamp, value, one.series.model_id, one.series.dataset_name)
            for step, timestamp, value in zip(*columns, strict=True)
        ]
    print_rows(("step", "timestamp", "value", "model", "dataset"), rows, output=output)


def _title(run: Run, series: SeriesKey) -> str:
    names = [series.key, series.model_id, series.dataset_name]
    return clean(f"{run.info.run_name or run.info.run_id}: {' '.join(n for n in names if n)}")
