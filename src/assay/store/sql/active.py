"""The question that every write to a run asks first: is it there, and active?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from assay import errors
from assay.entities.ids import RunId
from assay.store.sql.statements import Sql

if TYPE_CHECKING:
    from sqlalchemy import Connection

# On PostgreSQL the lock makes changes of one run follow each other; rows that refer to the run stay
# free.
_STAGE = Sql("SELECT lifecycle_stage FROM runs WHERE run_id = ? {FOR NO KEY UPDATE}")


def require_active_run(conn: Connection, run_id: RunId) -> None:
    """Pass if the run is active, and keep it so until the transaction ends.

    Raises:
        RunNotFound: there is none.
        InactiveResource: it is deleted.
    """
    row = _STAGE.one(conn, run_id)
    if row is None:
        raise errors.RunNotFound(run_id)
    if row[0] != "active":
        raise errors.InactiveResource("run", run_id)
