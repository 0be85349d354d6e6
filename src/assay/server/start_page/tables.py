"""Tables of the pages: columns that may stand in groups, figures to the right."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import NamedTuple

from assay.server.start_page.html import Child, Html, element


class Column(NamedTuple):
    """One column and its heading."""

    heading: str
    is_figure: bool = False
    """Numbers stand to the right, so that their digits line up."""
    group: str = ""
    """Heading above this column and its neighbours of the same group."""


def table(columns: Sequence[Column], rows: Iterable[Sequence[Child]], *, empty: str) -> Html:
    """A table that a click on a heading sorts; without rows, the text ``empty``."""
    body = [
        element(
            "tr",
            *(_cell("td", column, cell) for column, cell in zip(columns, row, strict=True)),
        )
        for row in rows
    ]
    if not body:
        return element("p", empty, class_="empty")
    headings = element("tr", *(_cell("th", column, column.heading) for column in columns))
    return element(
        "div",
        element(
            "table",
            element("thead", _groups(columns), headings),
            element("tbody", *body),
            class_="sortable",
        ),
        class_="scroll",
    )


def _cell(name: str, column: Column, content: Child) -> Html:
    if column.is_figure:
        return element(name, content, class_="figure")
    return element(name, content)


def _groups(columns: Sequence[Column]) -> Html | None:
    if not any(column.group for column in columns):
        return None
    return element(
        "tr",
        *(
            element("th", name, colspan=str(len(list(members))), class_="group" if name else "none")
            for name, members in groupby(columns, key=lambda column: column.group)
        ),
    )
