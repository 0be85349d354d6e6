"""Views of runs in a SQL store."""

from __future__ import annotations

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
from assay.store.sql import run_bulk
from assay.store.sql.database import Database
from assay.store.sql.run_facets import run_keys, run_values
from assay.store.sql.run_groups import run_groups
from assay.store.sql.run_rows import run_rows


class SqlRunViews(RunViewStore):
    """Tables of the runs of one database; each answer is of one snapshot."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def rows(self, query: RowsQuery) -> RunRows:
        """A window of the table."""
        with self._database.read() as conn:
            return run_rows(conn, query)

    def keys(self, query: KeysQuery) -> RunKeys:
        """The keys that the runs have."""
        with self._database.read() as conn:
            return run_keys(conn, query)

    def values(self, query: ValuesQuery) -> RunValues:
        """The values of a param, tag or attribute."""
        with self._database.read() as conn:
            return run_values(conn, query)

    def groups(self, query: GroupsQuery) -> RunGroups:
        """Runs in groups, with figures of metrics."""
        with self._database.read() as conn:
            return run_groups(conn, query)

    def delete(self, runs: BulkRuns) -> BulkResult:
        """Move runs to the bin."""
        return run_bulk.delete_runs(self._database, runs)

    def restore(self, runs: BulkRuns) -> BulkResult:
        """Take runs back from the bin."""
        return run_bulk.restore_runs(self._database, runs)

    def set_tags(self, runs: BulkRuns, tags: dict[str, str]) -> BulkResult:
        """Set the same tags on runs."""
        return run_bulk.set_tags_of_runs(self._database, runs, tags)

    def delete_tags(self, runs: BulkRuns, keys: list[str]) -> BulkResult:
        """Delete tags of runs."""
        return run_bulk.delete_tags_of_runs(self._database, runs, keys)

    def stop(self, runs: BulkRuns) -> BulkResult:
        """Mark running runs as killed, ended now."""
        return run_bulk.stop_runs(self._database, runs)
