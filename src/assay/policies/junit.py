"""JUnit XML of gate results, which the pages of CI systems show as tests.

One test suite for each request, one test case for each gate: a failed gate is a failure with its
value and limit, a pending one is skipped. What closed a request otherwise, such as a rejection, is
a test case of its own, so no refused request looks green. The same results give the same text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Final
from xml.etree import ElementTree as Xml

import msgspec

from assay.entities.transitions import CheckStatus, GateResult, RequestStatus, TransitionRequest
from assay.policies.bounds import number_text

_NOT_XML: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 (section 2.2) can't hold in any form."""
_CLOSED_BADLY: Final = {
    RequestStatus.REJECTED: "failure",
    RequestStatus.CONFLICT: "failure",
    RequestStatus.EXPIRED: "failure",
    RequestStatus.CANCELLED: "skipped",
    RequestStatus.OPEN: "skipped",
}
"""What the test case of the request itself says; of a refused one its gates say enough."""


class Suite(msgspec.Struct, frozen=True, kw_only=True):
    """The gates of one move."""

    name: str
    """Such as ``digits/3 to Production``."""
    checks: Sequence[GateResult]
    time_ms: int = 0
    properties: dict[str, str] = {}
    status: RequestStatus | None = None
    """Of the request; ``None``: there is none, as in a dry run."""
    status_reason: str = ""


def suite_of(request: TransitionRequest) -> Suite:
    """The suite of a request."""
    return Suite(
        name=f"{request.name}/{request.version} to {request.target}",
        checks=request.checks,
        time_ms=request.time,
        properties={
            "request": request.request_id,
            "model": request.name,
            "version": str(request.version),
            "target": request.target,
            "status": str(request.status),
            "requested_by": request.requested_by,
            "policy_revision": str(request.policy_revision),
        },
        status=request.status,
        status_reason=request.status_reason,
    )


def junit_text(suites: Iterable[Suite]) -> str:
    """The XML document of some suites, in their order."""
    root = Xml.Element("testsuites", {"name": "assay"})
    for suite in suites:
        root.append(_suite(suite))
    for counted in ("tests", "failures", "skipped"):
        root.set(counted, str(sum(int(one.get(counted, "0")) for one in root)))
    Xml.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{Xml.tostring(root, encoding="unicode")}\n'


def _suite(suite: Suite) -> Xml.Element:
    time = datetime.fromtimestamp(suite.time_ms / 1_000, UTC)
    name = _clean(suite.name)
    element = Xml.Element(
        "testsuite", {"name": name, "timestamp": time.strftime("%Y-%m-%dT%H:%M:%S")}
    )
    if suite.properties:
        properties = Xml.SubElement(element, "properties")
        for key, value in suite.properties.items():
            Xml.SubElement(properties, "property", {"name": _clean(key), "value": _clean(value)})
    cases = [_case(check, name) for check in suite.checks]
    if suite.status in _CLOSED_BADLY:
        cases.append(_case_of_request(suite, name, _CLOSED_BADLY[suite.status]))
    element.extend(cases)
    element.set("tests", str(len(cases)))
    for counted, tag in (("failures", "failure"), ("skipped", "skipped")):
        element.set(counted, str(sum(case.find(tag) is not None for case in cases)))
    element.set("errors", "0")
    return element


def _case(check: GateResult, suite: str) -> Xml.Element:
    # The place keeps two gates of the same words apart.
    name = f"gates[{check.place}] {check.condition}"
    case = Xml.Element("testcase", {"name": _clean(name), "classname": suite, "time": "0"})
    message = _clean(check.message)
    if check.status is CheckStatus.FAILED:
        failure = Xml.SubElement(
            case, "failure", {"message": message or "failed", "type": check.kind}
        )
        failure.text = "\n".join(_facts(check))
    elif check.status is CheckStatus.PENDING:
        Xml.SubElement(case, "skipped", {"message": message or "pending"})
    return case


def _facts(check: GateResult) -> Iterable[str]:
    yield _clean(f"condition: {check.condition}")
    if check.value is not None:
        yield f"value: {number_text(check.value)}"
    if check.limit is not None:
        yield f"limit: {number_text(check.limit)}"
    if check.by:
        yield _clean(f"looked at by: {check.by}")


def _case_of_request(suite: Suite, name: str, outcome: str) -> Xml.Element:
    case = Xml.Element("testcase", {"name": "request", "classname": name, "time": "0"})
    message = f"{suite.status}: {suite.status_reason}" if suite.status_reason else suite.status
    found = Xml.SubElement(case, outcome, {"message": _clean(str(message))})
    if outcome == "failure":
        found.set("type", str(suite.status))
    return case


def _clean(text: str) -> str:
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)
