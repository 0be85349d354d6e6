"""Exports: runs as a CSV, JSON or Parquet file, streamed a window at a time."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from assay.entities.ids import RunId
from assay.errors import InvalidInput, LimitExceeded
from assay.http.replies import StreamReply
from assay.server.assay_api.filter_errors import with_place
from assay.server.assay_api.run_rows import GROUP, keys_of_named
from assay.server.assay_api.run_table_files import FORMATS, file_columns
from assay.server.context import Context
from assay.server.decoding import invalid_field
from assay.server.downloads import attachment
from assay.server.routing import Permission, Route
from assay.store.base import Store
from assay.store.rest import wire
from assay.store.rest.run_views_wire import Export
from assay.store.run_views import (
    MAX_BULK_RUNS,
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
    for name, ids in (("run_ids", request.run_ids), ("except_run_ids", request.except_run_ids)):
        if len(ids) > MAX_BULK_RUNS:
            raise LimitExceeded(f"The number of {name}", limit=MAX_BULK_RUNS, got=len(ids))
    columns = _columns(context.store, request)
    windows = _windows(context.store, request, columns)
    chunks = FORMATS[request.format].write(file_columns(columns), windows)
    first = next(chunks, b"")
    return StreamReply(
        _prepended(first, chunks),
        content_type=FORMATS[request.format].content_type,
        headers=((b"content-disposition", attachment(f"runs.{request.format}")),),
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
    params, metrics, tags = set[str](), set[str](), set[str]()
    for query in _keys_queries(store, request):
        found = store.run_views.keys(query)
        params.update(facet.key for facet in found.params)
        metrics.update(facet.key for facet in found.metrics)
        tags.update(facet.key for facet in found.tags)
    keyed = [(ColumnKind.PARAM, params), (ColumnKind.METRIC, metrics), (ColumnKind.TAG, tags)]
    return [
        run_id,
        *(Column(ColumnKind.ATTRIBUTE, name) for name in _STANDARD),
        *(Column(kind, key) for kind, keys in keyed for key in sorted(keys)),
    ]


def _keys_queries(store: Store, request: Export) -> Iterator[KeysQuery]:
    if not request.run_ids:
        yield KeysQuery(
            experiment_ids=request.experiment_ids, filter=request.filter, view=request.view
        )
    for named in _named(request):
        yield keys_of_named(store, request.experiment_ids, named)


def _named(request: Export) -> Iterator[list[RunId]]:
    """The runs that are named and not left out, as many at once as a window has."""
    but = frozenset(request.except_run_ids)
    ids = [run_id for run_id in dict.fromkeys(request.run_ids) if run_id not in but]
    for at in range(0, len(ids), MAX_WINDOW):
        yield ids[at : at + MAX_WINDOW]


def _windows(store: Store, request: Export, columns: list[Column]) -> Iterator[list[RunRows]]:
    """Each window of rows, as one answer for every so many columns."""
    parts = [columns[at : at + MAX_COLUMNS] for at in range(0, len(columns), MAX_COLUMNS)]
    for first in _first_parts(store, request, parts[0]):
        ids = first.runs.run_id
        more = [
            store.run_views.rows(
                RowsQuery(experiment_ids=[], run_ids=ids, columns=part, limit=MAX_WINDOW)
            )
            for part in parts[1:]
        ]
        yield [first, *more]


def _first_parts(store: Store, request: Export, columns: list[Column]) -> Iterator[RunRows]:
    query = RowsQuery(
        experiment_ids=request.experiment_ids,
        filter=request.filter,
        order_by=request.order_by,
        view=request.view,
        columns=columns,
        limit=MAX_WINDOW,
        except_run_ids=request.except_run_ids,
    )
    if request.run_ids:
        for named in _named(request):
            yield store.run_views.rows(msgspec.structs.replace(query, run_ids=named))
        return
    while True:
        found = store.run_views.rows(query)
        yield found
        if found.token is None:
            return
        query = msgspec.structs.replace(query, page_token=found.token)


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
    Route(
        method="POST",
        path=wire.PREFIX + "/runs/export",
        handler=with_place(export, filter_of=lambda request: request.filter),
        permission=Permission.READ,
        summary="The same file, of more runs than an address can name.",
        request=Export,
        response=None,
        group=GROUP,
    ),
)
