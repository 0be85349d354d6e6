"""``assay models predict``: a file of rows, or a request in JSON, through a model."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from assay.cli.models_environment import tell
from assay.cli.models_place import URI_HELP, at_place, found_to_load, signature_option
from assay.cli.output import clean, console, say
from assay.errors import InvalidInput
from assay.fluent.model_places import Place
from assay.fluent.models_predict import EnvManager, interpreter, is_rows, score
from assay.models.batches.predict_file import CHUNK_ROWS, BatchResult, predict_file
from assay.models.batches.predict_file import Progress as Done
from assay.models.mlmodel import Model
from assay.models.signatures.data_types import DataType

_STDIN = "-"


@click.command("predict")
@click.option("--model", "-m", "uri", required=True, help=URI_HELP)
@click.option(
    "--input",
    "-i",
    "source",
    default=_STDIN,
    help="Rows (.parquet, .csv, .jsonl, .json) or a request (.json). Default: standard input.",
)
@click.option(
    "--output",
    "-o",
    "target",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File to write: .parquet, .csv, .jsonl or .json. Default: JSON on standard output.",
)
@click.option(
    "--chunk-rows",
    default=CHUNK_ROWS,
    show_default=True,
    type=click.IntRange(1),
    help="Rows that are predicted at once.",
)
@click.option(
    "--workers", default=1, show_default=True, type=click.IntRange(1, 256), help="Processes."
)
@click.option("--keep", multiple=True, metavar="COL", help="Column to write too.")
@click.option("--keep-all", is_flag=True, help="Write all columns of the input too.")
@click.option("--param", "params", multiple=True, metavar="K=V", help="Param of the model.")
@click.option(
    "--env-manager",
    type=click.Choice(["local", "uv", "conda"]),
    default="local",
    show_default=True,
    help="Predict in this Python, or in the model's own environment.",
)
@click.option("--trust", is_flag=True, help="Let code of the model run.")
@signature_option
@click.pass_context
def predict(
    ctx: click.Context,
    *,
    uri: str,
    source: str,
    target: Path | None,
    chunk_rows: int,
    workers: int,
    keep: tuple[str, ...],
    keep_all: bool,
    params: tuple[str, ...],
    env_manager: EnvManager,
    trust: bool,
    require_signature: bool,
) -> None:
    """Predict a file of any size, or the JSON request on standard input.

    Rows are read, predicted and written chunk by chunk, so memory stays small; the output appears
    whole or not at all.

    \b
    Examples:
      assay models predict -m models:/m-5f3a -i rows.parquet -o predictions.parquet --workers 4
      assay models predict -m runs:/3f2a/model -i rows.csv -o scored.csv --keep id
      echo '{"inputs": [[1.5, 2.0]]}' | assay models predict -m model/
    """
    with at_place(ctx):
        place = found_to_load(uri, require_signature=require_signature)
    allowed = True if trust else None
    given = _params(params, Model.load(place.folder))
    if source == _STDIN or not is_rows(Path(source)):
        text = sys.stdin.read() if source == _STDIN else Path(source).read_bytes()
        answer = score(
            place, text, trust=allowed, env_manager=env_manager, params=given, progress=tell
        )
        _hand_out(answer, target)
        return
    options: dict[str, Any] = {"chunk_rows": chunk_rows, "workers": workers, "params": given}
    options["keep"] = "all" if keep_all else list(keep)
    with interpreter(place, env_manager, trust=allowed, progress=tell) as python:
        options |= {"trust": allowed, "interpreter": python}
        if target is not None:
            result = _predict_rows(place, source, target, options)
            say(
                f"{result.rows:,} rows in {result.seconds:.1f} s"
                f" ({result.rows_per_s:,.0f} rows/s), in {clean(result.target)}"
            )
            return
        with tempfile.TemporaryDirectory(prefix="assay-predict-") as work:
            made = Path(work) / "predictions.json"
            _predict_rows(place, source, made, options)
            _hand_out(made.read_text(encoding="utf-8"), None)


def _predict_rows(place: Place, source: str, target: Path, options: dict[str, Any]) -> BatchResult:
    with _bar() as told:
        return predict_file(
            place.folder, source, target, origin=place.origin, on_progress=told, **options
        )


@contextmanager
def _bar() -> Iterator[Callable[[Done], None]]:
    """A bar on a terminal, nothing in a pipe."""
    out = console()
    with Progress(
        TextColumn("predicting"),
        BarColumn(),
        TextColumn("{task.fields[rows]:,} rows"),
        TimeRemainingColumn(),
        console=out,
        transient=True,
        disable=not out.is_terminal,
    ) as progress:
        task = progress.add_task("", total=1.0, rows=0)

        def told(done: Done) -> None:
            share = done.rows / done.total_rows if done.total_rows else done.fraction
            progress.update(task, completed=share, rows=done.rows)

        yield told


def _hand_out(answer: str, target: Path | None) -> None:
    if target is None:
        say(answer)
    elif target.suffix.lower() != ".json":
        raise InvalidInput(f"The answer to a request is JSON: end {str(target)!r} in .json.")
    else:
        target.write_text(answer, encoding="utf-8")


def _params(texts: Sequence[str], model: Model) -> dict[str, Any]:
    """Params by name. Values are JSON; text where the signature says so, or if they are no JSON."""
    kinds = {spec.name: spec.dtype for spec in model.get_params_schema() or ()}
    found: dict[str, Any] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise InvalidInput(f"--param takes NAME=VALUE, not {text!r}.")
        is_text = kinds.get(name) in (DataType.string, DataType.datetime)
        found[name] = value if is_text else _value(value)
    return found


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
