"""MLflow's prompts, which are registered models with a tag: searches leave them out.

MLflow's clients say so in each of their searches, and its server does it whatever they say unless a
filter asks for prompts.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Table, exists, not_, true
from sqlalchemy.sql.elements import ColumnElement

from assay.search.tree import Comparator, Comparison, Field, FieldKind, Node, Not
from assay.store.sql.registry_tags import PROMPT_TAG
from assay.store.sql.search.conditions import Condition, alias

_FIELD: Final = Field(FieldKind.TAG, PROMPT_TAG)
_ARE_NONE: Final = ((Comparator.NE, "true"), (Comparator.EQ, "false"))


def read_prompt_terms(tree: Node) -> Node:
    """``tree`` with "is no prompt" as MLflow means it: true of what lacks the tag, too."""
    if isinstance(tree, Comparison):
        if tree.field == _FIELD and (tree.comparator, tree.value) in _ARE_NONE:
            return Not(Comparison(_FIELD, Comparator.EQ, "true"))
        return tree
    if isinstance(tree, Not):
        return Not(read_prompt_terms(tree.term))
    return type(tree)(tuple(read_prompt_terms(term) for term in tree.terms))


def without_prompts(tree: Node, *, tags: Table, owner: ColumnElement[int]) -> Condition:
    """The condition that leaves prompts out, unless ``tree`` says something of them itself."""
    if _names_prompts(tree):
        return true()
    rows = alias(tags, "p")
    is_prompt = exists().where(
        rows.c[owner.name] == owner, rows.c.key == PROMPT_TAG, rows.c.value == "true"
    )
    return not_(is_prompt)


def _names_prompts(tree: Node) -> bool:
    if isinstance(tree, Comparison):
        return tree.field == _FIELD
    terms = (tree.term,) if isinstance(tree, Not) else tree.terms
    return any(map(_names_prompts, terms))
