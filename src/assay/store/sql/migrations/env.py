"""How Alembic runs here: on the connection of the caller, inside the caller's transaction.

The caller (``assay.store.sql.migrate``) holds the lock that keeps other processes away and commits
all steps together, so a migration that is killed leaves the old schema.
"""

from __future__ import annotations

from alembic import context

from assay.store.sql.tables import metadata

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=metadata,
    render_as_batch=connection.dialect.name == "sqlite",
)
context.run_migrations()
