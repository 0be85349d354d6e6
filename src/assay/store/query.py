"""Queries: what every search of a store is asked."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from assay.entities.lifecycle import ViewType


class Query(msgspec.Struct, frozen=True):
    """A search: filter and order in the grammar of ``assay.search``, and which page."""

    filter: str = ""
    order_by: Sequence[str] = ()
    view: ViewType = ViewType.ACTIVE_ONLY
    max_results: int = 1_000
    page_token: str | None = None
