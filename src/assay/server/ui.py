"""The web UI: the built files of ``web/``, and the one page that all addresses of the UI share.

The files lie in ``static/`` beside this module, made by the build (see ``hatch_build.py``), with
their compressed forms beside them. What changes carries a digest in its name, so browsers keep it
for good; the page itself is asked for anew each time. Where nothing was built, a page says how to.
"""

from __future__ import annotations

import mimetypes
from collections.abc import Iterable
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from assay.http.errors import HttpError
from assay.http.html import element, page
from assay.http.replies import HTML, Headers, Reply
from assay.server.context import Context, Handler
from assay.server.routing import Empty, Permission, Route

STATIC: Final = Path(__file__).parent / "static"
GROUP: Final = "Pages"

PAGE_POLICY: Final = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:;"
    b" media-src 'self'; connect-src 'self'; frame-src 'self'; manifest-src 'self';"
    b" form-action 'none'; base-uri 'self'; frame-ancestors 'none'"
)
"""What a page of the UI may do: run and load our own files, nothing else."""
_PAGE_HEADERS: Final[Headers] = (
    (b"content-security-policy", PAGE_POLICY),
    (b"cache-control", b"no-cache"),
)
_FOREVER: Final = (b"cache-control", b"public, max-age=31536000, immutable")
_REVALIDATED: Final = (b"cache-control", b"no-cache")

_PAGES: Final = (
    "/",
    "/experiments",
    "/experiments/{rest:path}",
    "/runs/{rest:path}",
    "/models",
    "/models/{rest:path}",
    "/logged-models/{rest:path}",
    "/deployments",
    "/deployments/{rest:path}",
    "/requests",
    "/queues",
    "/settings",
    "/settings/{rest:path}",
    "/shortcuts",
)
"""Addresses that the UI's own router tells apart."""
_HOW_TO_BUILD: Final = (
    "This copy of Assay was installed without its web pages. Install it again without"
    " ASSAY_SKIP_UI, or run `make web` in a checkout, and start the server again."
)


class PageName(msgspec.Struct, frozen=True):
    """An address of the UI; its own router tells them apart."""

    rest: str = ""


class AssetName(msgspec.Struct, frozen=True):
    """A file of the build."""

    name: str


class BuiltFile(NamedTuple):
    """A file of the build, with its compressed forms; empty where it has none."""

    content: bytes
    kind: bytes
    brotli: bytes
    gzip: bytes

    def reply(self, accepted: str, *, headers: Headers) -> Reply:
        """The smallest form that the browser takes."""
        encodings = {part.partition(";")[0].strip() for part in accepted.split(",")}
        vary = (b"vary", b"accept-encoding")
        for name, packed in (("br", self.brotli), ("gzip", self.gzip)):
            if packed and name in encodings:
                encoding = (b"content-encoding", name.encode())
                return Reply(packed, self.kind, headers=(*headers, vary, encoding), compress=False)
        return Reply(self.content, self.kind, headers=headers)


class WebUi:
    """The built files, read once."""

    def __init__(self, folder: Path = STATIC) -> None:
        index = folder / "index.html"
        self._index = index.read_text(encoding="utf-8") if index.is_file() else None
        self._files = {
            path.relative_to(folder).as_posix(): _read(path)
            for path in _files(folder)
            if path.suffix not in (".br", ".gz")
        }

    def show(self, context: Context, _request: PageName) -> Reply:
        """The page; its base leads back to the server's root, whatever path a proxy put before."""
        if self._index is None:
            text = page("Assay", element("h1", "No web pages"), element("p", _HOW_TO_BUILD))
            return Reply(text, HTML, headers=_PAGE_HEADERS)
        up = "../" * (context.path.count("/") - 1) or "./"
        text = self._index.replace('<base href="./"', f'<base href="{up}"', 1).encode()
        return Reply(text, HTML, headers=_PAGE_HEADERS)

    def asset(self, context: Context, request: AssetName) -> Reply:
        """A file whose name tells its content."""
        return self._reply(context, f"assets/{request.name}", _FOREVER)

    def plain(self, context: Context, _request: Empty) -> Reply:
        """A file with a name of its own."""
        return self._reply(context, context.path[1:], _REVALIDATED)

    def _reply(self, context: Context, name: str, caching: tuple[bytes, bytes]) -> Reply:
        found = self._files.get(name)
        if found is None:
            raise HttpError(404, f"The web pages have no file {name!r}.", error_code="NOT_FOUND")
        return found.reply(context.header(b"accept-encoding"), headers=(caching,))


def ui_routes(ui: WebUi) -> tuple[Route, ...]:
    """The page at each of its addresses, and the files it loads."""
    return (
        *(
            Route(
                method="GET",
                path=path,
                handler=ui.show,
                permission=Permission.READ,
                request=PageName,
                response=None,
                summary="A page of the web UI",
                group=GROUP,
                on_loop=True,
            )
            for path in _PAGES
        ),
        _file_route("/assets/{name}", ui.asset, request=AssetName),
        _file_route("/theme.js", ui.plain),
        _file_route("/favicon.svg", ui.plain),
    )


def _file_route(path: str, handler: Handler, *, request: type[msgspec.Struct] = Empty) -> Route:
    return Route(
        method="GET",
        path=path,
        handler=handler,
        permission=Permission.PUBLIC,
        request=request,
        response=None,
        summary="A file of the web UI",
        group=GROUP,
        on_loop=True,
    )


def _files(folder: Path) -> Iterable[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file())


def _read(path: Path) -> BuiltFile:
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    if kind.startswith("text/"):
        kind += "; charset=utf-8"
    return BuiltFile(
        path.read_bytes(),
        kind.encode(),
        _packed(path, ".br"),
        _packed(path, ".gz"),
    )


def _packed(path: Path, suffix: str) -> bytes:
    packed = path.with_name(path.name + suffix)
    return packed.read_bytes() if packed.is_file() else b""
