"""HTML built from elements, so that text can't become markup: every plain string is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import NamedTuple

_VOID = frozenset({"input", "link", "meta", "br"})


class Html(NamedTuple):
    """Markup that was built here."""

    text: str


Child = str | Html | None


def element(name: str, /, *children: Child, **attributes: str) -> Html:
    """An element. ``class_`` and names with ``_`` are written the HTML way; ``None`` children are
    left out.
    """
    parts = [f"<{name}"]
    for key, value in attributes.items():
        parts.append(f' {key.rstrip("_").replace("_", "-")}="{escape(value, quote=True)}"')
    parts.append(">")
    if name in _VOID:
        return Html("".join(parts))
    for child in children:
        if isinstance(child, Html):
            parts.append(child.text)
        elif child is not None:
            parts.append(escape(child, quote=True))
    parts.append(f"</{name}>")
    return Html("".join(parts))


def standalone(title: str, *children: Child, style: str) -> bytes:
    """A whole page for a file: it needs no other one, and runs no script wherever it is opened.

    Args:
        title: of the page.
        children: what is in it.
        style: the text of its style sheet, from the program alone.
    """
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    return _document(
        title,
        children,
        element("meta", http_equiv="Content-Security-Policy", content=policy),
        element("style", Html(style)),
    )


def table(heads: Sequence[str], rows: Iterable[Sequence[Child]]) -> Html:
    """A table of cells under heads."""
    return element(
        "table",
        element("thead", element("tr", *(element("th", head, scope="col") for head in heads))),
        element("tbody", *(element("tr", *(element("td", cell) for cell in row)) for row in rows)),
    )


def page(title: str, *children: Child, style: str = "") -> bytes:
    """A whole page; ``style`` is the address of its style sheet, as seen from the page."""
    link = element("link", rel="stylesheet", href=style) if style else None
    return _document(title, children, link)


def _document(title: str, children: Sequence[Child], *head: Html | None) -> bytes:
    document = element(
        "html",
        element(
            "head",
            element("meta", charset="utf-8"),
            element("meta", name="viewport", content="width=device-width, initial-scale=1"),
            element("title", f"{title} · Assay"),
            *head,
        ),
        element("body", element("main", *children)),
        lang="en",
    )
    # A lone surrogate can't be stored, but one must not break a page either.
    return b"<!doctype html>" + document.text.encode("utf-8", "replace")
