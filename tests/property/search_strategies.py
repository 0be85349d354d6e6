"""Random searches: trees, the text that means them, and runs that they may match."""

from __future__ import annotations

import math

import msgspec
from hypothesis import strategies as st

from assay.search.tree import (
    SUMMARY_FIGURES,
    And,
    Comparator,
    Comparison,
    Field,
    FieldKind,
    Figure,
    Moment,
    Node,
    Not,
    Or,
    OrderTerm,
)

C, K = Comparator, FieldKind

NOW_MS = 1_700_000_000_000
NUMERIC = (C.EQ, C.NE, C.LT, C.LE, C.GT, C.GE)

KEYS = ("a", "b c", "d.e", "a.min", 'q"`', "ä")
TEXTS = (
    "",
    "a",
    "A",
    "ab",
    "B%",
    "a_b",
    "ä",
    "Ä",
    "it's",
    "0.5",
    "10",
    "9",
    "1e3",
    "x*?[y]",
    "\\",
    "!",
    "😀",
)
NUMBERS = (0.0, -1.0, 0.5, 1.0, 9.0, 1000.0, 1e308, math.inf, -math.inf)
TIMES = (0, 1, NOW_MS - 86_400_000, NOW_MS, NOW_MS + 5)

keys = st.sampled_from(KEYS)
texts = st.sampled_from(TEXTS)
patterns = st.lists(st.sampled_from(("%", "_", *TEXTS)), max_size=4).map("".join)
numbers = st.sampled_from(NUMBERS)
times = st.sampled_from(TIMES)
lists = st.lists(texts, min_size=1, max_size=3).map(tuple)


@st.composite
def text_comparisons(
    draw: st.DrawFn, field: Field, *, lists_too: bool, presence: bool
) -> Comparison:
    comparators = [C.EQ, C.NE, C.LIKE, C.ILIKE]
    comparators += [C.IN, C.NOT_IN] if lists_too else []
    comparators += [C.IS_NULL, C.IS_NOT_NULL] if presence else []
    comparator = draw(st.sampled_from(comparators))
    if comparator in (C.IS_NULL, C.IS_NOT_NULL):
        return Comparison(field, comparator)
    if comparator in (C.IN, C.NOT_IN):
        return Comparison(field, comparator, draw(lists))
    if comparator in (C.LIKE, C.ILIKE):
        escape = draw(st.sampled_from(("", "", "!")))
        pattern = draw(patterns)
        if escape:
            pattern = pattern.replace("!", "!!")
            pattern += draw(st.sampled_from(("", "!%", "!_")))
        return Comparison(field, comparator, pattern, escape)
    return Comparison(field, comparator, draw(texts))


@st.composite
def metric_fields(draw: st.DrawFn) -> Field:
    figure = draw(st.sampled_from(SUMMARY_FIGURES))
    if draw(st.booleans()):
        return Field(K.METRIC, draw(keys))
    key = draw(keys)
    bare = not set(key) & set(' "`') and draw(st.booleans())
    return Field(K.METRIC, key, figure, dotted=bare)


@st.composite
def comparisons(draw: st.DrawFn) -> Comparison:
    kind = draw(
        st.sampled_from(
            ("metric", "param", "number", "tag", "dataset", "time", "duration", "text", "id")
        )
    )
    if kind == "metric":
        return Comparison(draw(metric_fields()), draw(st.sampled_from(NUMERIC)), draw(numbers))
    if kind == "number":
        return Comparison(Field(K.PARAM, draw(keys)), draw(st.sampled_from(NUMERIC)), draw(numbers))
    if kind == "time":
        value = draw(times | st.sampled_from((Moment(0), Moment(-86_400_000), Moment(5), -1.5)))
        field = Field(K.ATTRIBUTE, draw(st.sampled_from(("start_time", "end_time"))))
        return Comparison(field, draw(st.sampled_from(NUMERIC)), value)
    if kind == "duration":
        value = draw(st.sampled_from((0, 1, 5, 1.5, 86_400_000)))
        return Comparison(Field(K.ATTRIBUTE, "duration"), draw(st.sampled_from(NUMERIC)), value)
    if kind in ("param", "tag"):
        field = Field(FieldKind(kind), draw(keys))
        return draw(text_comparisons(field, lists_too=False, presence=True))
    if kind == "dataset":
        field = Field(K.DATASET, draw(st.sampled_from(("name", "digest", "context"))))
        return draw(text_comparisons(field, lists_too=True, presence=False))
    name = "run_id" if kind == "id" else draw(st.sampled_from(("run_name", "user_id", "status")))
    field = Field(K.ATTRIBUTE, name)
    return draw(text_comparisons(field, lists_too=kind == "id", presence=False))


def groups(children: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    def of(kind: type[And] | type[Or]) -> st.SearchStrategy[Node]:
        plain = children.filter(lambda node: not isinstance(node, kind))
        return st.lists(plain, min_size=2, max_size=3).map(lambda terms: kind(tuple(terms)))

    return of(And) | of(Or) | children.map(Not)


trees: st.SearchStrategy[Node] = st.recursive(comparisons(), groups, max_leaves=8)


@st.composite
def order_terms(draw: st.DrawFn) -> OrderTerm:
    field = draw(
        metric_fields()
        | st.builds(Field, st.sampled_from((K.PARAM, K.TAG)), keys)
        | st.builds(
            Field,
            st.just(K.ATTRIBUTE),
            st.sampled_from(("start_time", "end_time", "duration", "run_id", "run_name", "status")),
        )
    )
    return OrderTerm(field, descending=draw(st.booleans()))


orders = st.lists(order_terms(), max_size=3, unique_by=lambda term: term.field).map(tuple)


def render(tree: Node) -> str:
    """Text that means the tree."""
    if isinstance(tree, Not):
        return (
            f"not ({render(tree.term)})"
            if not isinstance(tree.term, Comparison)
            else f"NOT {render(tree.term)}"
        )
    if isinstance(tree, (And, Or)):
        word = " AND " if isinstance(tree, And) else " or "
        return word.join(
            f"({render(term)})" if isinstance(term, (And, Or)) else render(term)
            for term in tree.terms
        )
    field, value = render_field(tree.field), tree.value
    if value is None:
        return f"{field} {tree.comparator}"
    if isinstance(value, tuple):
        return f"{field} {tree.comparator.lower()} ({', '.join(map(quote, value))})"
    if isinstance(value, str):
        escape = f" ESCAPE {quote(tree.escape)}" if tree.escape else ""
        return f"{field} {tree.comparator} {quote(value)}{escape}"
    if isinstance(value, Moment):
        sign = "-" if value.offset_ms < 0 else "+"
        return f"{field} {tree.comparator} now {sign} {abs(value.offset_ms)}ms"
    return f"{field}{tree.comparator}{value!r}"


def render_field(field: Field) -> str:
    prefix = {K.METRIC: "metrics.", K.PARAM: "params.", K.TAG: "tags.", K.DATASET: "datasets."}.get(
        field.kind, ""
    )
    if field.kind in (K.ATTRIBUTE, K.DATASET):
        return prefix + field.key
    if field.dotted:
        return f"{prefix}{field.key}.{field.figure}"
    quoted = "`" + field.key.replace("`", "``") + "`"
    figure = f".{field.figure}" if field.figure is not Figure.LAST else ""
    return prefix + quoted + figure


def render_order(term: OrderTerm) -> str:
    return f"{render_field(term.field)} {'DESC' if term.descending else 'ASC'}"


def quote(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


class Series(msgspec.Struct, frozen=True):
    """Figures of a metric's latest series, as the store keeps them."""

    last: float
    min: float
    max: float
    mean: float
    first: float
    count: int


class FoundRun(msgspec.Struct, frozen=True):
    """A run as it stands in the tables."""

    run_id: str
    run_name: str
    user_id: str
    status: str
    start_time: int | None
    end_time: int | None
    experiment_id: str
    active: bool
    params: dict[str, str]
    tags: dict[str, str]
    metrics: dict[str, Series]
    datasets: list[tuple[str, str, str | None]]


_values = st.sampled_from((*NUMBERS, math.nan))
_series = st.builds(
    Series, _values, _values, _values, _values, _values, st.sampled_from((1, 9, 1000))
)


def runs_of(run_id: str) -> st.SearchStrategy[FoundRun]:
    return st.builds(
        FoundRun,
        run_id=st.just(run_id),
        run_name=texts,
        user_id=texts,
        status=st.sampled_from(("RUNNING", "FINISHED", "FAILED")),
        start_time=st.none() | times,
        end_time=st.none() | times,
        experiment_id=st.sampled_from(("0", "7")),
        active=st.sampled_from((True, True, True, False)),
        params=st.dictionaries(keys, texts, max_size=3),
        tags=st.dictionaries(keys, texts, max_size=3),
        metrics=st.dictionaries(keys, _series, max_size=4),
        datasets=st.lists(
            st.tuples(texts, texts, st.none() | texts), max_size=2, unique_by=lambda d: d[:2]
        ),
    )


RUN_IDS = ("a", "A", "ab", "B1", "r1", "r2", "r3", "z")
populations = st.lists(st.sampled_from(RUN_IDS), min_size=1, unique=True).flatmap(
    lambda ids: st.tuples(*map(runs_of, ids))
)
