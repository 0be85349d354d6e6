"""Figures: pages that run the scripts of others, for ``<iframe sandbox="allow-scripts">`` only.

The policy that travels with them gives the page an origin of its own and takes the network away,
so all that its scripts can see is the figure. Scripts of known libraries come from this server
instead of a CDN: figures are the same without the internet.
"""

from __future__ import annotations

import re
from typing import Any, Final, NamedTuple

import msgspec

from assay.errors import InvalidInput, LimitExceeded
from assay.server.files.json_text import read_json
from assay.server.files.opened import OpenedArtifact

MAX_BYTES: Final = 64 << 20
LIBRARIES: Final = ("plotly.min.js", "vega.min.js", "vega-lite.min.js", "vega-embed.min.js")
"""What this server has a copy of, below ``/figure-libs/``."""
LIBRARIES_PATH: Final = "/figure-libs/"
_FROM_PAGE: Final = "../../../.." + LIBRARIES_PATH
"""The same seen from the page at ``/api/assay/v1/files/figure``: right behind any path prefix."""

_SCRIPT: Final = re.compile(rb"<script\b([^<>]{1,2000})>", re.IGNORECASE)
_SOURCE: Final = re.compile(
    rb"""\bsrc\s*=\s*["']?\s*(?:https?:)?//([^"'\s<>]{1,1000})""", re.IGNORECASE
)
_MODULE: Final = re.compile(rb"""\btype\s*=\s*["']?\s*module""", re.IGNORECASE)
# A package (``vega@5``, ``plotly.js-dist-min``) or a file (``plotly-2.35.2.min.js``) in a URL.
_PLOTLY: Final = re.compile(
    rb"/plotly(?:\.js(?:-(?:[a-z0-9]+-)?dist(?:-min)?)?)?"
    rb"(?:-(?:basic|cartesian|geo|gl2d|gl3d|finance|mapbox|strict))?"
    rb"(?:[-@/](?:latest|[0-9][0-9a-z.\-]*?))?(?:\.min)?(?:\.js)?(?=[/?#]|\Z)"
)
_VEGA: Final = re.compile(
    rb"/(vega(?:-lite|-embed)?)(?:@[0-9a-z.\-]+)?(?:\.min)?(?:\.js)?(?=[/?#]|\Z)"
)
_HOST: Final = re.compile(r"(?:[A-Za-z0-9.\-_]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?\Z")
_BASE: Final = re.compile(r"/(?:(?!\.{1,2}/)[A-Za-z0-9._~\-]{1,100}/){0,20}\Z")
_UNSAFE: Final = {ord(c): f"\\u{ord(c):04x}" for c in "<>&\u2028\u2029"}
_LAYOUT: Final = (
    "html,body,#figure{margin:0;width:100%;height:100%}body{font:14px system-ui,sans-serif}"
    "#figure>p{padding:1rem}"
)
_PAGE: Final = (
    "<!doctype html><html><head><meta charset='utf-8'><title>Figure</title><style>{layout}</style>"
    "{scripts}</head><body><div id='figure'></div>"
    "<script type='application/json' id='spec'>{spec}</script><script>{draw}</script></body></html>"
)
_TELL: Final = (
    "function tell(text){var p=document.createElement('p');p.textContent=text;"
    "document.getElementById('figure').replaceChildren(p);}"
    "var spec=JSON.parse(document.getElementById('spec').textContent);"
)
_DRAW_PLOTLY: Final = _TELL + (
    "if(!window.Plotly)tell('This server has no copy of Plotly.');"
    "else{var layout=Object.assign({},spec.layout);delete layout.width;delete layout.height;"
    "layout.autosize=true;"
    "Plotly.newPlot('figure',{data:spec.data,layout:layout,frames:spec.frames,"
    "config:Object.assign({},spec.config,{responsive:true})})"
    ".catch(function(error){tell('The figure can\\u2019t be drawn: '+error);});}"
)
_DRAW_VEGA: Final = _TELL + (
    "if(!window.vegaEmbed)tell('This server has no copy of Vega.');"
    "else vegaEmbed('#figure',spec,{actions:false})"
    ".catch(function(error){tell('The figure can\\u2019t be drawn: '+error);});"
)


class FigurePage(NamedTuple):
    """A page, and the type under which it leaves."""

    body: bytes
    content_type: bytes


def figure_page(opened: OpenedArtifact) -> FigurePage:
    """The page that shows a figure: an HTML or SVG file as it is, or one that draws a Plotly, Vega
    or Vega-Lite specification.

    Raises:
        InvalidInput: the file is no figure.
        LimitExceeded: it is too large.
    """
    if opened.size > MAX_BYTES:
        raise LimitExceeded("The size of a figure in bytes", limit=MAX_BYTES, got=opened.size)
    content = opened.read(0, opened.size)
    if opened.suffix in (".html", ".htm"):
        return FigurePage(with_own_libraries(content), _type_of(b"text/html", content))
    if opened.suffix == ".svg":
        return FigurePage(content, _type_of(b"image/svg+xml", content))
    if opened.suffix in (".json", ".vg", ".vl"):
        return _drawn(content, opened.name)
    raise _no_figure(opened.name)


def figure_policy(scheme: str, host: str, base: str = "/") -> bytes:
    """The policy of a figure's page, on the server that was asked for by this Host.

    ``base`` is the path at which browsers see the server's root. Whoever makes an address may
    choose it, and gains nothing: the policy names this host only, and there one folder.

    Raises:
        InvalidInput: the Host or the base could break out of their place in the policy.
    """
    if not _BASE.match(base):
        raise InvalidInput("The base is no plain path such as '/' or '/lab/assay/'.")
    if not _HOST.match(host):
        raise InvalidInput("The Host header is no plain name or address.")
    origin = f"{'https' if scheme == 'https' else 'http'}://{host}"
    return (
        "sandbox allow-scripts; default-src 'none';"
        f" script-src 'unsafe-inline' 'unsafe-eval' {origin}{base.rstrip('/')}{LIBRARIES_PATH};"
        " style-src 'unsafe-inline'; img-src data: blob:; font-src data:; connect-src 'none';"
        " frame-ancestors 'self'; form-action 'none'; base-uri 'none'"
    ).encode()


def with_own_libraries(html: bytes) -> bytes:
    """A page whose scripts of known libraries come from this server, from whichever site it wanted
    them.
    """

    def replaced(found: re.Match[bytes]) -> bytes:
        source = _SOURCE.search(found[1])
        if source is None or _MODULE.search(found[1]):
            return found[0]
        # The host doesn't matter; its slash begins the path.
        path = source[1][source[1].find(b"/") :].lower() if b"/" in source[1] else b""
        name = _library(path)
        return found[0] if name is None else b'<script src="%s%s">' % (_PREFIX, name)

    return _SCRIPT.sub(replaced, html)


_PREFIX: Final = _FROM_PAGE.encode()


def _library(path: bytes) -> bytes | None:
    if _PLOTLY.search(path):
        return b"plotly.min.js"
    # The last one counts: ``/npm/vega-embed@6/build/vega-embed.min.js``.
    names = [found[1] for found in _VEGA.finditer(path)]
    return names[-1] + b".min.js" if names else None


def _drawn(content: bytes, name: str) -> FigurePage:
    try:
        spec = read_json(content)
    except InvalidInput as error:
        raise InvalidInput(f"{name!r} is no JSON: {error.message}.") from None
    if not isinstance(spec, dict):
        raise _no_figure(name)
    scripts: tuple[str, ...]
    schema = spec.get("$schema")
    if isinstance(schema, str) and "/vega" in schema:
        scripts, draw = LIBRARIES[1:], _DRAW_VEGA
    elif isinstance(spec.get("data"), list) and isinstance(spec.get("layout", {}), dict):
        if not ("layout" in spec or name.lower().endswith(".plotly.json")):
            raise _no_figure(name)
        scripts, draw = LIBRARIES[:1], _DRAW_PLOTLY
    else:
        raise _no_figure(name)
    tags = "".join(f'<script src="{_FROM_PAGE}{script}"></script>' for script in scripts)
    page = _PAGE.format(layout=_LAYOUT, scripts=tags, spec=_embedded(spec), draw=draw)
    return FigurePage(page.encode("utf-8", "replace"), b"text/html; charset=utf-8")


def _embedded(spec: Any) -> str:
    """JSON that can stand inside a script element. NaN and infinities become null, as Plotly
    writes them.
    """
    try:
        text = msgspec.json.encode(spec).decode()
    except (OverflowError, UnicodeError, RecursionError):
        raise InvalidInput("The figure holds what JSON can't: huge numbers, odd text.") from None
    return text.translate(_UNSAFE)


def _type_of(kind: bytes, content: bytes) -> bytes:
    """The type, with the encoding where it is sure; else the file tells by itself."""
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return kind
    return kind + b"; charset=utf-8"


def _no_figure(name: str) -> InvalidInput:
    return InvalidInput(
        f"{name!r} is shown as no figure: that is done for HTML and SVG files, and for JSON of"
        " Plotly ('data' and 'layout'), Vega and Vega-Lite ('$schema')."
    )
