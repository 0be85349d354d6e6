"""JUnit XML of gate results."""

from __future__ import annotations

from xml.etree import ElementTree as Xml

import msgspec
import pytest

from assay.entities.transitions import CheckStatus, GateResult, RequestStatus, TransitionRequest
from assay.policies.junit import Suite, junit_text, suite_of

CHECKS = [
    GateResult(place=0, kind="metric", condition="metrics.acc >= 0.9", status=CheckStatus.PASSED),
    GateResult(
        place=1,
        kind="metric",
        condition="metrics.loss < 0.1",
        status=CheckStatus.FAILED,
        value=0.25,
        limit=0.1,
        message="it is 0.25, and must be < 0.1",
        by="store",
    ),
    GateResult(place=2, kind="golden", condition="golden predictions replayed"),
]
REQUEST = TransitionRequest(
    request_id="q1",
    name="digits",
    version=3,
    target="Production",
    expected=(2,),
    status=RequestStatus.REFUSED,
    requested_by="ann",
    time=1_767_225_600_000,
    policy_revision=4,
    checks=CHECKS,
)


def test_gates_become_test_cases() -> None:
    assert junit_text([suite_of(REQUEST)]) == (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<testsuites name="assay" tests="3" failures="1" skipped="1">\n'
        '  <testsuite name="digits/3 to Production" timestamp="2026-01-01T00:00:00" tests="3"'
        ' failures="1" skipped="1" errors="0">\n'
        "    <properties>\n"
        '      <property name="request" value="q1" />\n'
        '      <property name="model" value="digits" />\n'
        '      <property name="version" value="3" />\n'
        '      <property name="target" value="Production" />\n'
        '      <property name="status" value="refused" />\n'
        '      <property name="requested_by" value="ann" />\n'
        '      <property name="policy_revision" value="4" />\n'
        "    </properties>\n"
        '    <testcase name="gates[0] metrics.acc &gt;= 0.9" classname="digits/3 to Production"'
        ' time="0" />\n'
        '    <testcase name="gates[1] metrics.loss &lt; 0.1" classname="digits/3 to Production"'
        ' time="0">\n'
        '      <failure message="it is 0.25, and must be &lt; 0.1" type="metric">condition:'
        " metrics.loss &lt; 0.1\nvalue: 0.25\nlimit: 0.1\nlooked at by: store</failure>\n"
        "    </testcase>\n"
        '    <testcase name="gates[2] golden predictions replayed"'
        ' classname="digits/3 to Production" time="0">\n'
        '      <skipped message="pending" />\n'
        "    </testcase>\n"
        "  </testsuite>\n"
        "</testsuites>\n"
    )


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (RequestStatus.REJECTED, "failure"),
        (RequestStatus.CONFLICT, "failure"),
        (RequestStatus.EXPIRED, "failure"),
        (RequestStatus.CANCELLED, "skipped"),
        (RequestStatus.OPEN, "skipped"),
    ],
)
def test_request_that_moved_nothing_is_never_all_green(status: RequestStatus, outcome: str) -> None:
    closed = msgspec.structs.replace(
        REQUEST, status=status, status_reason="eve: no", checks=CHECKS[:1]
    )
    (suite,) = Xml.fromstring(junit_text([suite_of(closed)]))

    found = suite.find(f"testcase[@name='request']/{outcome}")
    assert found is not None
    assert found.get("message") == f"{status}: eve: no"


def test_completed_request_is_green() -> None:
    done = msgspec.structs.replace(REQUEST, status=RequestStatus.COMPLETED, checks=CHECKS[:1])
    root = Xml.fromstring(junit_text([suite_of(done)]))

    assert (root.get("tests"), root.get("failures"), root.get("skipped")) == ("1", "0", "0")


def test_dry_run_has_its_gates_only() -> None:
    (suite,) = Xml.fromstring(junit_text([Suite(name="dry run", checks=CHECKS)]))

    assert [child.tag for child in suite] == ["testcase"] * 3


def test_totals_count_all_suites() -> None:
    suite = Suite(name="s", checks=CHECKS)
    root = Xml.fromstring(junit_text([suite, suite]))

    assert (root.get("tests"), root.get("failures"), root.get("skipped")) == ("6", "2", "2")


@pytest.mark.parametrize(
    "text", ["<&>\"'", "]]>", "\0\x1b[31m", "\ud800", "\ufffe", "a\nb\tc", "ü😀", "--><script>"]
)
def test_hostile_text_gives_a_document_that_parses(text: str) -> None:
    check = GateResult(
        place=0, kind="golden", condition=text, message=text, status=CheckStatus.FAILED, by=text
    )
    written = junit_text(
        [Suite(name=text, checks=[check], properties={text: text}, status=RequestStatus.REJECTED)]
    )

    (suite,) = Xml.fromstring(written.encode())
    assert len(suite.findall("testcase")) == 2
    assert suite.find(".//script") is None
