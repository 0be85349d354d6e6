"""The budgets of the UI: what each figure may be at most. Rows of the page are made from them."""

from __future__ import annotations

from typing import NamedTuple

Figures = dict[str, float]


class Budget(NamedTuple):
    """One figure and its limit."""

    ident: str
    """The budget it belongs to; measured together with all others of it."""
    figure: str
    title: str
    limit: float | None
    """At most so much; ``None`` for what is only told."""
    unit: str
    digits: int = 0


BUDGETS = [
    Budget("B1", "js_kb", "scripts of the run table, gzip", 200, "kB"),
    Budget("B1", "js_wire_kb", "the same on the wire, as this browser takes it", None, "kB"),
    Budget("B1", "chunk_kb", "largest lazy chunk, gzip", 60, "kB"),
    Budget("B2", "css_kb", "stylesheets of the run table, gzip", 25, "kB", 1),
    Budget("B2", "fonts", "fonts", 0, ""),
    Budget(
        "B3", "requests", "requests until the rows came (icon and stream of changes apart)", 8, ""
    ),
    Budget("B3", "api_requests", "of these to the API", 3, ""),
    Budget("B3", "api_kb", "what the API sent for them", 60, "kB"),
    Budget("B4", "cold_ms", "rows visible, cold", 900, "ms"),
    Budget("B4", "warm_ms", "rows visible, warm cache", 500, "ms"),
    Budget("B5", "blocking_ms", "total blocking time of the cold load", 150, "ms"),
    Budget("B5", "longest_ms", "longest task of the cold load", 100, "ms"),
    Budget("B6", "p50_ms", "scrolling 10,000 rows × 30 columns: frame, p50", 16.8, "ms", 1),
    Budget("B6", "p95_ms", "frame, p95", 20, "ms", 1),
    Budget("B6", "max_ms", "frame, longest", 50, "ms", 1),
    Budget("B6", "script_ms", "script per frame", 4, "ms", 1),
    Budget("B6", "nodes", "rows in the document", 50, ""),
    Budget("B7", "sort_ms", "sort of 10,000 runs to repaint", 250, "ms"),
    Budget("B7", "filter_ms", "filter of 10,000 runs to repaint", 250, "ms"),
    Budget("B8", "draw_ms", "12 panels × 10 runs: drawing, from the answer", 250, "ms"),
    Budget("B8", "total_ms", "12 panels × 10 runs: from the first question", 600, "ms"),
    Budget("B9", "first_ms", "100 panels: those in view, from the first question", 600, "ms"),
    Budget("B9", "all_ms", "all 100 forced to draw, from the first answer", 600, "ms"),
    Budget("B9", "scroll_p95_ms", "scrolling over 100 panels: frame, p95", 33, "ms", 1),
    Budget("B10", "panel_ms", "one panel of 10 × 1,000,000 points, from the question", 700, "ms"),
    Budget("B10", "redraw_ms", "zoom to 1 %: first redraw", 50, "ms"),
    Budget("B10", "refined_ms", "zoom to 1 %: refined from the server", 300, "ms"),
    Budget("B11", "p95_ms", "cursor over synced panels: frame, p95", 25, "ms", 1),
    Budget("B12", "table_mb", "heap, run table", 60, "MB", 1),
    Budget("B12", "charts_mb", "heap, 100 panels scrolled through", 150, "MB", 1),
    Budget(
        "B13",
        "table_busy",
        "live, 50 runs × 10 metrics × 1 Hz, 60 s: table, main thread",
        15,
        "%",
        1,
    ),
    Budget("B13", "table_growth_mb", "live: table, heap growth", 10, "MB", 1),
    Budget("B13", "charts_busy", "live: charts, main thread", 15, "%", 1),
    Budget("B13", "charts_growth_mb", "live: charts, heap growth", 10, "MB", 1),
    Budget("B14", "violations", "violations that axe finds on all pages, both themes", 0, ""),
    Budget("S", "rows_ms", "server: 1,000 rows × 100 columns of 10,000 runs", 60, "ms"),
    Budget("S", "first_rows_ms", "server: the first 200 rows without columns", None, "ms"),
    Budget(
        "S", "deep_rows_ms", "server: 200 rows from row 9,000 on, ordered by a metric", None, "ms"
    ),
    Budget("S", "keys_ms", "server: keys of 10,000 runs × 1,000 metrics", 300, "ms"),
    Budget("S", "groups_ms", "server: 10,000 runs in groups, 3 metrics", None, "ms"),
    Budget("S", "values_ms", "server: values of a param, most frequent first", None, "ms"),
    Budget("S", "series_ms", "server: 10 series × 1,000,000 points as 1,000 buckets", 150, "ms"),
]

IDENTS = list(dict.fromkeys(budget.ident for budget in BUDGETS))


def met(budget: Budget, value: float) -> bool | None:
    """Whether the figure, as it is shown, keeps the limit; ``None`` where there is none."""
    return None if budget.limit is None else round(value, budget.digits) <= budget.limit
