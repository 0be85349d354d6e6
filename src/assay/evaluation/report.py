"""The report of an evaluation: Markdown for people and pull requests, HTML for notebooks.

Names of columns, values and metrics come from data and are escaped.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from assay.evaluation.findings import Findings
from assay.evaluation.slices import SMALL
from assay.evaluation.thresholds import Check

_MOST_IMPORTANT = 20
_SLICE_METRICS = 4
"""Metrics beside each slice in the report; all of them are in ``evaluation.json``."""
_LEADING = {
    "classifier": ("accuracy_score", "f1_score", "roc_auc", "log_loss"),
    "regressor": ("mean_absolute_error", "root_mean_squared_error", "r2_score", "mean_error"),
    "ranker": ("ndcg_at_10", "mean_reciprocal_rank", "mean_average_precision", "precision_at_10"),
    "forecaster": (
        "mean_absolute_error",
        "root_mean_squared_error",
        "mean_absolute_scaled_error",
        "interval_coverage",
    ),
}
_SPECIAL = str.maketrans({sign: f"\\{sign}" for sign in "\\`*<>|~"} | {"\n": " ", "\r": " "})

Section = tuple[str, list[str], list[list[str]]]
"""Title, head and rows of a table."""


def markdown(found: Findings) -> str:
    """The report as Markdown."""
    lines = [f"# Evaluation of a {_md(found.model_type)}", "", _md(_verdict(found)), ""]
    for title, head, rows in _sections(found):
        lines += [f"## {title}", "", _row(head), _row(["---"] * len(head))]
        lines += [_row([_md(cell) for cell in row]) for row in rows]
        lines.append("")
    if found.notes:
        lines += ["## Notes", "", *(f"- {_md(note)}" for note in found.notes), ""]
    pictures = [one.file for one in found.artifacts.values() if one.file.endswith(".png")]
    if pictures:
        lines += ["## Plots", "", *(f"![{_md(file)}]({file})" for file in pictures), ""]
    return "\n".join(lines)


def html(found: Findings) -> str:
    """The report as HTML, without plots."""
    parts = [f"<p><b>{escape(_verdict(found))}</b></p>"]
    for title, head, rows in _sections(found):
        heads = "".join(f"<th>{escape(cell)}</th>" for cell in head)
        body = "".join(
            "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
        )
        parts.append(
            f"<h4>{escape(title)}</h4><table><thead><tr>{heads}</tr></thead>"
            f"<tbody>{body}</tbody></table>"
        )
    if found.notes:
        parts.append("<ul>" + "".join(f"<li>{escape(n)}</li>" for n in found.notes) + "</ul>")
    return f"<div>{''.join(parts)}</div>"


def _verdict(found: Findings) -> str:
    rows = found.metrics.get(f"{found.prefix}example_count")
    counted = "" if rows is None else f" {rows:,.0f} rows."
    if not found.checks:
        return f"No thresholds were set.{counted}"
    failed = sum(not check.passed for check in found.checks)
    if failed:
        return f"FAILED: {failed} of {len(found.checks)} thresholds are not met.{counted}"
    return f"PASSED: all {len(found.checks)} thresholds are met.{counted}"


def _sections(found: Findings) -> list[Section]:
    parts = [_metrics(found)]
    if found.checks:
        rows = [_check_row(check) for check in found.checks]
        parts.insert(0, ("Thresholds", ["metric", "asked", "value", "baseline", "outcome"], rows))
    if found.slices:
        parts.append(_slices(found))
    if found.importances:
        rows = [
            [one.feature, _number(one.value), _number(one.deviation) if one.deviation else ""]
            for one in found.importances[:_MOST_IMPORTANT]
        ]
        title = f"Importances ({found.importance_method})"
        parts.append((title, ["feature", "importance", "deviation"], rows))
    return parts


def _metrics(found: Findings) -> Section:
    level = next((one.level for one in found.intervals.values()), 0.95)
    head = ["metric", "value", f"{100 * level:g} % interval"]
    baseline = found.baseline
    if baseline is not None:
        head += ["baseline", "difference", f"{100 * level:g} % interval of it"]
    rows = []
    for name, value in found.metrics.items():
        row = [name, _number(value), str(found.intervals.get(name, ""))]
        if baseline is not None:
            other = baseline.metrics.get(name)
            row += [
                _number(other),
                "" if other is None else f"{value - other:+.4g}",
                str(baseline.differences.get(name, "")),
            ]
        rows.append(row)
    return "Metrics", head, rows


def _check_row(check: Check) -> list[str]:
    outcome = "met" if check.passed else "; ".join(check.failures)
    return [
        check.metric,
        str(check.threshold),
        _number(check.value),
        _number(check.baseline),
        outcome,
    ]


def _slices(found: Findings) -> Section:
    known = [name.removeprefix(found.prefix) for name in found.metrics]
    leading = [name for name in _LEADING.get(found.model_type, ()) if name in known]
    names = (leading or known)[:_SLICE_METRICS]
    rows = []
    for one in found.slices:
        mark = f" (fewer than {SMALL} rows)" if one.is_small else ""
        cells = [
            f"{_number(one.metrics.get(name))} {one.intervals.get(name, '')}".strip()
            for name in names
        ]
        rows.append([str(one), f"{one.rows:,}{mark}", *cells, one.note])
    return "Slices", ["slice", "rows", *names, "note"], rows


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f}" if _is_count(value) else f"{value:.4g}"


def _is_count(value: float) -> bool:
    return float(value).is_integer() and abs(value) >= 10


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _md(text: str) -> str:
    """Text that Markdown shows as it is; brackets are escaped only where they could be a link."""
    plain = text.translate(_SPECIAL)
    if "](" in plain or "][" in plain:
        plain = plain.replace("[", "\\[").replace("]", "\\]")
    return plain
