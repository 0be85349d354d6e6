"""The diff of two runs as one HTML page that needs nothing else: no script, no other file."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from assay.comparison.diff import RunDiff
from assay.comparison.patches import CodeDiff
from assay.http.html import Html, element, standalone, table

_STYLE: Final = """
:root{color-scheme:light dark;--line:#8884;--soft:#888;--added:#2da44e26;--gone:#cf222e26}
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:72rem;padding:0 1rem}
table{border-collapse:collapse;width:100%;margin:.5rem 0 2rem}
th,td{text-align:left;vertical-align:top;padding:.35rem .6rem;border-bottom:1px solid var(--line);
overflow-wrap:anywhere}
meter{width:5rem}
pre{overflow:auto;border:1px solid var(--line);padding:.6rem;font-size:13px}
pre span{display:block;min-height:1.2em}
.added{background:var(--added)}.gone{background:var(--gone)}.soft{color:var(--soft)}
"""


def diff_page(found: RunDiff, code: CodeDiff | None = None) -> bytes:
    """The page; what users logged is text in it, never markup."""
    names = [found.a_name or found.a, found.b_name or found.b]
    body = [
        element("h1", f"Why {names[1]} differs from {names[0]}"),
        element("p", f"Baseline {found.a}, compared with {found.b}.", class_="soft"),
        element("h2", "What differs, the likeliest cause first"),
        table(
            ["weight", "dimension", "what", "baseline", "this run", "in words"],
            [
                [
                    element("meter", f"{one.weight:.2f}", value=f"{one.weight:.2f}"),
                    one.dimension,
                    one.name,
                    one.before or "",
                    one.after or "",
                    one.sentence,
                ]
                for one in found.differences
            ],
        )
        if found.differences
        else element("p", "Nothing that was captured differs."),
        element("h2", "What came of it"),
        table(
            ["metric", "baseline", "this run"],
            [[one.name, _number(one.before), _number(one.after)] for one in found.metrics],
        )
        if found.metrics
        else element("p", "All metrics are the same."),
    ]
    notes = [*found.notes, *([unknown_note(found)] if found.unknown else [])]
    if notes:
        body.append(element("ul", *(element("li", note) for note in notes)))
    if code is not None:
        body += [element("h2", "Code"), *_code(code)]
    return standalone(f"{names[0]} and {names[1]}", *body, style=_STYLE)


def unknown_note(found: RunDiff) -> str:
    """What wasn't captured, in a sentence."""
    return f"Not captured by both runs, so not compared: {', '.join(found.unknown)}."


def _code(code: CodeDiff) -> Iterable[Html]:
    for note in code.notes:
        yield element("p", note, class_="soft")
    if not code.text:
        yield element("p", "No difference is known.")
        return
    yield element("pre", *(_line(line) for line in code.text.splitlines()))


def _line(line: str) -> Html:
    is_head = line.startswith(("+++", "---"))
    if line.startswith("+") and not is_head:
        return element("span", line, class_="added")
    if line.startswith("-") and not is_head:
        return element("span", line, class_="gone")
    return element("span", line)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.10g}"
