"""The SQL store: all resources over one database, where the rules of the data are enforced."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from assay import errors
from assay.entities.ids import RunId, WriterId
from assay.entities.metrics import Metric
from assay.entities.operations import Delivery, Receipt
from assay.entities.params import Param
from assay.entities.tags import Tag
from assay.store.base import Done, Store
from assay.store.importing import IMPORTING
from assay.store.sql import schema
from assay.store.sql.database import Database
from assay.store.sql.deliveries import apply_delivery, position_of
from assay.store.sql.engine import SqliteFile, open_database, parse_uri, shown_uri, whole_uri
from assay.store.sql.experiments import SqlExperiments, ensure_default
from assay.store.sql.runs import SqlRuns, batch_change
from assay.store.sql.sqlite import Durability

if TYPE_CHECKING:
    from sqlalchemy.engine import URL

    from assay.store.sql.jobs import SqlJobs
    from assay.store.sql.rules import SqlRules
    from assay.store.sql.users import SqlUsers
    from assay.store.sql.webhook_outbox import SqlOutbox

__all__ = ["SqlStore", "open_sql_store"]


_LATE: Final = {
    "audit": ("audit", "SqlAudit"),
    "deployments": ("deployments", "SqlDeployments"),
    "inputs": ("inputs", "SqlInputs"),
    "jobs": ("jobs", "SqlJobs"),
    "lineage": ("lineage", "SqlLineage"),
    "logged_models": ("logged_models", "SqlLoggedModels"),
    "metrics": ("metrics", "SqlMetrics"),
    "model_versions": ("model_versions", "SqlModelVersions"),
    "outbox": ("webhook_outbox", "SqlOutbox"),
    "policies": ("policies", "SqlPolicies"),
    "registered_models": ("registered_models", "SqlRegisteredModels"),
    "requests": ("requests", "SqlRequests"),
    "rules": ("rules", "SqlRules"),
    "run_views": ("run_views", "SqlRunViews"),
    "signatures": ("signatures", "SqlSignatures"),
    "users": ("users", "SqlUsers"),
    "webhooks": ("webhooks", "SqlWebhooks"),
}
"""Resources that are imported when they are first used, with their file and class: a script that
logs, and most commands, need none of them, and all together take 200 ms.
"""


class SqlStore(Store):
    """All resources in one database; all but experiments and runs are made when first used."""

    jobs: SqlJobs
    outbox: SqlOutbox
    rules: SqlRules
    users: SqlUsers

    def __init__(
        self,
        database: Database,
        *,
        uri: str,
        artifact_root: str,
        webhook_allow: Sequence[str] = (),
        model_roots: Sequence[str] = (),
    ) -> None:
        self.database = database
        self._uri = uri
        self._artifact_root = artifact_root
        self.experiments = SqlExperiments(database, artifact_root=artifact_root)
        self.runs = SqlRuns(database)
        self._options: dict[str, dict[str, Any]] = {
            "model_versions": {"roots": model_roots},
            "webhooks": {"allow": webhook_allow},
        }

    def __getattr__(self, name: str) -> Any:
        """A resource that wasn't used before."""
        place = _LATE.get(name)
        if place is None:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        module, kind = place
        with IMPORTING:
            # Another thread may have been faster.
            if name not in self.__dict__:
                resource = getattr(importlib.import_module(f"assay.store.sql.{module}"), kind)
                self.__dict__[name] = resource(self.database, **self._options.get(name, {}))
            return self.__dict__[name]

    @property
    def uri(self) -> str:
        """What opens this store again, without the password."""
        return self._uri

    def apply(self, delivery: Delivery) -> Receipt:
        """Apply a delivery once, in one transaction."""
        return self.database.write(
            lambda conn: apply_delivery(conn, delivery, artifact_root=self._artifact_root)
        )

    def defer_delivery(self, delivery: Delivery, *, done: Done[Receipt]) -> None:
        """As ``apply``, without waiting; see ``SupportsDeferred``."""
        self.database.submit(
            lambda conn: apply_delivery(conn, delivery, artifact_root=self._artifact_root), done
        )

    def defer_batch(
        self,
        run_id: RunId,
        *,
        done: Done[None],
        metrics: Sequence[Metric] = (),
        params: Sequence[Param] = (),
        tags: Sequence[Tag] = (),
    ) -> None:
        """As ``runs.log_batch``, without waiting; see ``SupportsDeferred``."""
        change = batch_change(run_id, metrics=metrics, params=params, tags=tags)
        self.database.submit(change, done)

    def position(self, writer_id: WriterId) -> int:
        """Where the last applied delivery of this writer ended; 0 if it never delivered."""
        with self.database.read() as conn:
            return position_of(conn, writer_id)

    def close(self) -> None:
        """Release connections and threads; waiting writes are finished first."""
        self.database.close()


def ensure_schema(database: Database, url: SqliteFile | URL, *, migrate: bool | None) -> None:
    """Bring the database to the schema of this release, or refuse it.

    A fresh database gets its tables. An older SQLite file is migrated after a backup, unless
    ``migrate`` is false; an older PostgreSQL database only if it is true.

    Raises:
        SchemaMismatch: it has another version and may not or can't be migrated.
    """
    found = schema.read_version(database)
    if found == schema.SCHEMA_VERSION:
        return
    if found is None:
        database.write(schema.make_tables)
        return
    if migrate is False or (migrate is None and not isinstance(url, SqliteFile)):
        raise errors.SchemaMismatch(shown_uri(url), found=found, expected=schema.SCHEMA_VERSION)
    # It imports Alembic, 150 ms that a start whose schema is current doesn't spend.
    from assay.store.sql import migrate as migrations

    migrations.upgrade(whole_uri(url))


def open_sql_store(
    uri: str,
    *,
    artifact_root: str = "mlflow-artifacts:/",
    durability: Durability = "normal",
    migrate: bool | None = None,
    webhook_allow: Sequence[str] = (),
    model_roots: Sequence[str] = (),
) -> SqlStore:
    """Open the store at ``sqlite:///path`` or ``postgresql://…``, making its tables if it is fresh.

    Args:
        uri: where the database is.
        artifact_root: folder URI under which experiments without a location of their own get one.
        durability: ``"normal"`` keeps what returned through a killed process, ``"full"`` through a
            power cut too (SQLite; PostgreSQL is configured at its server).
        migrate: whether a database of an older schema is migrated; ``None``: SQLite files are,
            after a backup, PostgreSQL databases are not.
        webhook_allow: hosts, addresses and ranges that webhooks may lead to beside https on public
            addresses.
        model_roots: addresses below which sources of model versions may lie, beside the artifacts
            of runs and logged models.

    Raises:
        InvalidInput: the URI or durability is malformed.
        SchemaMismatch: the database has another schema and isn't to be migrated.
        StoreUnavailable: the database can't be reached.
        MissingExtra: PostgreSQL without psycopg.
    """
    if durability not in ("normal", "full"):
        raise errors.InvalidInput(f"Durability is 'normal' or 'full', not {durability!r}.")
    url = parse_uri(uri)
    database = open_database(url, durability=durability)
    try:
        ensure_schema(database, url, migrate=migrate)
        ensure_default(database, artifact_root)
    except BaseException:
        database.close()
        raise
    return SqlStore(
        database,
        uri=shown_uri(url),
        artifact_root=artifact_root,
        webhook_allow=webhook_allow,
        model_roots=model_roots,
    )
