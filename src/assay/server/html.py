"""HTML built from elements, so that text can't become markup: every plain string is escaped."""

from __future__ import annotations

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


def page(title: str, *children: Child, style: str = "") -> bytes:
    """A whole page; ``style`` is the address of its style sheet, as seen from the page."""
    document = element(
        "html",
        element(
            "head",
            element("meta", charset="utf-8"),
            element("meta", name="viewport", content="width=device-width, initial-scale=1"),
            element("title", f"{title} · Assay"),
            element("link", rel="stylesheet", href=style) if style else None,
        ),
        element("body", element("main", *children)),
        lang="en",
    )
    # A lone surrogate can't be stored, but one must not break a page either.
    return b"<!doctype html>" + document.text.encode("utf-8", "replace")
