"""Served figures in SQL: what scoring servers told of the last hour, one row a server and version.

A server tells its whole last hour each time, which replaces its row: whatever is told twice or not
at all, the next time is right again, and what a store was away for isn't lost. Rows of servers that
tell nothing any more go after an hour, whenever another one tells something.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec
from msgspec.structs import replace

from assay import errors
from assay.entities.names import check_key, check_value
from assay.entities.registry_names import check_registered_name, parse_version
from assay.entities.served_figures import BUCKETS_S, HOUR_MINUTES, MINUTE_MS, ServedFigures
from assay.store.sql.checks import now_ms
from assay.store.sql.statements import Sql

if TYPE_CHECKING:
    from sqlalchemy import Connection

MAX_TOLD: Final = 100
"""Versions that a server may tell of at once."""
MAX_KEPT: Final = 2_000
"""Rows of all servers."""
_HOUR_MS: Final = HOUR_MINUTES * MINUTE_MS
_MAX_TEXT: Final = 500

_FORGET = Sql("DELETE FROM served_figures WHERE time < ?")
_COUNT = Sql("SELECT count(*) FROM served_figures WHERE server_id <> ?")
_KNOWN = Sql(
    "SELECT v.registered_id FROM model_versions v JOIN registered_models m"
    " ON m.registered_id = v.registered_id WHERE m.name = ? AND v.version = ?"
)
_PUT = Sql(
    "INSERT INTO served_figures (server_id, registered_id, version, time, figures)"
    " VALUES (?, ?, ?, ?, ?) ON CONFLICT (server_id, registered_id, version)"
    " DO UPDATE SET time = excluded.time, figures = excluded.figures"
)
_SELECT = (
    "SELECT m.name, f.time, f.figures FROM served_figures f JOIN registered_models m"
    " ON m.registered_id = f.registered_id WHERE f.time >= ?"
)
_ORDER = "ORDER BY m.name, f.version, f.server_id"
_ALL = Sql(f"{_SELECT} {_ORDER}")
_OF_MODEL = Sql(f"{_SELECT} AND m.name = ? {_ORDER}")
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(ServedFigures).decode


def check_figures(told: Sequence[ServedFigures]) -> None:
    """Check what a server tells.

    Raises:
        InvalidInput: a text is malformed, or counts don't go together.
        LimitExceeded: it is too much at once, or too long.
    """
    if len(told) > MAX_TOLD:
        raise errors.LimitExceeded("The versions told of at once", limit=MAX_TOLD, got=len(told))
    for one in told:
        check_key("server id", one.server_id)
        check_registered_name(one.name)
        parse_version(one.version)
        for what in ("source", "host", "deployment_id"):
            text = check_value(what, getattr(one, what))
            if len(text) > _MAX_TEXT:
                raise errors.LimitExceeded(
                    f"The length of the {what}", limit=_MAX_TEXT, got=len(text)
                )
        if any(len(minute.buckets) not in (0, len(BUCKETS_S) + 1) for minute in one.minutes):
            raise errors.InvalidInput(
                f"A minute has no buckets or {len(BUCKETS_S) + 1} of them, one a bound and one for"
                " what took longer."
            )
    if len({one.server_id for one in told}) > 1:
        raise errors.InvalidInput("Figures of several servers can't be told at once.")


def keep_figures(conn: Connection, told: Sequence[ServedFigures]) -> None:
    """Replace what a server told before. What isn't in the registry any more is left out."""
    now = now_ms()
    _FORGET.run(conn, now - _HOUR_MS)
    if not told:
        return
    row = _COUNT.one(conn, told[0].server_id)
    if row is not None and row[0] + len(told) > MAX_KEPT:
        raise errors.LimitExceeded(
            "The versions that all servers tell of", limit=MAX_KEPT, got=row[0] + len(told)
        )
    for one in told:
        known = _KNOWN.one(conn, one.name, one.version)
        if known is not None:
            figures = _encode(replace(one, time=now)).decode()
            _PUT.run(conn, one.server_id, known[0], one.version, now, figures)


def read_figures(conn: Connection, name: str | None) -> list[ServedFigures]:
    """What was told within the last hour, of one model or of all."""
    since = now_ms() - _HOUR_MS
    rows = _ALL.all(conn, since) if name is None else _OF_MODEL.all(conn, since, name)
    return [_figures(row) for row in rows]


def _figures(row: tuple[Any, ...]) -> ServedFigures:
    # A model that was renamed since is shown by its name of now.
    return replace(_decode(row[2]), name=row[0], time=row[1])
