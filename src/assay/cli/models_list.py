"""``assay models list``: the models that runs logged."""

from __future__ import annotations

import click

from assay.cli.connection import chosen_experiments, opened
from assay.cli.output import Cell, Format, format_options, print_rows, when
from assay.entities.logged_models import LoggedModel
from assay.fluent.log_model import ENVIRONMENT_TAG
from assay.fluent.verify_model import VERIFIED_TAG
from assay.store.base import Query

"""``true`` or ``false``: what ``assay models verify`` found last."""


@click.command("list")
@click.option("--experiment", "-e", multiple=True, help="Name or id; may be given several times.")
@click.option("--filter", "filter_", default="", help="As in: name = 'svc' and metrics.acc > 0.9")
@click.option("--limit", "-n", default=50, show_default=True, type=click.IntRange(1, 50_000))
@format_options
@click.pass_context
def list_models(
    ctx: click.Context, *, experiment: tuple[str, ...], filter_: str, limit: int, output: Format
) -> None:
    """List logged models, the latest made first.

    \b
    Examples:
      assay models list -e digits
      assay models list --filter "metrics.accuracy > 0.9" --json
    """
    with opened(ctx) as store:
        experiments = chosen_experiments(store, experiment)
        found: list[LoggedModel] = []
        token: str | None = None
        while len(found) < limit:
            query = Query(
                filter=filter_, max_results=min(limit - len(found), 1_000), page_token=token
            )
            page = store.logged_models.search(experiments, query)
            found += page
            token = page.token
            if token is None:
                break
    metrics = sorted({metric.key for model in found for metric in model.metrics})
    columns = ["model_id", "name", "status", "type", "run", "created", "verified", "environment"]
    rows = [_row(model, metrics) for model in found]
    print_rows([*columns, *(f"metrics.{key}" for key in metrics)], rows, output=output)


def _row(model: LoggedModel, metrics: list[str]) -> list[Cell]:
    values = {metric.key: metric.value for metric in model.metrics}
    status = model.status.name
    return [
        model.model_id,
        model.name,
        status,
        model.model_type,
        model.source_run_id,
        when(model.creation_timestamp),
        model.tags.get(VERIFIED_TAG),
        model.tags.get(ENVIRONMENT_TAG),
        *(values.get(key) for key in metrics),
    ]
