"""Experiments, as MLflow's client has them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from assay.client.client_base import ClientBase, as_text, as_view
from assay.entities.experiments import Experiment
from assay.entities.ids import ExperimentId, check_experiment_id
from assay.entities.lifecycle import ViewType
from assay.entities.page import Page
from assay.store.base import Query

DEFAULT_PAGE = 1_000
"""MLflow's ``SEARCH_MAX_RESULTS_DEFAULT``."""


class ExperimentClient(ClientBase):
    """The part of ``Client`` that is about experiments."""

    def create_experiment(
        self,
        name: str,
        artifact_location: str | None = None,
        tags: Mapping[str, Any] | None = None,
    ) -> ExperimentId:
        """Make an experiment and return its id.

        Raises:
            AlreadyExists: the name is taken, by a deleted experiment too.
        """
        location = None if artifact_location is None else str(artifact_location)
        made = self.store.experiments.create(
            name, artifact_location=location, tags=as_text(tags or {})
        )
        return made.experiment_id

    def get_experiment(self, experiment_id: str) -> Experiment:
        """The experiment, deleted or not. Raises ``ExperimentNotFound``."""
        return self.store.experiments.get(check_experiment_id(str(experiment_id)))

    def get_experiment_by_name(self, name: str) -> Experiment | None:
        """The experiment with this name, deleted or not; ``None`` if there is none."""
        return self.store.experiments.find(name)

    def search_experiments(
        self,
        view_type: int = ViewType.ACTIVE_ONLY,
        max_results: int | None = DEFAULT_PAGE,
        filter_string: str | None = None,
        order_by: Sequence[str] | None = None,
        page_token: str | None = None,
    ) -> Page[Experiment]:
        """A page of the experiments that match, the latest made first unless ordered otherwise.

        Raises:
            InvalidFilter: the filter or order doesn't parse.
        """
        query = Query(
            filter=filter_string or "",
            order_by=tuple(order_by or ()),
            view=as_view(view_type),
            max_results=DEFAULT_PAGE if max_results is None else max_results,
            page_token=page_token or None,
        )
        return self.store.experiments.search(query)

    def rename_experiment(self, experiment_id: str, new_name: str) -> None:
        """Give an active experiment another name."""
        self.store.experiments.rename(check_experiment_id(str(experiment_id)), new_name)

    def delete_experiment(self, experiment_id: str) -> None:
        """Move the experiment and its runs to the bin."""
        self.store.experiments.delete(check_experiment_id(str(experiment_id)))

    def restore_experiment(self, experiment_id: str) -> None:
        """Take the experiment and the runs that went with it back from the bin."""
        self.store.experiments.restore(check_experiment_id(str(experiment_id)))

    def set_experiment_tag(self, experiment_id: str, key: str, value: Any) -> None:
        """Set a tag of an active experiment."""
        self.store.experiments.set_tags(check_experiment_id(str(experiment_id)), {key: str(value)})

    def delete_experiment_tag(self, experiment_id: str, key: str) -> None:
        """Delete a tag. Raises ``TagNotFound``."""
        self.store.experiments.delete_tag(check_experiment_id(str(experiment_id)), key)
