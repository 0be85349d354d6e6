"""Views of files: pages of tables, headers of binary formats, figures and the scripts they load."""

from __future__ import annotations

import os
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Annotated

import msgspec

from assay.errors import InvalidInput, LimitExceeded, MissingExtra, NotFound
from assay.http.errors import HttpError
from assay.http.replies import FileReply, Headers, Reply
from assay.server.assay_api.encoding import answer
from assay.server.assay_api.run_files import GROUP, PREFIX, Place, open_file
from assay.server.context import Context
from assay.server.files.figures import LIBRARIES, LIBRARIES_PATH, figure_page, figure_policy
from assay.server.files.headers.header import Header
from assay.server.files.headers.reading import read_header
from assay.server.files.joins import MAX_TABLES, JoinedPage, JoinSort, Wanted, joined_page
from assay.server.files.rows import Rows
from assay.server.files.tables import MAX_ROWS, Filter, Sort, TablePage, open_rows, table_page
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


class JoinTables(msgspec.Struct, frozen=True):
    """A window of the tables in some files, joined."""

    tables: Annotated[list[Place], msgspec.Meta(min_length=1, max_length=MAX_TABLES)]
    key: str | None = ""
    """The column to join by. Empty: one that is called like a key, else the row's number; ``null``:
    the row's number."""
    only_different: bool = False
    search: Annotated[str, msgspec.Meta(max_length=500)] = ""
    sort: JoinSort | None = None
    offset: Annotated[int, msgspec.Meta(ge=0)] = 0
    limit: Annotated[int, msgspec.Meta(ge=1, le=MAX_ROWS)] = 200


def joined(context: Context, request: JoinTables) -> Reply:
    """A window of tables joined by a column; one that can't be read is told, and left out."""
    wanted = Wanted(
        request.key,
        request.only_different,
        request.search,
        request.sort,
        request.offset,
        request.limit,
    )
    tables: list[Rows | None] = []
    problems: list[str | None] = []
    etags: list[str] = []
    with ExitStack() as opened:
        for place in request.tables:
            try:
                file = opened.enter_context(open_file(context, place))
                tables.append(open_rows(file))
                problems.append(None)
                etags.append(file.etag + file.suffix if file.etag else "")
            except (InvalidInput, NotFound, LimitExceeded, MissingExtra) as error:
                tables.append(None)
                problems.append(error.message)
                etags.append(error.message)
        return answer(context, joined_page(tables, problems, wanted, etags=etags))


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
        method="POST",
        path=PREFIX + "/joined",
        handler=joined,
        permission=Permission.READ,
        summary="A window of the tables in some files, joined by a column.",
        request=JoinTables,
        response=JoinedPage,
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
