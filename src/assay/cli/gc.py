"""``assay gc``: purge what is in the bin, files first.

Files go before rows: a ``gc`` that is killed leaves rows, which the next one finds. Files that are
missing are fine; where files can't be deleted the rows stay, so that nobody forgets them, and
everything else goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import click

from assay.artifacts.uri import open_artifact_store
from assay.cli.ages import age_ms
from assay.cli.connection import find_experiment, find_run, location_of
from assay.cli.output import Format, clean, format_options, print_rows, say
from assay.client.connect import open_store
from assay.entities.ids import ExperimentId, RunId
from assay.entities.names import ArtifactPath, artifact_path
from assay.errors import ArtifactNotFound, AssayError, InvalidInput
from assay.store.sql.purge import (
    Purgeable,
    find_purgeable,
    purge_experiments,
    purge_models,
    purge_runs,
)
from assay.store.sql.store import SqlStore
from assay.store.uri import Location


class SomeFilesStay(AssayError):
    """Not everything could be purged."""


@click.command()
@click.option("--older-than", metavar="AGE", help="Only what was deleted so long ago: 30d, 12h.")
@click.option("--experiment", "-e", multiple=True, help="Only these deleted experiments; repeat.")
@click.option("--run", "-r", multiple=True, help="Only these deleted runs; repeat.")
@click.option("--yes", "-y", is_flag=True, help="Purge. Without it, only say what would go.")
@format_options
@click.pass_context
def gc(
    ctx: click.Context,
    /,
    *,
    older_than: str | None,
    experiment: tuple[str, ...],
    run: tuple[str, ...],
    yes: bool,
    output: Format,
) -> None:
    """Purge what was deleted, with its files. Says what would go, unless --yes is given.

    What holds the files of a registered version stays until that version is deleted. That is no
    failure, unless it was named.

    \b
    Examples:
      assay gc --older-than 30d
      assay gc --older-than 30d --yes
      assay gc --experiment digits --run 3f2a --yes
    """
    location = location_of(ctx)
    if location.kind == "http":
        raise InvalidInput(
            f"{location.shown_uri} is a server."
            " Run `assay gc` on its machine, with -t and its database."
        )
    store = open_store(location)
    assert isinstance(store, SqlStore)
    try:
        found = _found(store, older_than=older_than, experiments=experiment, runs=run)
        print_rows(("kind", "id", "files"), list(_rows(found)), output=output)
        for ident, version in found.kept.items():
            click.echo(clean(f"{ident} stays: models:/{version} has its files there"), err=True)
        if yes:
            _purge(store, location, found)
            if found.kept and (experiment or run):
                raise SomeFilesStay(
                    f"Of what was named, {len(found.kept)} stay: delete the versions first."
                )
        elif output == "table":
            click.echo("Nothing was purged; --yes purges it.", err=True)
    finally:
        store.close()


def _found(
    store: SqlStore, *, older_than: str | None, experiments: tuple[str, ...], runs: tuple[str, ...]
) -> Purgeable:
    named: list[ExperimentId] = [find_experiment(store, e).experiment_id for e in experiments]
    run_ids: list[RunId] = [find_run(store, text).info.run_id for text in runs]
    anything = not named and not run_ids
    return find_purgeable(
        store.database,
        older_than_ms=age_ms(older_than) if older_than else 0,
        experiment_ids=None if anything else named,
        run_ids=None if anything else run_ids,
    )


def _rows(found: Purgeable) -> Iterator[tuple[str, str, str]]:
    yield from (("run", ident, uri) for ident, uri in found.runs.items())
    yield from (("logged model", ident, uri) for ident, uri in found.models.items())
    yield from (("experiment", ident, uri) for ident, uri in found.experiments.items())


def _purge(store: SqlStore, location: Location, found: Purgeable) -> None:
    runs, models, removed = dict(found.runs), dict(found.models), 0
    for experiment_id, uri in found.experiments.items():
        inside = find_purgeable(store.database, experiment_ids=[experiment_id])
        things = [*inside.runs.items(), *inside.models.items()]
        gone = [_remove(location, ident, place) for ident, place in things]
        for run_id in inside.runs:
            runs.pop(run_id, None)
        for model_id in inside.models:
            models.pop(model_id, None)
        if all(gone) and _remove(location, experiment_id, uri, own_folder_only=True):
            purge_experiments(store.database, [experiment_id])
            removed += 1 + len(things)
    removed += purge_runs(
        store.database, [i for i, uri in runs.items() if _remove(location, i, uri)]
    )
    removed += purge_models(
        store.database, [i for i, uri in models.items() if _remove(location, i, uri)]
    )
    total = len(found.runs) + len(found.models) + len(found.experiments)
    say(f"Purged {removed} of {total}.")
    if removed < total:
        raise SomeFilesStay(f"{total - removed} stay, because files couldn't be deleted.")


def _remove(location: Location, ident: str, uri: str, *, own_folder_only: bool = False) -> bool:
    """Delete the files at ``uri``; whether none are left. Where they fail to go, it says why."""
    try:
        _remove_files(location, ident, uri, own_folder_only=own_folder_only)
    except (AssayError, OSError) as error:
        click.echo(f"{ident}: its files at {clean(uri)} stay: {clean(str(error))}", err=True)
        return False
    return True


def _remove_files(location: Location, ident: str, uri: str, *, own_folder_only: bool) -> None:
    # The folder that carries the id goes whole, from the folder above; of any other, what it holds.
    above, _, _ = uri.removesuffix("/artifacts").rpartition("/")
    own = uri.removesuffix("/artifacts").endswith(f"/{ident}") and above not in ("", "file://")
    if own and above.endswith(":"):
        above += "/"
    store = open_artifact_store(above if own else uri, root=location.artifact_root)
    if own:
        _forgiving(store.delete, artifact_path(ident))
        return
    if own_folder_only:
        return  # The place of an experiment may be shared with others.
    for one in store.list(artifact_path("", allow_root=True)):
        _forgiving(store.delete, one.path)


def _forgiving(delete: Callable[[ArtifactPath], None], target: ArtifactPath) -> None:
    try:
        delete(target)
    except ArtifactNotFound:
        return  # Missing is what was wanted.
