"""Views of the runs of an Assay server."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from assay.store.rest.run_views_wire import BulkLifecycle, BulkTags
from assay.store.rest.server import Server
from assay.store.run_views import (
    BulkResult,
    BulkRuns,
    GroupsQuery,
    KeysQuery,
    RowsQuery,
    RunGroups,
    RunKeys,
    RunRows,
    RunValues,
    RunViewStore,
    ValuesQuery,
)

T = TypeVar("T")


class RestRunViews(RunViewStore):
    """Tables of runs over HTTP. A plain MLflow server has none, and is refused."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def rows(self, query: RowsQuery) -> RunRows:  # noqa: D102 - the contract is in the base class
        return self._ask("rows", RunRows, query)

    def keys(self, query: KeysQuery) -> RunKeys:  # noqa: D102
        return self._ask("keys", RunKeys, query)

    def values(self, query: ValuesQuery) -> RunValues:  # noqa: D102
        return self._ask("values", RunValues, query)

    def groups(self, query: GroupsQuery) -> RunGroups:  # noqa: D102
        return self._ask("groups", RunGroups, query)

    def delete(self, runs: BulkRuns) -> BulkResult:  # noqa: D102
        return self._ask(
            "bulk-lifecycle", BulkResult, BulkLifecycle(**_fields(runs), action="delete")
        )

    def restore(self, runs: BulkRuns) -> BulkResult:  # noqa: D102
        return self._ask(
            "bulk-lifecycle", BulkResult, BulkLifecycle(**_fields(runs), action="restore")
        )

    def set_tags(self, runs: BulkRuns, tags: dict[str, str]) -> BulkResult:  # noqa: D102
        request = BulkTags(**_fields(runs), action="set_tags", tags=tags)
        return self._ask("bulk-tags", BulkResult, request)

    def delete_tags(self, runs: BulkRuns, keys: list[str]) -> BulkResult:  # noqa: D102
        request = BulkTags(**_fields(runs), action="delete_tags", keys=keys)
        return self._ask("bulk-tags", BulkResult, request)

    def stop(self, runs: BulkRuns) -> BulkResult:  # noqa: D102
        return self._ask("bulk-tags", BulkResult, BulkTags(**_fields(runs), action="stop"))

    def _ask(self, verb: str, answer: type[T], request: msgspec.Struct) -> T:
        self._server.require_assay("show tables of runs")
        return self._server.assay(f"/runs/{verb}", answer, request)


def _fields(runs: BulkRuns) -> dict[str, Any]:
    return {name: getattr(runs, name) for name in runs.__struct_fields__}
