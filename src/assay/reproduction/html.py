"""The report as one HTML page that needs nothing else: no script, no other file."""

from __future__ import annotations

import time
from typing import Final

from assay.http.html import Html, element
from assay.reproduction.report import Finding, Report

_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'"
_STYLE: Final = """
:root{color-scheme:light dark;--line:#8884;--soft:#777;--identical:#1a7f37;--within:#9a6700;
--different:#cf222e}
@media(prefers-color-scheme:dark){:root{--soft:#aaa;--identical:#3fb950;--within:#d29922;
--different:#f85149}}
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:64rem;padding:0 1rem}
table{border-collapse:collapse;width:100%;margin:.5rem 0 2rem}
th,td{text-align:left;vertical-align:top;padding:.35rem .6rem;border-bottom:1px solid var(--line);
overflow-wrap:anywhere}
code{font-size:13px}
.soft{color:var(--soft)}.identical{color:var(--identical)}.within{color:var(--within)}
.different{color:var(--different)}
.verdict{font-size:1.3rem;font-weight:600}
"""
MAX_ROWS: Final = 500
"""Rows of one table; what differs stands first."""


def report_page(report: Report) -> bytes:
    """The page; what users logged is text in it, never markup."""
    name = report.original_name or report.original
    body = [
        element("h1", f"Reproduction of {name}"),
        element("p", report.summary, class_=f"verdict {_class(report.verdict)}"),
        _facts(report),
    ]
    if report.verdict == "different" or report.causes:
        body.append(element("h2", "What tells the two runs apart, the likeliest cause first"))
        body.append(_causes(report))
    if report.notes:
        body.append(element("h2", "Notes"))
        body.append(element("ul", *(element("li", note) for note in report.notes)))
    body += [element("h2", "What was compared"), _findings(report.findings)]
    return _document(f"Reproduction of {name}", body)


def _facts(report: Report) -> Html:
    when = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(report.start_time_ms / 1_000))
    limit = report.tolerance
    rows = [
        ("original", f"{report.original_name} ({report.original})"),
        ("new run", f"{report.run_name} ({report.run_id})"),
        ("command", report.command),
        ("environment", report.environment),
        ("tolerance", f"relative {limit.relative:g}, absolute {limit.absolute:g}"),
        ("when", f"{when}, {report.seconds:.1f} s"),
    ]
    return element(
        "table",
        *(
            element("tr", element("th", label, scope="row"), element("td", value))
            for label, value in rows
        ),
    )


def _causes(report: Report) -> Html:
    if not report.causes:
        return element("p", "Nothing that was captured differs.", class_="soft")
    rows = [[str(place), one.dimension, one.sentence] for place, one in enumerate(report.causes, 1)]
    return _table(["", "dimension", "what differs"], rows)


def _findings(findings: list[Finding]) -> Html:
    rows: list[list[str | Html]] = [
        [
            one.kind,
            one.name,
            element("span", one.verdict, class_=_class(one.verdict)),
            one.detail,
            _short(one.before),
            _short(
                one.after if one.after is not None or one.verdict != "identical" else one.before
            ),
        ]
        for one in findings[:MAX_ROWS]
    ]
    if len(findings) > MAX_ROWS:
        rows.append([f"… and {len(findings) - MAX_ROWS} more", "", "", "", "", ""])
    return _table(["kind", "name", "verdict", "", "before", "now"], rows)


def _short(value: str | None) -> str:
    text = value or ""
    return text if len(text) < 64 else f"{text[:12]}…"


def _class(verdict: str) -> str:
    return {"within tolerance": "within", "not compared": "soft"}.get(verdict, verdict)


def _table(head: list[str], rows: list[list[str]] | list[list[str | Html]]) -> Html:
    return element(
        "table",
        element("thead", element("tr", *(element("th", cell, scope="col") for cell in head))),
        element("tbody", *(element("tr", *(element("td", cell) for cell in row)) for row in rows)),
    )


def _document(title: str, body: list[Html]) -> bytes:
    page = element(
        "html",
        element(
            "head",
            element("meta", charset="utf-8"),
            element("meta", http_equiv="Content-Security-Policy", content=_POLICY),
            element("meta", name="viewport", content="width=device-width, initial-scale=1"),
            element("title", f"{title} · Assay"),
            element("style", Html(_STYLE)),
        ),
        element("body", element("main", *body)),
        lang="en",
    )
    return b"<!doctype html>" + page.text.encode("utf-8", "replace")
