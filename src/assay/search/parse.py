"""The parser: text of a filter or an order to a tree, by recursive descent.

Every text gives a tree or an ``InvalidFilter`` with the position of the mistake. Length, number of
comparisons and depth are capped, so no text makes the parser or a database work beyond measure.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from assay.errors import InvalidFilter
from assay.search import values
from assay.search.patterns import parse_pattern
from assay.search.scanner import Scanner
from assay.search.tree import (
    EVERYTHING,
    POINT_FIGURES,
    SUMMARY_FIGURES,
    And,
    Comparator,
    Comparison,
    Field,
    FieldKind,
    Figure,
    Node,
    Not,
    Or,
    OrderTerm,
    Value,
    figure_problem,
)
from assay.search.vocabulary import DATASET_KEYS, NUMERIC, ValueType, Vocabulary

MAX_LENGTH: Final = 65_536
"""Characters of a filter: room for an ``IN`` list of some 1,700 run ids."""
MAX_COMPARISONS: Final = 256
MAX_DEPTH: Final = 64
"""Nested parentheses and ``not``s."""
MAX_PATTERN_LENGTH: Final = 1_000
"""Characters of a ``LIKE`` pattern; SQLite refuses patterns above 50,000 bytes."""
MAX_ORDER_TERMS: Final = 32
MAX_ORDER_LENGTH: Final = 1_000

_FIGURES: Final = {str(figure): figure for figure in SUMMARY_FIGURES}
_OF_POINTS: Final = re.compile(rf"({'|'.join(POINT_FIGURES)}):(-?[0-9]{{1,40}})\Z")
_SYMBOLS: Final = {"=", "!=", "<", "<=", ">", ">="}


def parse_filter(text: str, vocabulary: Vocabulary) -> Node:
    """The meaning of a filter; an empty one matches everything.

    Raises:
        InvalidFilter: it doesn't parse, or goes beyond a limit.
    """
    if len(text) > MAX_LENGTH:
        raise InvalidFilter(text, MAX_LENGTH, f"a filter has at most {MAX_LENGTH:,} characters")
    scanner = Scanner(text)
    if scanner.at_end():
        return EVERYTHING
    parser = _FilterParser(scanner, vocabulary)
    tree = parser.read_or()
    if not scanner.at_end():
        scanner.fail("expected 'and', 'or' or the end")
    return tree


def parse_order_by(terms: Sequence[str], vocabulary: Vocabulary) -> tuple[OrderTerm, ...]:
    """The meaning of ``order_by``: each term a field, then ``ASC`` (the default) or ``DESC``.

    Raises:
        InvalidFilter: a term doesn't parse, names a field twice, or there are too many.
    """
    order: dict[Field, OrderTerm] = {}
    for number, text in enumerate(terms, 1):
        if number > MAX_ORDER_TERMS:
            raise InvalidFilter(text, 0, f"an order has at most {MAX_ORDER_TERMS} terms")
        if len(text) > MAX_ORDER_LENGTH:
            raise InvalidFilter(
                text, MAX_ORDER_LENGTH, f"it has more than {MAX_ORDER_LENGTH:,} characters"
            )
        term = _parse_order_term(Scanner(text), vocabulary)
        if term.field in order:
            raise InvalidFilter(text, 0, "the order names this field twice")
        order[term.field] = term
    return tuple(order.values())


def _parse_order_term(scanner: Scanner, vocabulary: Vocabulary) -> OrderTerm:
    start = scanner.skip_space()
    field = read_field(scanner, vocabulary)
    if field.kind not in vocabulary.orderable:
        scanner.fail(f"{vocabulary.entity} can't be ordered by a {field.kind}", at=start)
    if field.kind is FieldKind.ATTRIBUTE and vocabulary.attributes[field.key].several:
        scanner.fail(f"{vocabulary.entity} can't be ordered by {field.key!r}", at=start)
    direction = scanner.take_word("ASC", "DESC")
    if not scanner.at_end():
        scanner.fail("expected ASC, DESC or the end")
    return OrderTerm(field, descending=direction == "DESC")


def read_field(scanner: Scanner, vocabulary: Vocabulary) -> Field:
    """A field as the vocabulary knows it: ``prefix.key``, or the bare name of an attribute."""
    start = scanner.skip_space()
    name, quoted = scanner.read_name()
    if not name and not quoted:
        scanner.fail("expected a field such as metrics.loss, params.lr or status", at=start)
    if not scanner.text.startswith(".", scanner.at):
        return _attribute(scanner, vocabulary, key=name, at=start)
    kind = vocabulary.prefixes.get(name)
    if kind is None:
        known = ", ".join(sorted(vocabulary.prefixes))
        scanner.fail(f"unknown prefix {name!r}; {vocabulary.entity} have {known}", at=start)
    scanner.at += 1
    key_at = scanner.at
    key, quoted = scanner.read_key()
    if not key:
        scanner.fail("the key is empty", at=key_at)
    if kind is FieldKind.METRIC:
        return _metric(scanner, vocabulary, key=key, quoted=quoted)
    if kind is FieldKind.ATTRIBUTE:
        return _attribute(scanner, vocabulary, key=key, at=key_at)
    if kind is FieldKind.DATASET and key not in DATASET_KEYS:
        scanner.fail(f"datasets have {', '.join(DATASET_KEYS)}, not {key!r}", at=key_at)
    return Field(kind, key)


def _attribute(scanner: Scanner, vocabulary: Vocabulary, *, key: str, at: int) -> Field:
    name = vocabulary.aliases.get(key, key)
    if name not in vocabulary.attributes:
        known = ", ".join(sorted(vocabulary.attributes))
        scanner.fail(f"unknown attribute {key!r}; {vocabulary.entity} have {known}", at=at)
    return Field(FieldKind.ATTRIBUTE, name)


def _metric(scanner: Scanner, vocabulary: Vocabulary, *, key: str, quoted: bool) -> Field:
    if quoted:
        if not scanner.text.startswith(".", scanner.at):
            return Field(FieldKind.METRIC, key)
        scanner.at += 1
        at = scanner.at
        figure, of = _figure(scanner, vocabulary, text=scanner.read_key()[0], at=at)
        if figure is None:
            numbered = [f"{one}:N" for one in POINT_FIGURES] if vocabulary.point_figures else []
            scanner.fail(f"expected a figure: {', '.join([*_FIGURES, *numbered])}", at=at)
        return Field(FieldKind.METRIC, key, figure, of)
    base, dot, last = key.rpartition(".")
    if base and dot:
        at = scanner.at - len(last)
        figure, of = _figure(scanner, vocabulary, text=last, at=at)
        if figure is not None:
            return Field(FieldKind.METRIC, base, figure, of, dotted=True)
    return Field(FieldKind.METRIC, key)


def _figure(
    scanner: Scanner, vocabulary: Vocabulary, *, text: str, at: int
) -> tuple[Figure | None, int | None]:
    """The figure that a text names, and its number; no figure if it names none."""
    if text in _FIGURES or not vocabulary.point_figures:
        return _FIGURES.get(text), None
    found = _OF_POINTS.match(text)
    if found is None:
        return None, None
    figure, of = Figure(found[1]), int(found[2])
    problem = figure_problem(figure, of)
    if problem is not None:
        scanner.fail(problem, at=at)
    return figure, of


class _FilterParser:
    """One run over one text: counts comparisons and depth on the way."""

    def __init__(self, scanner: Scanner, vocabulary: Vocabulary) -> None:
        self.scanner = scanner
        self.vocabulary = vocabulary
        self.comparisons = 0
        self.depth = 0

    def read_or(self) -> Node:
        """Terms joined by ``or``, which binds less than ``and``."""
        terms = [self._read_and()]
        while self.scanner.take_word("OR"):
            terms.append(self._read_and())
        return terms[0] if len(terms) == 1 else Or(tuple(terms))

    def _read_and(self) -> Node:
        terms = [self._read_term()]
        while self.scanner.take_word("AND"):
            terms.append(self._read_term())
        return terms[0] if len(terms) == 1 else And(tuple(terms))

    def _read_term(self) -> Node:
        start = self.scanner.skip_space()
        negated = bool(self.scanner.take_word("NOT"))
        if not negated and not self.scanner.take("("):
            return self._read_comparison()
        self.depth += 1
        if self.depth > MAX_DEPTH:
            self.scanner.fail(f"a filter is nested at most {MAX_DEPTH} deep", at=start)
        if negated:
            inner: Node = Not(self._read_term())
        else:
            inner = self.read_or()
            if not self.scanner.take(")"):
                self.scanner.fail("expected 'and', 'or' or ')'")
        self.depth -= 1
        return inner

    def _read_comparison(self) -> Comparison:
        scanner = self.scanner
        start = scanner.skip_space()
        self.comparisons += 1
        if self.comparisons > MAX_COMPARISONS:
            scanner.fail(f"a filter has at most {MAX_COMPARISONS} comparisons", at=start)
        field = read_field(scanner, self.vocabulary)
        at = scanner.skip_space()
        comparator = self._read_comparator()
        if comparator in (Comparator.IS_NULL, Comparator.IS_NOT_NULL):
            self._check(field, comparator, None, at)
            return Comparison(field, comparator)
        value_at = scanner.skip_space()
        value = self._read_value(field, comparator)
        self._check(field, comparator, value, at)
        escape = ""
        if comparator in (Comparator.LIKE, Comparator.ILIKE):
            escape = self._read_escape(str(value), value_at)
        return Comparison(field, comparator, value, escape)

    def _read_comparator(self) -> Comparator:
        scanner = self.scanner
        start = scanner.skip_space()
        symbol = scanner.read_symbol()
        if symbol:
            if symbol not in _SYMBOLS:
                scanner.fail(f"unknown comparator {symbol!r}; there are = != < <= > >=", at=start)
            return Comparator(symbol)
        word = scanner.take_word("LIKE", "ILIKE", "IN", "NOT", "IS")
        if word == "NOT":
            if not scanner.take_word("IN"):
                scanner.fail("expected IN behind NOT; or put 'not' before the field")
            return Comparator.NOT_IN
        if word == "IS":
            absent = not scanner.take_word("NOT")
            if not scanner.take_word("NULL"):
                scanner.fail("expected NULL or NOT NULL behind IS")
            return Comparator.IS_NULL if absent else Comparator.IS_NOT_NULL
        if not word:
            scanner.fail("expected a comparator: = != < <= > >= LIKE ILIKE IN IS NULL", at=start)
        return Comparator(word)

    def _check(self, field: Field, comparator: Comparator, value: Value, at: int) -> None:
        if field.kind is FieldKind.ATTRIBUTE:
            allowed = self.vocabulary.attributes[field.key].comparators
        elif field.kind is FieldKind.PARAM and isinstance(value, (int, float)):
            allowed = NUMERIC
        else:
            allowed = self.vocabulary.comparators[field.kind]
        if comparator not in allowed:
            shown = ", ".join(sorted(allowed))
            self.scanner.fail(f"{field.kind} {field.key!r} takes {shown}, not {comparator}", at=at)

    def _read_value(self, field: Field, comparator: Comparator) -> Value:
        scanner = self.scanner
        start = scanner.skip_space()
        if comparator in (Comparator.IN, Comparator.NOT_IN):
            return tuple(self._canonical(field, text) for text in self._read_list())
        value = self._read_single(field)
        if value is None:
            scanner.fail(f"expected {self._expectation(field)}", at=start)
        scanner.end_value()
        return value

    def _read_single(self, field: Field) -> Value:
        scanner = self.scanner
        if field.kind is FieldKind.METRIC:
            number = values.read_number(scanner)
            return None if number is None else float(number)
        if field.kind is FieldKind.PARAM and not scanner.text_is_next():
            if not self.vocabulary.numeric_params:
                return scanner.read_number_text() or None
            number = values.read_number(scanner)
            return None if number is None else float(number)
        if field.kind is FieldKind.ATTRIBUTE:
            kind = self.vocabulary.attributes[field.key].type
            if kind is ValueType.TIME:
                return values.read_time(scanner)
            if kind is ValueType.DURATION:
                return values.read_duration(scanner)
            if kind is ValueType.NUMBER:
                return values.read_quoted_number(scanner)
        return self._canonical(field, scanner.read_text()) if scanner.text_is_next() else None

    def _expectation(self, field: Field) -> str:
        if field.kind is FieldKind.METRIC:
            return "a number"
        if field.kind is FieldKind.PARAM:
            return "a value in quotes, or a number"
        if field.kind is not FieldKind.ATTRIBUTE:
            return "a value in quotes"
        return {
            ValueType.TEXT: "a value in quotes",
            ValueType.NUMBER: "a number",
            ValueType.TIME: "milliseconds, a quoted ISO date, or now - 7d",
            ValueType.DURATION: "milliseconds, or a duration such as 90s",
        }[self.vocabulary.attributes[field.key].type]

    def _canonical(self, field: Field, text: str) -> str:
        if field.kind is FieldKind.ATTRIBUTE:
            return self.vocabulary.attributes[field.key].synonyms.get(text, text)
        return text

    def _read_list(self) -> list[str]:
        scanner = self.scanner
        start = scanner.skip_space()
        if not scanner.take("("):
            scanner.fail("expected a list such as ('a', 'b')")
        items: list[str] = []
        while not scanner.take(")"):
            items.append(scanner.read_text())
            if not scanner.take(","):
                if not scanner.take(")"):
                    scanner.fail("expected ',' or ')'")
                break
        if not items:
            scanner.fail("the list is empty", at=start)
        return items

    def _read_escape(self, pattern: str, at: int) -> str:
        scanner = self.scanner
        if len(pattern) > MAX_PATTERN_LENGTH:
            scanner.fail(f"a pattern has at most {MAX_PATTERN_LENGTH:,} characters", at=at)
        escape = ""
        if scanner.take_word("ESCAPE"):
            escape_at = scanner.skip_space()
            escape = scanner.read_text()
            if len(escape) != 1:
                scanner.fail("ESCAPE takes one character in quotes", at=escape_at)
        try:
            parse_pattern(pattern, escape)
        except ValueError as error:
            scanner.fail(str(error), at=at)
        return escape
