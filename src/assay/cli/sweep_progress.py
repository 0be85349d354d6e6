"""The progress of a sweep: a table that redraws itself on a terminal, else a line per trial."""

from __future__ import annotations

import time
from types import TracebackType
from typing import TYPE_CHECKING

import click
from rich.console import Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from assay.cli.output import clean, console
from assay.sweeps.result import shown_cell
from assay.sweeps.run import Progress
from assay.sweeps.space import shown_point
from assay.sweeps.state import TrialResult

if TYPE_CHECKING:
    from typing import Self

_ROWS = 10
"""Trials in the table: what is new, and the best one in any case."""
_STYLES = {"completed": "green", "failed": "red", "pruned": "yellow", "running": "cyan"}


class Quiet:
    """Shows nothing; for output that programs read."""

    run_id = ""
    """Of the parent, once it is known."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave the terminal as it is to be."""

    def show(self, progress: Progress) -> None:
        """Take note of where the sweep stands."""
        self.run_id = progress.run_id


class LinePerTrial(Quiet):
    """A line for each trial that ends."""

    def show(self, progress: Progress) -> None:
        """Print the trial, if one has ended."""
        if not self.run_id:
            click.echo(f"sweep {progress.run_id} ({clean(progress.run_name)})")
        super().show(progress)
        one = progress.changed
        if one is None or one.state == "running":
            return
        best = "  best so far" if _is(one, progress.best) else ""
        click.echo(
            f"trial {one.number} {one.state} {clean(_told(one, progress.spec.metric.name))}"
            f" {clean(shown_point(one.point))} run {one.run_id}{best}"
        )


class LiveTable(Quiet):
    """A table of the latest trials."""

    def __init__(self) -> None:
        self._progress: Progress | None = None
        self._begun = time.monotonic()
        # Draws once when it is made.
        self._live = Live(console=console(), refresh_per_second=8, get_renderable=self._draw)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave the last state on the screen."""
        self._live.stop()

    def show(self, progress: Progress) -> None:
        """Draw it when the screen is refreshed."""
        super().show(progress)
        self._progress = progress

    def _draw(self) -> RenderableType:
        progress = self._progress
        if progress is None:
            return Text("starting …")
        table = Table(title=Text(clean(progress.run_name)), title_justify="left")
        for head in ("trial", "state", progress.spec.metric.name, "parameters"):
            table.add_column(Text(clean(head)), overflow="fold")
        for one in _latest(progress):
            style = "bold green" if _is(one, progress.best) else _STYLES.get(one.state, "")
            table.add_row(
                Text(str(one.number), justify="right"),
                Text(one.state, style=style),
                Text(clean(_told(one)), style=style),
                Text(clean(shown_point(one.point))),
            )
        return Group(table, Text(self._summary(progress)))

    def _summary(self, progress: Progress) -> str:
        ended = sum(one.has_ended for one in progress.trials)
        running = sum(one.state == "running" for one in progress.trials)
        seconds = int(time.monotonic() - self._begun)
        best = progress.best
        told = "" if best is None else f", best {shown_cell(best.value)} (trial {best.number})"
        return f"{ended} of {progress.spec.trials} ended, {running} running, {seconds} s{told}"


def _latest(progress: Progress) -> list[TrialResult]:
    latest = progress.trials[-_ROWS:]
    best = progress.best
    if best is not None and not any(_is(one, best) for one in latest):
        return [best, *latest[1:]]
    return latest


def _is(one: TrialResult, other: TrialResult | None) -> bool:
    return other is not None and one.number == other.number


def _told(one: TrialResult, metric: str = "") -> str:
    """What came of a trial; the value with the metric's name, if that is given."""
    if one.state == "failed":
        return one.reason
    if one.pruned_at is not None:
        return f"at step {one.pruned_at}"
    value = shown_cell(one.value)
    return f"{metric}={value}" if metric and value else value
