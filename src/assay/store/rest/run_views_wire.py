"""The wire of the table of runs, where a request is more than the store's own argument."""

from __future__ import annotations

from typing import Literal

import msgspec

from assay.entities.ids import ExperimentId, RunId
from assay.store.run_views import BulkRuns, View


class BulkTags(BulkRuns, frozen=True, kw_only=True):
    """Change the tags of many runs, or stop them."""

    action: Literal["set_tags", "delete_tags", "stop"]
    tags: dict[str, str] = msgspec.field(default_factory=dict)
    """To set."""
    keys: list[str] = msgspec.field(default_factory=list)
    """To delete."""


class BulkLifecycle(BulkRuns, frozen=True, kw_only=True):
    """Move many runs to the bin, or take them back."""

    action: Literal["delete", "restore"]


class Export(msgspec.Struct, frozen=True, kw_only=True):
    """Runs as a file, from a body or the fields of a query string."""

    experiment_ids: list[ExperimentId] = []
    filter: str = ""
    order_by: list[str] = []
    view: View = "ACTIVE_ONLY"
    format: Literal["csv", "json", "parquet"] = "csv"
    columns: str | None = None
    """A JSON list of columns; all params, metrics and tags without it."""
    run_ids: list[RunId] = []
    """Just these runs, if any are named."""
    except_run_ids: list[RunId] = []
    """Not these of the runs that match."""
