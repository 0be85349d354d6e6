"""Runs as the fluent functions return them: the entity, and what a person wants to ask it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from assay.entities.metrics import History
from assay.entities.runs import Run
from assay.fluent import notebook
from assay.fluent.figures import SummaryTable, run_summary
from assay.fluent.reading import client_for
from assay.store.uri import Location

if TYPE_CHECKING:
    from typing import Self


class TrackedRun(Run, frozen=True):
    """A run, with the place it was read from, so that it can be asked for its curves."""

    location: Location | None = None

    @classmethod
    def of(cls, run: Run, location: Location) -> Self:
        """``run`` as read from ``location``."""
        return cls(run.info, run.data, run.inputs, run.outputs, location)

    def history(
        self, key: str, *, model_id: str = "", dataset_name: str = "", dataset_digest: str = ""
    ) -> History:
        """All points of a metric: arrays ``steps``, ``timestamps`` (ms) and ``values``, by step.

        Empty if the run never logged it. Points that belong to a logged model or a data set are
        series of their own, named by the arguments.
        """
        return client_for(self.location).history(
            self.info.run_id,
            key,
            model_id=model_id,
            dataset_name=dataset_name,
            dataset_digest=dataset_digest,
        )

    def summary(self) -> SummaryTable:
        """Count, first, last, min, max and mean of each metric."""
        return run_summary(client_for(self.location), self.info.run_id)

    def to_dictionary(self) -> dict[str, Any]:
        """The run as plain dicts and lists."""
        facts = msgspec.to_builtins(Run(self.info, self.data, self.inputs, self.outputs))
        facts["data"].pop("latest")
        for used in facts["inputs"]["dataset_inputs"]:
            used["tags"] = {tag["key"]: tag["value"] for tag in used["tags"]}
        plain: dict[str, Any] = facts
        return plain

    def _repr_html_(self) -> str:
        return notebook.run_html(self)
