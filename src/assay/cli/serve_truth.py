"""``assay serve truth``: what turned out, beside what was predicted."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from assay.cli.models_place import at_place
from assay.cli.output import print_json, print_rows
from assay.cli.serve_report import json_option, model_option, since_option, start_ms, tell_note
from assay.errors import InvalidInput

if TYPE_CHECKING:
    from assay.serving.log.truth import Every, Joined, Task


@click.command()
@click.argument("log")
@click.option(
    "--file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    required=True,
    help="CSV or Parquet file with what turned out.",
)
@click.option("--id-column", default="prediction_id", show_default=True, help="Column of the ids.")
@click.option("--label-column", default="label", show_default=True, help="Column of the truths.")
@click.option("--row-column", help="Column with the row's number, of requests with several rows.")
@click.option("--output", "-o", help="Which output of the model is the prediction.")
@click.option(
    "--task",
    type=click.Choice(["auto", "classifier", "regressor"]),
    default="auto",
    show_default=True,
)
@click.option(
    "--every",
    type=click.Choice(["all", "hour", "day", "week"]),
    default="all",
    show_default=True,
    help="How long a period of the report is.",
)
@since_option
@model_option
@json_option
@click.pass_context
def truth(
    ctx: click.Context,
    /,
    *,
    log: str,
    file: Path,
    id_column: str,
    label_column: str,
    row_column: str | None,
    output: str | None,
    task: str,
    every: str,
    since: str | None,
    model: str | None,
    as_json: bool,
) -> None:
    """Join what turned out to logged predictions, and measure each version, shadows too.

    Ids are those of the response header x-assay-prediction-id; clients may choose them by sending
    x-request-id.

    \b
    Examples:
      assay serve truth ./log --file outcomes.csv
      assay serve truth s3://bucket/log --file labels.parquet --label-column churned --every week
    """
    from assay.serving.log.places import place_to_read
    from assay.serving.log.reading import read_log
    from assay.serving.log.truth import joined_report

    known = _truths(file, id_column=id_column, label_column=label_column, row_column=row_column)
    with at_place(ctx):
        logs = read_log(
            place_to_read(log), since_ms=start_ms(since), model=model, prefixes=("output.",)
        )
    if len(logs) != 1:
        names = ", ".join(repr(one.model) for one in logs)
        raise InvalidInput(
            f"The log has several models: choose by --model one of {names}."
            if logs
            else "The log has no predictions of that time."
        )
    joined = joined_report(
        logs[0],
        known,
        every=cast("Every", every),
        task=None if task == "auto" else cast("Task", task),
        output=output,
    )
    if as_json:
        print_json(joined)
    else:
        _print_joined(joined)


def _truths(
    file: Path, *, id_column: str, label_column: str, row_column: str | None
) -> dict[tuple[str, int], Any]:
    """Truths by id and row, the last of each in the file."""
    names = [id_column, label_column, *([row_column] if row_column else [])]
    columns = _columns(file, names)
    labels = columns[label_column]
    if all(isinstance(one, str) for one in labels):
        labels = _numbers_if_all_are(labels)
    rows = columns[row_column] if row_column else [0] * len(labels)
    found = {}
    for request, label, row in zip(columns[id_column], labels, rows, strict=True):
        if label is None or label == "":
            continue
        try:
            found[str(request), int(row)] = label
        except (TypeError, ValueError):
            raise InvalidInput(f"{file}: {row!r} is no number of a row.") from None
    return found


def _columns(file: Path, names: list[str]) -> dict[str, list[Any]]:
    if file.suffix.lower() == ".parquet":
        from assay.serving.log.parts import arrow

        pa = arrow()
        import pyarrow.parquet as pq

        try:
            known = pq.read_schema(file).names
            _check_names(file, names, known)
            table = pq.read_table(file, columns=names)
        except (pa.ArrowException, OSError) as error:
            raise InvalidInput(f"{file} can't be read: {error}.") from None
        return {name: table[name].to_pylist() for name in names}
    try:
        # Ids may look like numbers, so nothing is guessed.
        with file.open(encoding="utf-8-sig", newline="") as lines:
            reader = csv.DictReader(lines)
            _check_names(file, names, reader.fieldnames or [])
            rows = list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InvalidInput(f"{file} can't be read: {error}.") from None
    return {name: [row[name] for row in rows] for name in names}


def _check_names(file: Path, wanted: list[str], known: Any) -> None:
    for name in wanted:
        if name not in known:
            raise InvalidInput(f"{file} has no column {name!r}, only {', '.join(known)}.")


def _numbers_if_all_are(texts: list[str]) -> list[Any]:
    kinds: tuple[Callable[[str], Any], ...] = (int, float)
    for kind in kinds:
        try:
            return [kind(text) if text else None for text in texts]
        except ValueError:
            continue
    return texts


def _print_joined(joined: Joined) -> None:
    names = list(dict.fromkeys(name for one in joined.reports for name in one.metrics))
    print_rows(
        ("model", "version", "role", "period", "rows", *names),
        [
            (
                one.model,
                one.version,
                "shadow" if one.is_shadow else "answers",
                one.period,
                one.rows,
                *(one.metrics.get(name) for name in names),
            )
            for one in joined.reports
        ],
    )
    for note in dict.fromkeys(one.note for one in joined.reports if one.note):
        tell_note(note)
    tell_note(
        f"{joined.joined:,} of {joined.predictions:,} predictions have a truth;"
        f" {joined.unknown:,} truths have no prediction"
    )
