"""Reports: their page, and their verdict in a line."""

from __future__ import annotations

import msgspec
import pytest

from assay.errors import InvalidInput
from assay.reproduction.html import report_page
from assay.reproduction.report import Cause, Finding, Report, Tolerance, decoded

HOSTILE = "<script>alert(1)</script>"
REPORT = Report(
    verdict="different",
    original="a" * 32,
    original_name=HOSTILE,
    run_id="b" * 32,
    run_name="again",
    command=f"python {HOSTILE}",
    environment="uv, 3 packages pinned, Python 3.11.7",
    tolerance=Tolerance(),
    findings=[
        Finding(kind="metric", name=HOSTILE, verdict="different", detail=HOSTILE),
        Finding(kind="metric", name="acc", verdict="identical", before="0.5"),
        Finding(kind="data", name="d", verdict="different"),
    ],
    causes=[Cause("packages", "numpy", "1", "2", f"numpy is 2 {HOSTILE}")],
    notes=[HOSTILE],
)


def test_text_of_users_is_no_markup_on_the_page() -> None:
    page = report_page(REPORT).decode()
    assert "<script" not in page
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt;") >= 6
    assert "default-src 'none'" in page.replace("&#x27;", "'")
    assert "numpy is 2" in page


def test_summary_counts_what_was_compared() -> None:
    assert REPORT.summary == "different: 1 of 2 metrics"
    alone = msgspec.structs.replace(REPORT, verdict="identical", findings=REPORT.findings[1:2])
    assert alone.summary == "identical: 1 metric"
    nothing = msgspec.structs.replace(alone, findings=[])
    assert nothing.summary == "identical: nothing was logged that could be compared"


def test_report_reads_back_and_other_content_is_refused() -> None:
    assert decoded(msgspec.json.encode(REPORT)) == REPORT
    with pytest.raises(InvalidInput, match=r"reproduction\.json can't be read"):
        decoded(b'{"verdict": "good"}')
