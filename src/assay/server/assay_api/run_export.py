"""Exports: runs as a CSV, JSON or Parquet file, streamed a window at a time."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from assay.errors import InvalidInput
from assay.server.assay_api.filter_errors import with_place
from assay.server.assay_api.run_rows import GROUP, keys_of_named
from assay.server.assay_api.run_table_files import FORMATS, file_columns
from assay.server.context import Context
from assay.server.decoding import invalid_field
from assay.server.downloads import attachment
from assay.server.replies import StreamReply
from assay.server.routing import Permission, Route
from assay.store.base import Store
from assay.store.rest import wire
from assay.store.rest.run_views_wire import Export
from assay.store.run_views import (
    MAX_COLUMNS,
    MAX_WINDOW,
    Column,
    ColumnKind,
    KeysQuery,
    RowsQuery,
    RunRows,
)

_STANDARD = (
    "run_name",
    "experiment_id",
    "status",
    "start_time",
    "end_time",
    "duration",
    "user_id",
    "lifecycle_stage",
)
"""Attributes of an export that names no columns, behind the run's id."""


def export(context: Context, request: Export) -> StreamReply:
    """A file of runs. What is wrong with the request is told before the first byte is sent."""
    columns = _columns(context.store, request)
    windows = _windows(context.store, request, columns)
    chunks = FORMATS[request.format].write(file_columns(columns), windows)
    first = next(chunks, b"")
    name = f"runs.{request.format}"
    return StreamReply(
        _prepended(first, chunks),
        content_type=FORMATS[request.format].content_type,
        headers=((b"content-disposition", attachment(name)),),
    )


def _prepended(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest


def _columns(store: Store, request: Export) -> list[Column]:
    run_id = Column(ColumnKind.ATTRIBUTE, "run_id")
    if request.columns is not None:
        try:
            named = msgspec.json.decode(request.columns, type=list[Column])
        except msgspec.ValidationError as error:
            raise invalid_field(f"columns: {error}") from None
        except msgspec.DecodeError as error:
            raise InvalidInput(f"The columns are not valid JSON: {error}.") from None
        return list(dict.fromkeys([run_id, *named]))
    found = store.run_views.keys(_keys_query(store, request))
    keyed = [(ColumnKind.PARAM, found.params), (ColumnKind.METRIC, found.metrics)]
    keyed.append((ColumnKind.TAG, found.tags))
    return [
        run_id,
        *(Column(ColumnKind.ATTRIBUTE, name) for name in _STANDARD),
        *(
            Column(kind, key)
            for kind, facets in keyed
            for key in sorted(facet.key for facet in facets)
        ),
    ]


def _keys_query(store: Store, request: Export) -> KeysQuery:
    if not request.run_ids:
        return KeysQuery(
            experiment_ids=request.experiment_ids, filter=request.filter, view=request.view
        )
    return keys_of_named(store, request.experiment_ids, request.run_ids)


def _windows(store: Store, request: Export, columns: list[Column]) -> Iterator[list[RunRows]]:
    """Each window of rows, as one answer for every so many columns."""
    parts = [columns[at : at + MAX_COLUMNS] for at in range(0, len(columns), MAX_COLUMNS)]
    token: str | None = None
    while True:
        first = store.run_views.rows(_rows_query(request, parts[0], token))
        ids = first.runs.run_id
        more = [
            store.run_views.rows(
                RowsQuery(experiment_ids=[], run_ids=ids, columns=part, limit=MAX_WINDOW)
            )
            for part in parts[1:]
        ]
        yield [first, *more]
        token = first.token
        if token is None:
            return


def _rows_query(request: Export, columns: list[Column], token: str | None) -> RowsQuery:
    return RowsQuery(
        experiment_ids=request.experiment_ids,
        filter=request.filter,
        order_by=request.order_by,
        view=request.view,
        columns=columns,
        limit=MAX_WINDOW,
        page_token=token,
        run_ids=request.run_ids or None,
    )


ROUTES: tuple[Route, ...] = (
    Route(
        method="GET",
        path=wire.PREFIX + "/runs/export",
        handler=with_place(export, filter_of=lambda request: request.filter),
        permission=Permission.READ,
        summary="Runs as a CSV, JSON or Parquet file.",
        request=Export,
        response=None,
        group=GROUP,
    ),
)
