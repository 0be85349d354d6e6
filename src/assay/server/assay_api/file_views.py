"""Views of files: pages of tables, headers of binary formats, figures and the scripts they load."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import Annotated

import msgspec

from assay.server.assay_api.encoding import answer
from assay.server.assay_api.run_files import GROUP, PREFIX, Place, open_file
from assay.server.context import Context
from assay.server.errors import HttpError
from assay.server.files.figures import LIBRARIES, LIBRARIES_PATH, figure_page, figure_policy
from assay.server.files.headers.header import Header
from assay.server.files.headers.reading import read_header
from assay.server.files.tables import MAX_ROWS, Filter, Sort, TablePage, table_page
from assay.server.replies import FileReply, Headers, Reply
from assay.server.routing import Body, Empty, Permission, Route

_FOLDER = Path(__file__).parents[1] / "static" / "figure-libs"
_SCRIPT = b"text/javascript; charset=utf-8"
_FOR_FRAMES: Headers = (
    # A figure's frame has an origin of its own, to which this server is a foreign one.
    (b"cross-origin-resource-policy", b"cross-origin"),
    (b"cache-control", b"no-cache"),
    (b"vary", b"accept-encoding"),
)


class TableWindow(Place, frozen=True):
    """A window of a table, sorted and filtered."""

    offset: Annotated[int, msgspec.Meta(ge=0)] = 0
    limit: Annotated[int, msgspec.Meta(ge=1, le=MAX_ROWS)] = 200
    sort: Sort | None = None
    filter: Filter | None = None


def table(context: Context, request: TableWindow) -> Reply:
    """A window of the table in a file."""
    with open_file(context, request) as opened:
        page = table_page(
            opened,
            offset=request.offset,
            limit=request.limit,
            sort=request.sort,
            filtered=request.filter,
        )
    return answer(context, page)


def header(context: Context, request: Place) -> Reply:
    """What a binary file says about itself; nothing of it is executed or loaded."""
    with open_file(context, request) as opened:
        return answer(context, read_header(opened))


class FigurePlace(Place, frozen=True):
    """A figure, and the path at which the browser sees the server's root."""

    base: Annotated[str, msgspec.Meta(max_length=1_000)] = "/"


def figure(context: Context, request: FigurePlace) -> Reply:
    """A page to be shown in a sandboxed frame, cut off from everything else."""
    policy = figure_policy(context.scheme, context.header(b"host"), request.base)
    with open_file(context, request) as opened:
        page = figure_page(opened)
    headers = (
        (b"content-security-policy", policy),
        (b"cache-control", b"private, no-cache"),
        # The policy's frame-ancestors says the same to browsers that know it.
        (b"x-frame-options", b"SAMEORIGIN"),
    )
    return Reply(page.body, page.content_type, headers=headers)


def library(context: Context, _request: Empty, *, name: str) -> FileReply | Reply:
    """A script that figures load, in the smallest form that the browser takes."""
    accepted = {
        part.partition(";")[0].strip() for part in context.header(b"accept-encoding").split(",")
    }
    for encoding, ending in (("br", ".br"), ("gzip", ".gz"), ("", "")):
        if encoding and encoding not in accepted:
            continue
        try:
            fd = os.open(_FOLDER / (name + ending), os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            continue
        found = os.fstat(fd)
        etag = f'"{found.st_size:x}-{found.st_mtime_ns:x}{ending}"'
        headers = (*_FOR_FRAMES, (b"etag", etag.encode()))
        if encoding:
            headers = (*headers, (b"content-encoding", encoding.encode()))
        if context.header(b"if-none-match") == etag:
            os.close(fd)
            return Reply(b"", _SCRIPT, status=304, headers=headers)
        return FileReply(fd, 0, found.st_size, _SCRIPT, headers=headers)
    raise HttpError(
        404,
        f"This copy of Assay was installed without {name}, so figures of its kind can't be drawn.",
        error_code="NOT_FOUND",
    )


ROUTES: tuple[Route, ...] = (
    Route(
        method="POST",
        path=PREFIX + "/table",
        handler=table,
        permission=Permission.READ,
        summary="A window of the table in a file.",
        request=TableWindow,
        response=TablePage,
        body=Body.MSGPACK,
        group=GROUP,
    ),
    Route(
        method="GET",
        path=PREFIX + "/header",
        handler=header,
        permission=Permission.READ,
        summary="What a binary file says about itself.",
        request=Place,
        response=Header,
        group=GROUP,
    ),
    Route(
        method="GET",
        path=PREFIX + "/figure",
        handler=figure,
        permission=Permission.READ,
        summary="A figure as a page for a sandboxed frame.",
        request=FigurePlace,
        response=None,
        group=GROUP,
    ),
    *(
        Route(
            method="GET",
            path=LIBRARIES_PATH + name,
            handler=partial(library, name=name),
            # A frame with an origin of its own has no credentials to show.
            permission=Permission.PUBLIC,
            summary="A script that figures load.",
            response=None,
            group=GROUP,
        )
        for name in LIBRARIES
    ),
)
