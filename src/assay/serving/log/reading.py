"""Reading a prediction log: the latest rows of a model, whatever its parts have for columns."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec

from assay.artifacts.base import ArtifactInfo, ArtifactStore
from assay.entities.names import ArtifactPath
from assay.errors import InvalidInput
from assay.serving.log import parts as log_parts

MAX_ROWS: Final = 100_000
"""Of a model that are looked at, the latest ones."""
_PART = re.compile(
    r"model=[A-Za-z0-9_.\-]+/date=(\d{4})-(\d\d)-(\d\d)/\d{6}-[0-9a-f]{12}\.parquet\Z"
)
FACTS: Final = (
    "prediction_id",
    "row",
    "time",
    "model_name",
    "version",
    "is_shadow",
    "outcome",
    "latency_ms",
)
"""Columns that every part has."""


class LogRows(msgspec.Struct, frozen=True):
    """Rows of one model, by column."""

    model: str
    columns: dict[str, list[Any]]
    is_whole: bool
    """Whether there are no older ones in the time that was asked for."""

    def __len__(self) -> int:
        return len(self.columns["row"])

    def names(self, prefix: str) -> list[str]:
        """Names of the inputs (``input.``) or outputs (``output.``), without the prefix."""
        return [one.removeprefix(prefix) for one in self.columns if one.startswith(prefix)]

    def where(self, mask: Sequence[bool]) -> LogRows:
        """The rows for which ``mask`` says so."""
        chosen = {
            name: [one for one, is_in in zip(values, mask, strict=True) if is_in]
            for name, values in self.columns.items()
        }
        return LogRows(self.model, chosen, self.is_whole)


def read_log(
    store: ArtifactStore,
    *,
    since_ms: int = 0,
    model: str | None = None,
    prefixes: tuple[str, ...] = ("input.", "output."),
    max_rows: int = MAX_ROWS,
) -> list[LogRows]:
    """The log of each model, ordered by name.

    Args:
        store: where the log is.
        since_ms: only requests from then on; ms since the epoch.
        model: only of this model.
        prefixes: which columns beside those that every part has.
        max_rows: of a model, the latest ones.

    Raises:
        InvalidInput: there is no log, or a part of it is damaged.
        MissingExtra: without pyarrow.
    """
    log_parts.check(store)
    wanted = None if model is None else log_parts.folder_of(model)
    by_folder: dict[str, list[ArtifactInfo]] = {}
    for one in store.list(ArtifactPath(""), recursive=True):
        found = _PART.match(one.path)
        folder = one.path.split("/")[0]
        if found is None or (wanted is not None and folder != wanted):
            continue
        by_folder.setdefault(folder, []).append(one)
    read = []
    for parts in by_folder.values():
        rows = _read(store, parts, since_ms=since_ms, prefixes=prefixes, max_rows=max_rows)
        if rows is not None:
            read.append(rows)
    return sorted(read, key=lambda one: one.model)


def _read(
    store: ArtifactStore,
    parts: list[ArtifactInfo],
    *,
    since_ms: int,
    prefixes: tuple[str, ...],
    max_rows: int,
) -> LogRows | None:
    pa = log_parts.arrow()
    import pyarrow.compute as pc

    tables: list[Any] = []
    total = 0
    is_whole = True
    # A part is named after its first request, so those before the first that is too old may still
    # hold requests of the time; a day of doubt is read in vain at most.
    for one in sorted(parts, key=lambda part: part.path, reverse=True):
        if total >= max_rows:
            is_whole = False
            break
        if _is_over(one.path, since_ms):
            break
        table = _table(store, one.path, prefixes)
        if since_ms:
            limit = pa.scalar(since_ms, pa.int64()).cast(pa.timestamp("ms", tz="UTC"))
            table = table.filter(pc.greater_equal(table["time"], limit))
        tables.append(table)
        total += table.num_rows
    if not total:
        return None
    columns = _joined(list(reversed(tables)))
    return LogRows(columns["model_name"][0], columns, is_whole)


def _is_over(path: str, since_ms: int) -> bool:
    """Whether a part is of a day long before."""
    from datetime import UTC, datetime, timedelta

    found = _PART.match(path)
    assert found is not None
    day = "-".join(found.groups())
    before = datetime.fromtimestamp(since_ms / 1_000, tz=UTC) - timedelta(days=1)
    return bool(since_ms) and day < f"{before:%Y-%m-%d}"


def _table(store: ArtifactStore, path: ArtifactPath, prefixes: tuple[str, ...]) -> Any:
    pa = log_parts.arrow()
    import pyarrow.parquet as pq

    content = b"".join(store.read(path))
    try:
        file = pq.ParquetFile(io.BytesIO(content))
        names = file.schema_arrow.names
        missing = [name for name in FACTS if name not in names]
        if missing:
            raise InvalidInput(f"{path} is no part of a prediction log: it has no {missing[0]!r}.")
        return file.read([n for n in names if n in FACTS or n.startswith(prefixes)])
    except (pa.ArrowException, OSError) as error:
        raise InvalidInput(f"{path} of the prediction log can't be read: {error}.") from None


def _joined(tables: Iterable[Any]) -> dict[str, list[Any]]:
    tables = list(tables)
    names = dict.fromkeys(name for table in tables for name in table.column_names)
    columns: dict[str, list[Any]] = {}
    for name in names:
        values: list[Any] = []
        for table in tables:
            values += (
                table[name].to_pylist() if name in table.column_names else [None] * table.num_rows
            )
        columns[name] = values
    return columns
