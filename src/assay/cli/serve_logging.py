"""Options of ``assay serve`` about the prediction log."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from assay.cli.models_environment import tell
from assay.errors import InvalidInput
from assay.serving.settings import ENVIRONMENT_PREFIX, LogSettings

if TYPE_CHECKING:
    from assay.serving.log.writer import PredictionLog
    from assay.serving.process.plan import Plan
    from assay.serving.watching.drift import DriftWatch
    from assay.serving.watching.watch import Watch

_TRAINING = "training"
_KEY_VARIABLE = ENVIRONMENT_PREFIX + "LOG_KEY"


def logging_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of the prediction log."""
    options = (
        click.option(
            "--log-predictions",
            "log_place",
            metavar="PLACE",
            help="Keep requests and predictions as Parquet files, in a folder, an object store"
            " (s3://bucket/log) or, by the word store, with a run of the tracking store.",
        ),
        click.option(
            "--log-sample",
            type=click.FloatRange(0, 1, min_open=True),
            default=1.0,
            show_default=True,
            help="Share of the requests that are logged.",
        ),
        click.option(
            "--log-redact",
            multiple=True,
            metavar="COLUMN",
            help="A column that is never logged; repeat for more.",
        ),
        click.option(
            "--log-hash",
            multiple=True,
            metavar="COLUMN",
            help="A column of which a digest is logged, keyed by ASSAY_SERVE_LOG_KEY; repeat for"
            " more.",
        ),
        click.option("--log-outputs-only", is_flag=True, help="Log predictions without inputs."),
        click.option(
            "--log-every",
            "log_every_s",
            type=click.FloatRange(0.05),
            default=60.0,
            show_default=True,
            help="Seconds after which what was logged can be read.",
        ),
        click.option(
            "--drift-reference",
            metavar="FILE|training",
            help="Compare what is logged with the data in a CSV, Parquet or profile file, or with"
            " the training data set that each version's run logged.",
        ),
        click.option(
            "--alert-drift",
            type=click.FloatRange(0, min_open=True),
            default=0.25,
            show_default=True,
            help="Population stability index of an input from which the registry's webhooks tell.",
        ),
        click.option(
            "--alert-errors",
            type=click.FloatRange(0, 1),
            help="Share of failed predictions, over a minute, from which they tell.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def log_settings(given: dict[str, Any]) -> LogSettings | None:
    """What the options say; ``None``: nothing is logged.

    Raises:
        InvalidInput: options that mean nothing without a log, or contradict each other.
    """
    place = given["log_place"]
    if place is None:
        for name in ("log_redact", "log_hash", "log_outputs_only", "drift_reference"):
            if given[name]:
                option = "--" + name.replace("_", "-")
                raise InvalidInput(f"{option} needs --log-predictions PLACE.")
        return None
    both = sorted(set(given["log_redact"]) & set(given["log_hash"]))
    if both:
        raise InvalidInput(f"The column {both[0]!r} is to be left out and to be hashed: say one.")
    return LogSettings(
        place=place,
        sample=given["log_sample"],
        redact=given["log_redact"],
        hashed=given["log_hash"],
        # Without a key that is kept, digests tell apart within the life of one server.
        hash_key=os.environ.get(_KEY_VARIABLE) or secrets.token_hex(32),
        outputs_only=given["log_outputs_only"],
        part_s=given["log_every_s"],
    )


@contextmanager
def opened_log(
    settings: LogSettings | None, plan: Plan, watch: Watch, given: dict[str, Any]
) -> Iterator[PredictionLog | None]:
    """The log that a server keeps while it runs; ``watch`` is told of drift.

    Raises:
        InvalidInput: nothing can be logged there, or a column to redact is none of the models'.
        MissingExtra: without pyarrow.
    """
    if settings is None:
        yield None
        return
    from assay.serving.log.places import place_to_write
    from assay.serving.log.writer import PredictionLog, check_columns

    check_columns(settings, plan)
    drift = _drift_watch(settings, watch, given)
    with place_to_write(settings.place, plan) as (store, name):
        log = PredictionLog(store, settings, drift)
        tell(f"Predictions are logged; read them with: assay serve report {name}")
        try:
            yield log
        finally:
            log.close()


def _drift_watch(settings: LogSettings, watch: Watch, given: dict[str, Any]) -> DriftWatch | None:
    reference = given["drift_reference"]
    if reference is None:
        return None
    if settings.outputs_only:
        raise InvalidInput("Drift is that of inputs, which --log-outputs-only leaves out.")
    from assay.data.drift import Limits, kolmogorov_smirnov
    from assay.serving.watching.drift import DriftWatch
    from assay.serving.watching.references import TrainingData, profile_in

    kolmogorov_smirnov([0.0], [0.0])  # says now, not in an hour, that SciPy isn't there
    reference_of: Any = TrainingData(tell)
    if reference != _TRAINING:
        profile = profile_in(Path(reference))
        reference_of = lambda *_: profile  # noqa: E731 - the other is a class
    limits = Limits(given["alert_drift"])
    return DriftWatch(reference_of, limits, found=watch.drifted, every_s=settings.part_s)
