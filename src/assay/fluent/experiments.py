"""Experiments: which one runs go to, and the rest that MLflow's fluent functions do with them."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from assay.client.client import Client
from assay.client.client_experiments import DEFAULT_PAGE
from assay.client.tracking_uri import current_location
from assay.entities import limits
from assay.entities.experiments import Experiment
from assay.entities.ids import (
    DEFAULT_EXPERIMENT_ID,
    DEFAULT_EXPERIMENT_NAME,
    ExperimentId,
    check_experiment_id,
    new_experiment_id,
)
from assay.entities.lifecycle import LifecycleStage, ViewType
from assay.entities.names import check_experiment_name
from assay.entities.operations import EnsureExperiment, SetExperimentTags
from assay.errors import AlreadyExists, InactiveResource, InvalidInput, StoreUnavailable
from assay.fluent.active import here
from assay.fluent.notebook import ExperimentList, TrackedExperiment
from assay.fluent.reading import client_for, current_recorder
from assay.store.uri import Location

_log = logging.getLogger(__name__)

ID_VARIABLE = "ASSAY_EXPERIMENT_ID"
NAME_VARIABLE = "ASSAY_EXPERIMENT_NAME"
MAX_EXPERIMENTS = 100_000
"""What ``search_experiments`` returns at most when no number is asked for."""


class Choice(msgspec.Struct, frozen=True):
    """An experiment that runs go to."""

    experiment: Experiment
    is_certain: bool = True
    """False while the store could not be asked: operations then name it by name."""

    @property
    def operation_id(self) -> str:
        """The id for operations; empty while only the name is sure."""
        return self.experiment.experiment_id if self.is_certain else ""

    @property
    def operation_name(self) -> str:
        """The name for operations, where the id is not sure."""
        return "" if self.is_certain else self.experiment.name


_active: dict[Location, Choice] = {}
_known: dict[tuple[Location, str], Choice] = {}
_deleted: set[tuple[Location, str]] = set()


def set_experiment(
    experiment_name: str | None = None, experiment_id: str | None = None
) -> Experiment:
    """Send runs that start from now on to this experiment; one with a new name is made.

    With the store out of reach the name is noted and the experiment made at delivery; the id that
    is returned then holds unless another program makes the same name first.

    Raises:
        InvalidInput: neither or both of name and id are given, or the name can't be one.
        ExperimentNotFound: there is none with this id.
        InactiveResource: it is deleted.
    """
    if (experiment_name is None) == (experiment_id is None):
        raise InvalidInput("Give exactly one of experiment_name and experiment_id.")
    location = current_location()
    if experiment_id is not None:
        choice = _by_id(location, str(experiment_id))
    else:
        choice = _by_name(location, str(experiment_name))
    _active[location] = choice
    # Programs that this one starts log to the same experiment.
    os.environ[ID_VARIABLE] = choice.experiment.experiment_id
    return TrackedExperiment.of(choice.experiment)


def chosen_experiment(experiment_id: str | None = None) -> Choice:
    """The experiment for a new run: the one named, the one set, the environment's, else
    "Default".
    """
    location = current_location()
    if experiment_id is not None:
        return _by_id(location, str(experiment_id))
    active = _active.get(location)
    if active is not None:
        if (location, active.experiment.experiment_id) in _deleted:
            raise InactiveResource("experiment", active.experiment.name)
        return active
    return _from_environment(location) or Choice(_default(location))


def _default(location: Location) -> Experiment:
    return Experiment(
        experiment_id=DEFAULT_EXPERIMENT_ID,
        name=DEFAULT_EXPERIMENT_NAME,
        artifact_location=f"mlflow-artifacts:/{DEFAULT_EXPERIMENT_ID}",
    )


def _from_environment(location: Location) -> Choice | None:
    variables = os.environ
    if ident := variables.get(ID_VARIABLE):
        return _by_id(location, ident)
    if name := variables.get(NAME_VARIABLE):
        return _by_name(location, name)
    ident, name = variables.get("MLFLOW_EXPERIMENT_ID"), variables.get("MLFLOW_EXPERIMENT_NAME")
    if name:
        choice = _by_name(location, name)
        if ident and choice.is_certain and choice.experiment.experiment_id != ident:
            raise InvalidInput(
                f"MLFLOW_EXPERIMENT_ID is {ident}, but the experiment {name!r} of"
                f" MLFLOW_EXPERIMENT_NAME has the id {choice.experiment.experiment_id}."
            )
        return choice
    return _by_id(location, ident) if ident else None


def _by_id(location: Location, experiment_id: str) -> Choice:
    ident = check_experiment_id(experiment_id)
    if ident == DEFAULT_EXPERIMENT_ID:
        return Choice(_default(location))
    return _ask(location, f"id {ident}", Experiment(ident, "", ""), name=None)


def _by_name(location: Location, name: str) -> Choice:
    check_experiment_name(name)
    return _ask(location, f"name {name}", Experiment(new_experiment_id(), name, ""), name=name)


def _ask(location: Location, key: str, fallback: Experiment, *, name: str | None) -> Choice:
    """The experiment as the store knows it, remembered; ``fallback`` while the store is away."""
    known = _known.get((location, key))
    if known is not None:
        return known
    client = client_for(location)
    try:
        if name is None:
            found = client.get_experiment(fallback.experiment_id)
        else:
            found = _find_or_create(client, name)
    except StoreUnavailable as error:
        # Remembered, so that runs don't wait again for a store that is away.
        _log.warning("The experiment is settled at delivery: %s", error.message)
        choice = _known[location, key] = _unasked(fallback, by_name=name is not None)
        return choice
    if found.lifecycle_stage != LifecycleStage.ACTIVE:
        raise InactiveResource("experiment", found.name)
    choice = _known[location, key] = Choice(found)
    return choice


def _unasked(fallback: Experiment, *, by_name: bool) -> Choice:
    if not by_name:
        return Choice(fallback)
    current_recorder().append(EnsureExperiment(fallback.name, fallback.experiment_id))
    return Choice(fallback, is_certain=False)


def _find_or_create(client: Client, name: str) -> Experiment:
    found = client.get_experiment_by_name(name)
    if found is not None:
        return found
    try:
        return client.get_experiment(client.create_experiment(name))
    except AlreadyExists:
        # Another process was faster.
        found = client.get_experiment_by_name(name)
        if found is None:
            raise
        return found


def create_experiment(
    name: str,
    artifact_location: str | None = None,
    tags: Mapping[str, Any] | None = None,
) -> ExperimentId:
    """Make an experiment and return its id; it does not become the active one.

    Raises:
        AlreadyExists: the name is taken, by a deleted experiment too.
    """
    return client_for().create_experiment(name, artifact_location, tags)


def get_experiment(experiment_id: str) -> Experiment:
    """The experiment, deleted or not. Raises ``ExperimentNotFound``."""
    return TrackedExperiment.of(client_for().get_experiment(experiment_id))


def get_experiment_by_name(name: str) -> Experiment | None:
    """The experiment with this name, deleted or not; ``None`` if there is none."""
    found = client_for().get_experiment_by_name(name)
    return None if found is None else TrackedExperiment.of(found)


def search_experiments(
    view_type: int = ViewType.ACTIVE_ONLY,
    max_results: int | None = None,
    filter_string: str | None = None,
    order_by: Sequence[str] | None = None,
) -> list[Experiment]:
    """All experiments that match, the latest made first unless ordered otherwise.

    Raises:
        InvalidFilter: the filter or order doesn't parse.
    """
    client = client_for()
    left = MAX_EXPERIMENTS if max_results is None else max_results
    found = ExperimentList()
    token: str | None = None
    while left > 0:
        page = client.search_experiments(
            view_type,
            min(left, DEFAULT_PAGE),
            filter_string,
            order_by,
            token,
        )
        found.extend(page)
        left, token = left - len(page), page.token
        if token is None:
            break
    return found


def delete_experiment(experiment_id: str) -> None:
    """Move the experiment and its runs to the bin."""
    client = client_for()
    client.delete_experiment(experiment_id)
    _deleted.add((client.location, str(experiment_id)))
    for key, choice in list(_known.items()):
        if choice.experiment.experiment_id == str(experiment_id):
            del _known[key]


def restore_experiment(experiment_id: str) -> None:
    """Take the experiment and the runs that went with it back from the bin."""
    client = client_for()
    client.restore_experiment(experiment_id)
    _deleted.discard((client.location, str(experiment_id)))


def set_experiment_tag(key: str, value: Any) -> None:
    """Set a tag of the active experiment."""
    set_experiment_tags({key: value})


def set_experiment_tags(tags: Mapping[str, Any]) -> None:
    """Set tags of the experiment of the active run, or of the one that the next run goes to."""
    texts = {key: str(value) for key, value in tags.items()}
    for value in texts.values():
        if len(value) > limits.MAX_EXPERIMENT_TAG_VALUE_LENGTH:
            raise InvalidInput(
                f"A tag of an experiment has at most {limits.MAX_EXPERIMENT_TAG_VALUE_LENGTH}"
                f" characters, not {len(value)}."
            )
    choice, recorder = _choice_of_active_run(), current_recorder()
    recorder.append(
        SetExperimentTags(
            tags=texts,
            experiment_id=choice.operation_id,
            experiment_name=choice.operation_name,
        )
    )


def delete_experiment_tag(key: str) -> None:
    """Delete a tag of the active experiment. Raises ``TagNotFound``."""
    client_for().delete_experiment_tag(_choice_of_active_run().experiment.experiment_id, key)


def _choice_of_active_run() -> Choice:
    top = here.top
    if top is None or top.entity is None:
        return chosen_experiment()
    active = chosen_experiment()
    ident = top.entity.info.experiment_id
    if active.experiment.experiment_id == ident:
        return active
    return Choice(Experiment(ident, "", ""))


def forget_choices() -> None:
    """Forget which experiment was set and what the store said; for tests and re-configuration."""
    _active.clear()
    _known.clear()
    _deleted.clear()
