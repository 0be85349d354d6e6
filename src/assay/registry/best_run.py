"""The best run of an experiment: where automatic promotion takes its model from."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from assay.client.client import Client
from assay.entities.ids import ExperimentId
from assay.entities.runs import Run
from assay.errors import ExperimentNotFound, InvalidInput, NotFound
from assay.store.base import Query

_BEST: Final = re.compile(r"metrics\.(?P<key>.+)\.(?P<which>max|min)\Z", re.DOTALL)
_EXPERIMENT: Final = "experiment="
_PAGE: Final = 100


class Best(NamedTuple):
    """What makes a run the best."""

    key: str
    largest: bool

    @classmethod
    def parse(cls, text: str) -> Best:
        """Of ``metrics.<key>.max`` or ``metrics.<key>.min``.

        Raises:
            InvalidInput: it is neither.
        """
        match = _BEST.match(text.strip())
        if match is None:
            raise InvalidInput(
                f"{text!r} doesn't say which run is best: metrics.<key>.max or metrics.<key>.min."
            )
        return cls(match["key"].strip('`"'), match["which"] == "max")

    def __str__(self) -> str:
        return f"metrics.{self.key}.{'max' if self.largest else 'min'}"


def experiment_of(client: Client, text: str) -> ExperimentId:
    """The experiment that ``experiment=<name or id>``, or a bare name or id, means.

    Raises:
        ExperimentNotFound: there is none.
    """
    name = text.removeprefix(_EXPERIMENT).strip()
    store = client.store
    found = store.experiments.find(name)
    if found is not None:
        return found.experiment_id
    if not name.isdecimal():
        raise ExperimentNotFound(name)
    return store.experiments.get(ExperimentId(name)).experiment_id


def best_run(
    client: Client, experiment_id: ExperimentId, best: Best, *, condition: str = ""
) -> Run:
    """The finished run with the best value that has logged a model; of equals the latest.

    ``condition``: only runs that it lets through, in the grammar of run searches.

    Raises:
        NotFound: there is none.
        InvalidFilter: the condition doesn't parse.
    """
    quoted = "`" + best.key.replace("`", "") + "`"
    order = [f"metrics.{quoted} {'DESC' if best.largest else 'ASC'}", "start_time DESC"]
    text = "attributes.status = 'FINISHED'" + (f" and ({condition})" if condition else "")
    token: str | None = None
    while True:
        query = Query(filter=text, order_by=order, max_results=_PAGE, page_token=token)
        page = client.store.runs.search([experiment_id], query)
        for run in page:
            value = run.data.metrics.get(best.key)
            if value is None or value != value:  # noqa: PLR0124 - NaN
                break  # None after it has a value either.
            if run.outputs.model_outputs:
                return run
        else:
            token = page.token
            if token is not None:
                continue
        break
    raise NotFound(
        f"No finished run of experiment {experiment_id} has the metric {best.key!r} and a logged"
        f" model{', and meets ' + condition if condition else ''}."
    )
