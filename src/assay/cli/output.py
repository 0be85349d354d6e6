"""Output: rich tables on a terminal, tab-separated lines in a pipe, JSON and CSV on request.

What users logged is shown as text only: no markup of it is read, and control characters, which
could drive the terminal, are replaced.
"""

from __future__ import annotations

import csv
import json
import math
import sys
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

import click
import msgspec

if TYPE_CHECKING:
    from rich.console import Console

Format = Literal["table", "json", "csv"]
_ALWAYS = 2
"""Columns that are shown however narrow the terminal is."""
_WIDEST = 40
"""Characters after which a column is folded."""
_BORDER = 3
"""Characters between two columns."""

Cell = str | int | float | None


def format_options(command: Any) -> Any:
    """The options ``--json`` and ``--csv``, which set ``output``."""
    as_csv = click.option("--csv", "output", flag_value="csv", help="Print comma-separated values.")
    as_json = click.option(
        "--json", "output", flag_value="json", default="table", help="Print JSON."
    )
    return as_json(as_csv(command))


def is_terminal() -> bool:
    """Whether somebody looks at the output."""
    return sys.stdout.isatty()


def console() -> Console:
    """Where rich things are printed."""
    # 40 ms that only a table on a terminal needs.
    from rich.console import Console

    return Console(highlight=False)


def say(text: str) -> None:
    """One line for a person; what was logged by others goes through ``clean`` first."""
    click.echo(text)


def clean(text: str) -> str:
    """``text`` on one line, without characters that could drive a terminal."""
    return "".join(
        " " if c in "\t\n\r" else "\ufffd" if unicodedata.category(c) in ("Cc", "Cf", "Cs") else c
        for c in text
    )


def cell(value: Cell) -> str:
    """A value as a person reads it; floats with six digits."""
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.6g}"
    return clean(str(value))


def print_rows(
    columns: Sequence[str],
    rows: Iterable[Sequence[Cell]],
    *,
    output: Format = "table",
) -> None:
    """Rows under column heads, in the form asked for. Pipes get whole floats, not six digits."""
    if output == "json":
        print_json([dict(zip(columns, row, strict=True)) for row in rows])
        return
    if output == "csv":
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(["" if v is None else v for v in row] for row in rows)
        return
    if not is_terminal():
        print_tabbed([columns, *rows])
        return
    _draw(columns, list(rows))


def _draw(columns: Sequence[str], rows: list[Sequence[Cell]]) -> None:
    """A table of the columns that fit side by side: squeezed ones can't be read."""
    from rich.table import Table
    from rich.text import Text

    out = console()
    shown = _fitting(columns, rows, width=out.width)
    table = Table()
    for column in columns[:shown]:
        table.add_column(Text(clean(column)), overflow="fold")
    for row in rows:
        table.add_row(
            *(Text(cell(v), justify="right" if _is_number(v) else "left") for v in row[:shown])
        )
    out.print(table)
    if shown < len(columns):
        click.echo(
            f"{len(columns) - shown} more columns don't fit; --json and --csv print all.", err=True
        )


def _fitting(columns: Sequence[str], rows: list[Sequence[Cell]], *, width: int) -> int:
    used = 1
    for place, column in enumerate(columns):
        widest = max([len(column), *(len(cell(row[place])) for row in rows)])
        used += min(widest, _WIDEST) + _BORDER
        if used > width and place >= _ALWAYS:
            return place
    return len(columns)


def print_tabbed(rows: Iterable[Sequence[Cell]]) -> None:
    """Rows as tab-separated lines."""
    for row in rows:
        click.echo("\t".join("" if v is None else clean(str(v)) for v in row))


def print_json(value: Any) -> None:
    """``value`` (structs too) as indented JSON; NaN and ±inf as strings."""
    click.echo(json.dumps(_plain(msgspec.to_builtins(value)), indent=2, ensure_ascii=False))


def _plain(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value


def _is_number(value: Cell) -> bool:
    return isinstance(value, int | float)


def when(time_ms: int | None) -> str:
    """A time, in the zone of this machine."""
    if not time_ms:
        return ""
    try:
        moment = datetime.fromtimestamp(time_ms / 1_000, tz=UTC).astimezone()
    except (OverflowError, ValueError, OSError):
        return str(time_ms)
    return moment.strftime("%Y-%m-%d %H:%M:%S")


def how_long(start_ms: int | None, end_ms: int | None) -> str:
    """The time between two times."""
    if start_ms is None or end_ms is None:
        return ""
    seconds = max(0, end_ms - start_ms) / 1_000
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, seconds = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}"


def size(size_bytes: int | None) -> str:
    """A number of bytes as a person reads it."""
    if size_bytes is None:
        return ""
    amount = float(size_bytes)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1_000:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1_000
    return f"{amount:.1f} TB"
