"""Searches by a tag's value: from the index of values where it is rare, along the order where it is
common.

A search that walks its order and asks each row for the tag is quick when many rows have it, and
reads all rows when few do. One look at the index tells which it is.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Select, Table, func, select

from assay.search.tree import And, Comparator, Comparison, FieldKind, Node
from assay.store.sql.registry_tags import value_digest

RARE: Final = 3_000
"""Rows up to which all are looked up and sorted. Of 100,000 rows, a walk meets a page of what more
of them have before it has read as many.
"""


def rare_tag(conn: Connection, tree: Node, *, tags: Table, owner: str) -> Select[Any] | None:
    """The owners of the rarest tag without which nothing matches; ``None`` if all are common."""
    rarest, most = None, RARE
    for comparison in _required(tree):
        rows = _owners(comparison, tags, owner)
        sample = rows.limit(most + 1).subquery()
        count: int = conn.execute(select(func.count()).select_from(sample)).scalar_one()
        if count <= most:
            most, rarest = count, rows
    return rarest


def _owners(comparison: Comparison, tags: Table, owner: str) -> Select[Any]:
    value = str(comparison.value)
    column: ColumnElement[int] = tags.c[owner]
    return select(column).where(
        tags.c.key == comparison.field.key, tags.c.value_digest == value_digest(value)
    )


def _required(tree: Node) -> list[Comparison]:
    """Equalities of tags without which nothing matches."""
    if isinstance(tree, And):
        return [one for term in tree.terms for one in _required(term)]
    if (
        isinstance(tree, Comparison)
        and tree.field.kind is FieldKind.TAG
        and tree.comparator is Comparator.EQ
    ):
        return [tree]
    return []
