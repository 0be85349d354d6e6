"""Orders by figures that are read from points: their values as a table that rows are joined to.

SQLite reads numbers out of JSON with fewer digits than they have, so a value travels as a whole
number of the same order: its bits, those of negative numbers turned round.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

import msgspec
from sqlalchemy import ARRAY, BigInteger, FromClause, Text, cast, func, literal, select

from assay.entities.ids import RunId
from assay.search.tree import Comparison, Field, Node, Not, OrderTerm
from assay.store.sql.search.conditions import Dialect

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["fields_of_points", "numbers_of_keys", "value_rows"]

_MAGNITUDE: Final = 2**63 - 1


def fields_of_points(tree: Node, order: Sequence[OrderTerm] = ()) -> list[Field]:
    """The fields of a search whose values are read from points, each once."""
    found = [*_fields(tree), *(term.field for term in order)]
    return [field for field in dict.fromkeys(found) if field.is_of_points]


def _fields(tree: Node) -> Iterator[Field]:
    if isinstance(tree, Comparison):
        yield tree.field
    elif isinstance(tree, Not):
        yield from _fields(tree.term)
    else:
        for term in tree.terms:
            yield from _fields(term)


def value_rows(values: Mapping[RunId, float], *, dialect: Dialect, name: str) -> FromClause:
    """The values as a table of ``run_id`` and ``value``, which is NULL for NaN."""
    keys = _keys(values.values())
    if dialect == "postgresql":
        columns = (literal(list(values), ARRAY(Text)), literal(keys, ARRAY(BigInteger)))
        return func.unnest(*columns).table_valued("run_id", "value", name=name).render_derived()
    packed = msgspec.json.encode(dict(zip(values, keys, strict=True))).decode()
    items = func.json_each(packed).table_valued("key", "value", name=f"{name}_items")
    value = cast(items.c.value, BigInteger).label("value")
    # The offset keeps SQLite from looking through the JSON for each run: it makes an index instead.
    return select(items.c.key.label("run_id"), value).offset(0).subquery(name)


def _keys(values: Iterable[float]) -> list[int | None]:
    import numpy as np  # loaded already by whoever read the values; most searches read none

    numbers = np.fromiter(values, np.float64)
    numbers += 0.0  # −0.0 and 0.0 are one place
    bits = numbers.view(np.int64)
    keys = np.where(bits < 0, bits ^ _MAGNITUDE, bits).tolist()
    return [
        None if hole else key for key, hole in zip(keys, np.isnan(numbers).tolist(), strict=True)
    ]


def numbers_of_keys(keys: Sequence[int | None]) -> NDArray[np.float64]:
    """What the keys of a column of values stand for; ``None`` is NaN."""
    import numpy as np  # as above

    bits = np.array([0 if key is None else key for key in keys], np.int64)
    numbers = np.where(bits < 0, bits ^ _MAGNITUDE, bits).view(np.float64)
    numbers[[key is None for key in keys]] = np.nan
    return numbers
