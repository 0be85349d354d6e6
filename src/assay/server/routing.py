"""Routes: each is declared once, and the declaration decodes, validates, authorises and documents.

A room of routes is a tuple of ``Route``s. ``Table`` puts them together and finds the one for a
method and path:
one dictionary look-up for plain paths, a short scan for paths with templates.

Templates: ``{run_id}`` matches one segment, ``{path:path}`` as the last part matches all that is
left (slashes too,
possibly empty). What matched fills the fields of the request struct with these names, and
``context.params``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from enum import Enum
from typing import Any, NamedTuple

import msgspec

from assay.server.context import Handler
from assay.server.identity import Permission as Permission

_TEMPLATE = re.compile(r"\{(\w+)(:path)?\}")


class Body(Enum):
    """How the request's body travels."""

    NONE = "none"
    """Fields come from path and query. (A JSON body is read where the query is empty: MLflow's
    clients send such GETs.)"""
    JSON = "json"
    """A JSON object; ``application/json`` only."""
    MSGPACK = "msgpack"
    """MessagePack (``application/msgpack``), or JSON."""
    STREAM = "stream"
    """Left to the handler: ``context.chunks()``."""


class Dialect(Enum):
    """How forgiving the decoder is."""

    STRICT = "strict"
    """What the struct says, nothing else. Query parameters are converted from text."""
    MLFLOW = "mlflow"
    """What protobuf's JSON accepts, because MLflow's clients send it: camelCase, numbers as text,
    enums by name or
    number, null for absent, unknown fields, double encoding."""


class Empty(msgspec.Struct, frozen=True):
    """A request or response without fields."""


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """One route. ``twins`` are more paths of the very same route."""

    method: str
    path: str
    handler: Handler
    permission: Permission
    summary: str
    """One line for the docs page."""
    request: Any = Empty
    """Struct type that path, query and body are decoded into."""
    response: Any = Empty
    """Struct type that the handler returns, for the docs; ``None`` where it returns a ``Reply`` of
    bytes."""
    response_kind: str = "application/json"
    """Media type that ``response`` travels in; each event of a stream holds one."""
    body: Body | None = None
    """``None``: ``NONE`` for GET and HEAD, else ``JSON``."""
    dialect: Dialect = Dialect.STRICT
    group: str = ""
    """Heading on the docs page."""
    twins: tuple[str, ...] = ()
    on_loop: bool = False
    """Run a plain handler on the event loop: only for those that never block and take
    microseconds."""
    max_body_bytes: int | None = None
    """A smaller or larger limit than the server's."""

    @property
    def paths(self) -> tuple[str, ...]:
        """All paths this route answers."""
        return (self.path, *self.twins)

    @property
    def body_kind(self) -> Body:
        """How the body travels."""
        if self.body is not None:
            return self.body
        return Body.NONE if self.method in ("GET", "HEAD") else Body.JSON


class Match(NamedTuple):
    """What a look-up found."""

    place: int
    """Place of the route in ``Table.routes``."""
    params: dict[str, str]


class _Template(NamedTuple):
    pattern: re.Pattern[str]
    methods: dict[str, int]


class Table:
    """All routes of a server, with look-up by method and path."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self.routes: Sequence[Route] = tuple(routes)
        self._plain: dict[str, dict[str, int]] = {}
        self._templates: dict[str, _Template] = {}
        for index, route in enumerate(self.routes):
            for path in route.paths:
                self._add(path, method=route.method, index=index)

    def _add(self, path: str, *, method: str, index: int) -> None:
        if "{" in path:
            template = self._templates.setdefault(path, _Template(_compile(path), {}))
            methods = template.methods
        else:
            methods = self._plain.setdefault(path, {})
        if method in methods:
            raise ValueError(f"{method} {path} is declared twice")
        methods[method] = index

    def find(self, method: str, path: str) -> Match | list[str]:
        """The route for a request, or the methods that the path has (none: no such path)."""
        methods = self._plain.get(path)
        params: dict[str, str] = {}
        if methods is None:
            for template in self._templates.values():
                found = template.pattern.match(path)
                if found is not None:
                    methods, params = template.methods, found.groupdict()
                    if method in methods:
                        break
            if methods is None:
                return []
        index = methods.get(method)
        if index is None:
            return sorted(methods)
        return Match(index, params)

    def __iter__(self) -> Iterator[Route]:
        return iter(self.routes)


def _compile(path: str) -> re.Pattern[str]:
    parts: list[str] = []
    end = 0
    for found in _TEMPLATE.finditer(path):
        parts.append(re.escape(path[end : found.start()]))
        parts.append(f"(?P<{found[1]}>{'.*' if found[2] else '[^/]+'})")
        end = found.end()
    parts.append(re.escape(path[end:]))
    return re.compile("".join(parts) + r"\Z", re.DOTALL)


def path_fields(path: str) -> list[str]:
    """Names of the templates in a path."""
    return [found[1] for found in _TEMPLATE.finditer(path)]
