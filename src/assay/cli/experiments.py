"""``assay experiments``: list, show, make, rename, delete and restore experiments."""

from __future__ import annotations

import click

from assay.cli.connection import all_experiments, find_experiment, opened
from assay.cli.output import Cell, Format, clean, format_options, print_json, print_rows, say, when
from assay.entities.lifecycle import ViewType


@click.group()
def experiments() -> None:
    """List, make and change experiments. An experiment is named by its name or its id."""


@experiments.command("list")
@click.option("--deleted", is_flag=True, help="Show the experiments in the bin.")
@format_options
@click.pass_context
def list_experiments(ctx: click.Context, deleted: bool, output: Format) -> None:
    """List experiments with the number of their runs, the latest made first.

    \b
    Example:
      assay experiments list
    """
    with opened(ctx) as store:
        view = ViewType.DELETED_ONLY if deleted else ViewType.ACTIVE_ONLY
        found = all_experiments(store, view)
        counts = store.runs.count([one.experiment_id for one in found])
    rows: list[tuple[Cell, ...]] = []
    for one in found:
        by_status = counts.get(one.experiment_id, {})
        text = ", ".join(f"{n} {status.value.lower()}" for status, n in sorted(by_status.items()))
        rows.append(
            (one.experiment_id, one.name, sum(by_status.values()), text, when(one.creation_time))
        )
    print_rows(("experiment_id", "name", "runs", "status", "created"), rows, output=output)


@experiments.command("show")
@click.argument("experiment")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def show(ctx: click.Context, experiment: str, as_json: bool) -> None:
    """Show an experiment with its tags.

    \b
    Example:
      assay experiments show digits
    """
    with opened(ctx) as store:
        found = find_experiment(store, experiment)
    if as_json:
        print_json(found)
        return
    print_rows(
        ("field", "value"),
        [
            ("experiment", found.experiment_id),
            ("name", found.name),
            ("state", found.lifecycle_stage.value),
            ("artifacts", found.artifact_location),
            ("created", when(found.creation_time)),
            ("changed", when(found.last_update_time)),
            *((f"tag {key}", value) for key, value in sorted(found.tags.items())),
        ],
    )


@experiments.command("create")
@click.argument("name")
@click.option("--artifact-location", help="URI of the folder for artifacts of its runs.")
@click.pass_context
def create(ctx: click.Context, name: str, artifact_location: str | None) -> None:
    """Make an experiment and print its id.

    \b
    Example:
      assay experiments create digits
    """
    with opened(ctx) as store:
        made = store.experiments.create(name, artifact_location=artifact_location)
    say(made.experiment_id)


@experiments.command("rename")
@click.argument("experiment")
@click.argument("name")
@click.pass_context
def rename(ctx: click.Context, experiment: str, name: str) -> None:
    """Give an experiment another name.

    \b
    Example:
      assay experiments rename digits "digits, first try"
    """
    with opened(ctx) as store:
        store.experiments.rename(find_experiment(store, experiment).experiment_id, name)


@experiments.command("delete")
@click.argument("experiment", nargs=-1, required=True)
@click.pass_context
def delete(ctx: click.Context, experiment: tuple[str, ...]) -> None:
    """Move experiments and their runs to the bin.

    \b
    Example:
      assay experiments delete digits
    """
    with opened(ctx) as store:
        for one in [find_experiment(store, text) for text in experiment]:
            store.experiments.delete(one.experiment_id)
            say(f"deleted {one.experiment_id} {clean(one.name)}")


@experiments.command("restore")
@click.argument("experiment", nargs=-1, required=True)
@click.pass_context
def restore(ctx: click.Context, experiment: tuple[str, ...]) -> None:
    """Take experiments back from the bin, with the runs that were deleted with them.

    \b
    Example:
      assay experiments restore digits
    """
    with opened(ctx) as store:
        for one in [find_experiment(store, text) for text in experiment]:
            store.experiments.restore(one.experiment_id)
            say(f"restored {one.experiment_id} {clean(one.name)}")
