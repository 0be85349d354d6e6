"""Text to tree: what is written is what is read, and nothing else gets through."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from assay.errors import InvalidFilter
from assay.search import (
    EXPERIMENTS,
    LOGGED_MODELS,
    MODEL_VERSIONS,
    REGISTERED_MODELS,
    RUNS,
    parse_filter,
    parse_order_by,
)
from assay.search.tree import Node
from tests.property.search_strategies import orders, render, render_order, trees

VOCABULARIES = st.sampled_from(
    (RUNS, EXPERIMENTS, LOGGED_MODELS, REGISTERED_MODELS, MODEL_VERSIONS)
)
PIECES = (
    "metrics.a",
    "params.`x y`",
    "tags.",
    'tag."q"',
    "attributes.start_time",
    "status",
    "alias",
    "version_number",
    "datasets.name",
    " ",
    "  ",
    "(",
    ")",
    ",",
    "'",
    '"',
    "`",
    "=",
    "!=",
    ">",
    "<=",
    "LIKE",
    "ilike",
    "IN",
    "NOT",
    "not",
    "is",
    "null",
    "and",
    "or",
    "now",
    "-",
    "7d",
    "1",
    "1e9",
    "'x'",
    "('a','b')",
    ".",
    ";",
    "\0",
    "\ud800",
    "9" * 30,
)


@given(trees)
@settings(max_examples=500)
def test_a_tree_written_as_text_reads_back_as_the_same_tree(tree: Node) -> None:
    assert parse_filter(render(tree), RUNS) == tree


@given(orders)
def test_an_order_written_as_text_reads_back_as_the_same_order(order: tuple) -> None:  # type: ignore[type-arg]
    assert parse_order_by([render_order(term) for term in order], RUNS) == order


@given(st.lists(st.sampled_from(PIECES), max_size=12).map(" ".join) | st.text(), VOCABULARIES)
@settings(max_examples=1_000)
def test_garbage_is_an_invalid_filter_with_a_position_inside_the_text(text, vocabulary) -> None:  # type: ignore[no-untyped-def]
    for parse in (
        lambda: parse_filter(text, vocabulary),
        lambda: parse_order_by([text], vocabulary),
    ):
        mistake = _mistake(parse)
        assert mistake is None or 0 <= mistake.position <= len(text)


def _mistake(parse: Callable[[], object]) -> InvalidFilter | None:
    try:
        parse()
    except InvalidFilter as error:
        return error
    return None


@given(trees, st.data())
@settings(max_examples=500)
def test_a_mutated_filter_parses_or_is_an_invalid_filter(tree: Node, data: st.DataObject) -> None:
    text = render(tree)
    at = data.draw(st.integers(0, len(text)))
    cut = data.draw(st.integers(0, 3))
    inserted = data.draw(st.sampled_from(PIECES) | st.just(""))
    with contextlib.suppress(InvalidFilter):
        parse_filter(text[:at] + inserted + text[at + cut :], RUNS)
