"""``assay evaluate``: hold a model against thresholds, with a report and an exit code for CI."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import click

from assay.cli.output import Cell, clean, print_json, print_rows, say
from assay.client.tracking_uri import set_tracking_uri
from assay.errors import InvalidInput
from assay.evaluation.inputs import MODEL_TYPES
from assay.evaluation.result import EvaluationResult
from assay.evaluation.thresholds import MetricThreshold, parse_threshold
from assay.fluent import evaluate as fluent
from assay.fluent.experiments import set_experiment
from assay.fluent.log import flush_async_logging

_MODULE = "assay_evaluated_model"


@click.command()
@click.option("--model", "-m", help="URI of a model, or file.py:name of a function or model.")
@click.option(
    "--data", "-d", "data", required=True, help="CSV or Parquet file with features and targets."
)
@click.option("--targets", required=True, help="Column of what is true.")
@click.option("--type", "model_type", required=True, type=click.Choice(MODEL_TYPES))
@click.option("--predictions", help="Column of predictions, instead of a model.")
@click.option("--baseline", help="Model to compare with on the same rows; as --model.")
@click.option("--groups", help="Column of queries (ranker) or series (forecaster).")
@click.option("--sample-weight", help="Column of what each row counts.")
@click.option(
    "--threshold",
    "thresholds",
    multiple=True,
    help="What a metric must reach: roc_auc>=0.9, log_loss<=baseline, f1_score>=baseline+1%.",
)
@click.option("--confident", is_flag=True, help="The worse end of the interval must pass.")
@click.option("--slice", "slices", multiple=True, help="Column whose values are told apart.")
@click.option("--confidence", default=0.95, show_default=True, help="Of the intervals.")
@click.option("--bootstrap", default=1_000, show_default=True, help="Resamples; 0: no intervals.")
@click.option("--seed", default=0, show_default=True, help="Of the resamples.")
@click.option("--trust", is_flag=True, help="Let code of the model run when it is loaded.")
@click.option("--log", is_flag=True, help="Keep all of it in a run.")
@click.option("--experiment", help="Experiment of that run.")
@click.option("--report", type=click.Path(dir_okay=False, path_type=Path), help="Write Markdown.")
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for report and plots.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def evaluate(
    ctx: click.Context,
    /,
    *,
    model: str | None,
    baseline: str | None,
    thresholds: tuple[str, ...],
    confident: bool,
    slices: tuple[str, ...],
    trust: bool,
    log: bool,
    experiment: str | None,
    report: Path | None,
    output: Path | None,
    as_json: bool,
    **request: Any,
) -> None:
    """Evaluate a model on a file: exit code 0 if all thresholds are met, 1 if not, 2 for a mistake.

    \b
    Examples:
      assay evaluate -m models:/m-1f3a -d test.csv --targets y --type classifier
      assay evaluate -m score.py:predict -d test.parquet --targets y --type regressor \\
        --baseline runs:/3f2a/model --threshold "r2_score>=baseline" --report report.md
    """
    location = ctx.find_root().obj
    if location is not None:
        set_tracking_uri(location)
    if log and experiment:
        set_experiment(experiment)
    result = fluent.evaluate(
        _model(model),
        request.pop("data"),
        baseline_model=_model(baseline),
        thresholds=_thresholds(thresholds, confident=confident),
        slices=list(slices) or None,
        trust=True if trust else None,
        log=log,
        raise_on_failure=False,
        **request,
    )
    if report is not None:
        report.write_text(result.report(), encoding="utf-8")
    if output is not None:
        result.save(output)
    if as_json:
        print_json(result.to_dict())
    else:
        _show(result)
    if log:
        # Last, because a server that is away must not cost the report.
        flush_async_logging()
    ctx.exit(result.exit_code)


def _thresholds(texts: tuple[str, ...], *, confident: bool) -> dict[str, MetricThreshold]:
    found: dict[str, MetricThreshold] = {}
    for text in texts:
        name, threshold = parse_threshold(text, confident=confident)
        if name in found:
            raise InvalidInput(f"There are two thresholds for {name}; give one.")
        found[name] = threshold
    return found


def _model(text: str | None) -> Any:
    """A URI as it is; of ``file.py:name`` the thing itself."""
    if text is None:
        return None
    file, colon, name = text.rpartition(":")
    if not colon or not file.endswith(".py"):
        return text
    path = Path(file)
    if not path.is_file():
        raise InvalidInput(f"There is no file {file}.")
    spec = importlib.util.spec_from_file_location(f"{_MODULE}_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # Data classes and pickles of the file look their module up here.
    sys.modules[spec.name] = module
    sys.path.insert(0, str(path.resolve().parent))
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise InvalidInput(f"{file} fails: {type(error).__name__}: {error}") from error
    finally:
        sys.path.pop(0)
    if not hasattr(module, name):
        raise InvalidInput(f"{file} defines no {name!r}.")
    return getattr(module, name)


def _show(result: EvaluationResult) -> None:
    baseline = result.baseline
    columns = ["metric", "value", "low", "high"]
    if baseline is not None:
        columns += ["baseline", "difference", "difference_low", "difference_high"]
    print_rows(columns, [_row(result, name) for name in result.metrics])
    if result.slices:
        names = list(dict.fromkeys(name for one in result.slices for name in one.intervals))[:4]
        print_rows(
            ["slice", "rows", *names],
            [
                [str(one), one.rows, *(one.metrics.get(name) for name in names)]
                for one in result.slices
            ],
        )
    for note in result.notes:
        click.echo(f"note: {clean(note)}", err=True)
    for check in result.checks:
        if check.passed:
            say(f"met: {clean(check.metric)} {check.threshold}")
        for failure in check.failures:
            click.echo(f"not met: {clean(failure)}", err=True)
    if result.run_id is not None:
        say(f"run {result.run_id}")


def _row(result: EvaluationResult, name: str) -> list[Cell]:
    value, interval = result.metrics[name], result.intervals.get(name)
    row: list[Cell] = [name, value]
    row += [None, None] if interval is None else [interval.low, interval.high]
    if result.baseline is not None:
        other, change = result.baseline.metrics.get(name), result.baseline.differences.get(name)
        row += [other, None if other is None else value - other]
        row += [None, None] if change is None else [change.low, change.high]
    return row
