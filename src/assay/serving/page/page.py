"""A page to try the models: ``/``, its script and style, and ``/signatures``, which it is made of.

The page itself holds nothing of the models, so it is answered without a token; its script asks for
the signatures, with a token where the server wants one, and writes what they say as text, never as
markup. It needs nothing from elsewhere, and its policy forbids it.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

from assay.http.headers import INERT
from assay.http.html import element, page
from assay.http.replies import HTML, JSON, Headers, Reply
from assay.serving.page.openapi import serving_example
from assay.serving.request import Request
from assay.serving.traffic import Traffic

_POLICY: Final = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self';"
    b" base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
PAGE_HEADERS: Final[Headers] = (
    *INERT,
    (b"content-security-policy", _POLICY),
    (b"cache-control", b"no-cache"),
)
"""Of the page and its files, in place of those that go with answers of the API."""
_HERE: Final = Path(__file__)
_SCRIPT: Final = b"text/javascript; charset=utf-8"
_FILES: Final = {
    name: Reply(_HERE.with_name(name).read_bytes(), content_type=kind)
    for name, kind in (
        ("page.js", _SCRIPT),
        ("page_fields.js", _SCRIPT),
        ("page.css", b"text/css; charset=utf-8"),
    )
}
_PAGE: Final = Reply(
    page(
        "Try a model",
        element("noscript", "This page asks the model by a script. The API needs none: /models."),
        element("div", id="app"),
        element("script", src="page.js", type="module"),
        style="page.css",
    ),
    content_type=HTML,
)


async def show(_request: Request) -> Reply:
    """The page."""
    return _PAGE


def file(name: str) -> Callable[[Request], Awaitable[Reply]]:
    """A handler that answers with one of the page's files."""
    reply = _FILES[name]

    async def show_file(_request: Request) -> Reply:
        return reply

    return show_file


async def signatures(request: Request) -> Reply:
    """What each model takes and gives, in MLflow's words, with its input example."""
    facts = [_facts(traffic) for traffic in request.host.routes()]
    return Reply(json.dumps(facts, ensure_ascii=False).encode("utf-8", "replace"), JSON)


def _facts(traffic: Traffic) -> dict[str, Any]:
    lane = traffic.lanes[0]
    model = lane.served.model
    inputs, outputs, params = model.input_schema, model.output_schema, model.params_schema
    return {
        "name": traffic.route.name,
        "source": traffic.route.source,
        "versions": [
            {"version": one.version.label, "weight": weight}
            for one, (_, weight) in zip(traffic.lanes, traffic.weights, strict=True)
        ],
        "inputs": None if inputs is None else inputs.to_dict(),
        "outputs": None if outputs is None else outputs.to_dict(),
        "params": None if params is None else params.to_dict(),
        "example": serving_example(lane),
        "streams": lane.served.streams,
    }
