"""The store a command works on: found as every Assay program finds it, open while the command
runs.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import click

from assay.client.connect import open_store
from assay.entities.experiments import Experiment
from assay.entities.ids import ExperimentId, RunId
from assay.entities.lifecycle import ViewType
from assay.entities.runs import Run
from assay.errors import ExperimentNotFound, InvalidInput, RunNotFound
from assay.store.base import Query, Store
from assay.store.uri import Location, resolve_location

WHOLE_ID = 32
"""Characters of an id that a client makes; anything shorter is looked up as a prefix first."""
_SHOWN = 5


def location_of(ctx: click.Context) -> Location:
    """Where ``--tracking-uri``, the environment or the working directory point to."""
    return resolve_location(ctx.find_root().obj)


@contextmanager
def opened(ctx: click.Context) -> Iterator[Store]:
    """The store, closed when the command ends."""
    store = open_store(location_of(ctx))
    try:
        yield store
    finally:
        store.close()


def all_experiments(store: Store, view: ViewType = ViewType.ALL) -> list[Experiment]:
    """Every experiment, page by page."""
    found: list[Experiment] = []
    token: str | None = None
    while True:
        page = store.experiments.search(Query(view=view, max_results=1_000, page_token=token))
        found.extend(page)
        token = page.token
        if token is None:
            return found


def find_experiment(store: Store, text: str) -> Experiment:
    """The experiment with this name or, where no name matches, this id.

    Raises:
        ExperimentNotFound: there is neither.
    """
    named = store.experiments.find(text)
    if named is not None:
        return named
    if not text.isdecimal():
        raise ExperimentNotFound(text)
    return store.experiments.get(ExperimentId(text))


def chosen_experiments(store: Store, texts: tuple[str, ...]) -> list[ExperimentId]:
    """Ids of the experiments named, or of all active ones if none is."""
    if texts:
        return [find_experiment(store, text).experiment_id for text in texts]
    return [found.experiment_id for found in all_experiments(store, ViewType.ACTIVE_ONLY)]


def find_run(store: Store, text: str) -> Run:
    """The run with this id, or the only one whose id begins like this.

    Raises:
        RunNotFound: there is none.
        InvalidInput: several runs begin like this.
    """
    try:
        return store.runs.get(RunId(text))
    except (RunNotFound, InvalidInput):
        if len(text) >= WHOLE_ID or not text.replace("-", "").replace("_", "").isalnum():
            raise
    experiments = [found.experiment_id for found in all_experiments(store)]
    query = Query(
        filter=f"attributes.run_id LIKE '{text}%'", view=ViewType.ALL, max_results=_SHOWN + 1
    )
    runs = [
        run for run in store.runs.search(experiments, query) if run.info.run_id.startswith(text)
    ]
    if not runs:
        raise RunNotFound(text)
    if len(runs) > 1:
        some = ", ".join(run.info.run_id for run in runs[:_SHOWN])
        raise InvalidInput(f"Several run ids begin with {text!r}: {some}. Give more characters.")
    # A search may leave out what only a whole run holds.
    return store.runs.get(runs[0].info.run_id)
