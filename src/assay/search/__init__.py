"""The search language: grammar, tree, parser, page tokens. Knows nothing of SQL.

``parse_filter`` and ``parse_order_by`` turn text into trees, ``evaluate`` says what a tree means
for one record, ``sort_key`` what an order means. The SQL store compiles the same trees and gives
the same answers. Language: docs/reference/search.md.
"""

from __future__ import annotations

from assay.search.evaluate import (
    Record,
    evaluate,
    model_record,
    registered_record,
    run_record,
    sort_key,
    version_record,
)
from assay.search.parse import parse_filter, parse_order_by
from assay.search.tree import And, Comparison, Field, Node, Not, Or, OrderTerm
from assay.search.vocabulary import (
    EXPERIMENTS,
    LOGGED_MODELS,
    MODEL_VERSIONS,
    REGISTERED_MODELS,
    RUNS,
    Vocabulary,
)

__all__ = [
    "EXPERIMENTS",
    "LOGGED_MODELS",
    "MODEL_VERSIONS",
    "REGISTERED_MODELS",
    "RUNS",
    "And",
    "Comparison",
    "Field",
    "Node",
    "Not",
    "Or",
    "OrderTerm",
    "Record",
    "Vocabulary",
    "evaluate",
    "model_record",
    "parse_filter",
    "parse_order_by",
    "registered_record",
    "run_record",
    "sort_key",
    "version_record",
]
