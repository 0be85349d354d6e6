"""Parts of a prediction log: how records look as Parquet, where files lie, and how they are read.

Layout: ``prediction-log.json`` with the version, and
``model=<name>/date=<day>/<time>-<random>.parquet``, which engines read as a partitioned table.
Format: docs/formats/prediction-log.md.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from assay.artifacts.base import ArtifactStore
from assay.entities.names import ArtifactPath
from assay.errors import (
    ArtifactNotFound,
    AssayError,
    InvalidInput,
    MissingExtra,
    StoreUnavailable,
)
from assay.serving.log.recorder import Record

FORMAT: Final = "assay prediction log"
VERSION: Final = 1
"""Of layout and columns. A change adds a version here and to docs/formats/prediction-log.md, and
keeps reading the older ones."""
MARKER: Final = ArtifactPath("prediction-log.json")
_MAX_MARKER_BYTES: Final = 10_000
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]{0,79}\Z")
_UNSAFE = re.compile(r"[^A-Za-z0-9_.\-]+")


class Marker(msgspec.Struct, frozen=True):
    """Content of the file that says what a folder is."""

    format: str
    version: int


def arrow() -> Any:
    """The package that writes Parquet.

    Raises:
        MissingExtra: it isn't installed.
    """
    try:
        import pyarrow
    except ImportError:
        raise MissingExtra("pyarrow", extra="parquet", purpose="A prediction log") from None
    return pyarrow


def begin(store: ArtifactStore) -> None:
    """Make a place a prediction log, or go on with the one that is there.

    Raises:
        InvalidInput: there is one of a newer version.
        AssayError: nothing can be written there.
    """
    arrow()
    try:
        if not _check(store):
            store.write(MARKER, [msgspec.json.encode(Marker(FORMAT, VERSION))])
    except StoreUnavailable:
        raise
    except AssayError as error:
        raise InvalidInput(f"Nothing can be logged to {store.uri}: {error.message}") from error


def check(store: ArtifactStore) -> None:
    """See that a place is a prediction log.

    Raises:
        InvalidInput: it is none, or one of a newer version.
    """
    if not _check(store):
        raise InvalidInput(f"There is no prediction log in {store.uri}: it has no {MARKER}.")


def _check(store: ArtifactStore) -> bool:
    try:
        found = store.read_small(MARKER, max_bytes=_MAX_MARKER_BYTES)
    except ArtifactNotFound:
        return False
    try:
        marker = msgspec.json.decode(b"" if found is None else found.content, type=Marker)
    except msgspec.MsgspecError as error:
        raise InvalidInput(f"{MARKER} in {store.uri} can't be read: {error}.") from None
    if marker.format != FORMAT or marker.version > VERSION:
        raise InvalidInput(
            f"{store.uri} is a log of the version {marker.version}, this Assay knows up to"
            f" {VERSION}: update Assay."
        )
    return True


def folder_of(model: str) -> str:
    """The folder of a model's parts."""
    if _PLAIN_NAME.match(model):
        return f"model={model}"
    digest = hashlib.sha256(model.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"model={_UNSAFE.sub('_', model)[:60]}-{digest}"


def path_of(model: str, time_ms: int) -> str:
    """A fresh path for a part that begins at this time."""
    moment = datetime.fromtimestamp(time_ms / 1_000, tz=UTC)
    name = f"{moment:%H%M%S}-{os.urandom(6).hex()}.parquet"
    return f"{folder_of(model)}/date={moment:%Y-%m-%d}/{name}"


def packed(records: list[Record]) -> bytes:
    """Records of one model as a Parquet file; a row for each row of a request."""
    pa = arrow()
    import pyarrow.parquet as pq

    def each(values: Iterable[Any]) -> list[Any]:
        return [v for v, record in zip(values, records, strict=True) for _ in range(record.rows)]

    columns: dict[str, Any] = {
        "prediction_id": pa.array(each(one.prediction_id for one in records), pa.string()),
        "row": pa.array([at for one in records for at in range(one.rows)], pa.int32()),
        "time": pa.array(each(one.time_ms for one in records), pa.timestamp("ms", tz="UTC")),
        "model_name": pa.array(each(one.model for one in records), pa.string()),
        "version": pa.array(each(one.version for one in records), pa.string()),
        "is_shadow": pa.array(each(one.is_shadow for one in records), pa.bool_()),
        "outcome": pa.array(each(one.outcome for one in records), pa.string()),
        "latency_ms": pa.array(each(one.latency_ms for one in records), pa.float64()),
    }
    if any(one.pieces is not None for one in records):
        # Only where some were streamed: other parts, and their readers, know nothing of it.
        columns["pieces"] = pa.array(each(one.pieces for one in records), pa.int32())
        cut = (None if one.pieces is None else one.is_cut for one in records)
        columns["is_cut"] = pa.array(each(cut), pa.bool_())
    for prefix, of in (("input.", "inputs"), ("output.", "outputs")):
        names = dict.fromkeys(name for one in records for name in getattr(one, of))
        for name in names:
            values: list[Any] = []
            for one in records:
                values += getattr(one, of).get(name) or [None] * one.rows
            columns[prefix + name] = _column(pa, values)
    table = pa.table(columns).replace_schema_metadata({"assay.prediction_log": str(VERSION)})
    out = io.BytesIO()
    pq.write_table(table, out, compression="zstd")
    return out.getvalue()


def _column(pa: Any, values: list[Any]) -> Any:
    """Values as the simplest column that holds them all; where kinds are mixed, as JSON text."""
    if all(one is None or type(one) in (int, float) for one in values) and any(
        type(one) is float for one in values
    ):
        values = [None if one is None else float(one) for one in values]
    try:
        if any(_has_objects(one) for one in values):
            # Parquet has no objects without keys, and every part would have other keys.
            raise TypeError
        return pa.array(values)
    except (pa.ArrowException, OverflowError, TypeError, ValueError):
        texts = [
            one if one is None or isinstance(one, str) else msgspec.json.encode(one).decode()
            for one in values
        ]
        return pa.array(texts, pa.string())


def _has_objects(value: Any) -> bool:
    return isinstance(value, dict) or (isinstance(value, list) and any(map(_has_objects, value)))
