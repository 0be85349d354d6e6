"""The API's description: ``openapi.json``, and a page of all routes that needs nothing from
elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec

from assay.http.html import Html, element, page
from assay.http.replies import HTML, Headers, Reply
from assay.server.context import Context
from assay.server.openapi import describe
from assay.server.routing import Empty, Permission, Route

STYLE_PATH = "/api/assay/v1/docs.css"
_POLICY: Headers = (
    (
        b"content-security-policy",
        b"default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
)
OPENAPI_PATH = "/api/assay/v1/openapi.json"
DOCS_PATH = "/api/assay/v1/docs"


def docs_routes(routes: Callable[[], Iterable[Route]]) -> tuple[Route, ...]:
    """The three routes; ``routes`` gives the whole table, which they are part of. Made when first
    asked for.
    """
    made: dict[str, Reply] = {}
    sheet = Reply(Path(__file__).with_suffix(".css").read_bytes(), b"text/css; charset=utf-8")

    def openapi(_context: Context, _request: Empty) -> Reply:
        """The API as OpenAPI."""
        if OPENAPI_PATH not in made:
            made[OPENAPI_PATH] = Reply(msgspec.json.encode(describe(routes())))
        return made[OPENAPI_PATH]

    def docs(_context: Context, _request: Empty) -> Reply:
        """The API as a page."""
        if DOCS_PATH not in made:
            made[DOCS_PATH] = Reply(_render(routes()), content_type=HTML, headers=_POLICY)
        return made[DOCS_PATH]

    def style(_context: Context, _request: Empty) -> Reply:
        """The style sheet of the API's page."""
        return sheet

    return tuple(
        Route(
            method="GET",
            path=path,
            handler=handler,
            permission=Permission.PUBLIC,
            response=None,
            summary=(handler.__doc__ or "").rstrip("."),
            group="Server",
        )
        for path, handler in ((OPENAPI_PATH, openapi), (DOCS_PATH, docs), (STYLE_PATH, style))
    )


def _render(routes: Iterable[Route]) -> bytes:
    groups: dict[str, list[Route]] = {}
    for route in routes:
        groups.setdefault(route.group, []).append(route)
    sections = [part for group in groups for part in _section(group, groups[group])]
    return page(
        "API",
        element("h1", "API"),
        element(
            "p",
            "Errors are JSON with error_code and message. The whole description: ",
            element("a", "openapi.json", href="openapi.json"),
        ),
        *sections,
        style="docs.css",
    )


def _section(group: str, routes: Iterable[Route]) -> list[Html]:
    rows = [
        element(
            "tr",
            element("td", route.method),
            element("td", element("code", route.path)),
            element("td", route.summary),
            element("td", _fields_of(route)),
            element("td", route.permission.value),
        )
        for route in routes
    ]
    heads = ("Method", "Path", "What it does", "Fields", "Permission")
    return [
        element("h2", group),
        element(
            "table",
            element("thead", element("tr", *(element("th", head) for head in heads))),
            element("tbody", *rows),
        ),
    ]


def _fields_of(route: Route) -> str:
    if not isinstance(route.request, type) or not issubclass(route.request, msgspec.Struct):
        return ""
    return ", ".join(
        field.encode_name if field.required else f"[{field.encode_name}]"
        for field in msgspec.structs.fields(route.request)
    )
