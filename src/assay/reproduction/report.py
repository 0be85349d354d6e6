"""The report of a reproduction: whether the same came out again, and if not, what and why."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from assay.errors import InvalidInput

REPORT_PATH: Final = "assay/reproduction.json"
"""Where the run that repeats another keeps the report."""
FORMAT_VERSION: Final = 1
"""Of the report. Fields are only added; where a reader of version 1 would misread it, the number
goes up and the readers of older ones stay."""
MAX_REPORT_BYTES: Final = 32 << 20

Verdict = Literal["identical", "within tolerance", "different"]
VERDICTS: Final[tuple[Verdict, ...]] = ("identical", "within tolerance", "different")
"""From good to bad."""
Kind = Literal["metric", "param", "artifact", "model", "data"]


class Tolerance(msgspec.Struct, frozen=True):
    """How far a number may be from the one before: ``absolute + relative × |before|``."""

    relative: float = 0.0
    absolute: float = 0.0

    @property
    def is_exact(self) -> bool:
        """Whether nothing may differ."""
        return self.relative == 0 and self.absolute == 0


class Finding(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that was compared."""

    kind: Kind
    name: str
    verdict: Verdict | Literal["not compared"]
    detail: str = ""
    """What differs, in a sentence; or why it wasn't compared."""
    before: str | None = None
    after: str | None = None
    max_difference: float | None = None
    """Of numbers: the largest distance."""


class Cause(msgspec.Struct, frozen=True):
    """Something that tells the two runs apart, as ``assay.comparison`` ranks them."""

    dimension: str
    name: str
    before: str | None
    after: str | None
    sentence: str


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What came of running something again."""

    verdict: Verdict
    original: str
    """Id of the run that was repeated."""
    original_name: str
    run_id: str
    """Of the new run."""
    run_name: str
    command: str
    """What ran, secrets masked."""
    environment: str
    """What it ran in, in a few words."""
    tolerance: Tolerance
    findings: list[Finding]
    """What differs first; then what is within tolerance, what wasn't compared, what is
    identical."""
    causes: list[Cause] = []
    """What differs in how the two came about, the likeliest cause first; also of identical runs."""
    notes: list[str] = []
    """What couldn't be made as it was."""
    start_time_ms: int = 0
    seconds: float = 0.0
    version: int = FORMAT_VERSION

    def of(self, verdict: str) -> list[Finding]:
        """The findings of this verdict."""
        return [one for one in self.findings if one.verdict == verdict]

    @property
    def summary(self) -> str:
        """The verdict and what it rests on, in one line."""
        parts = [
            f"{count} {word}{'' if count == 1 else 's'}"
            for word in ("metric", "param", "artifact", "model")
            if (count := sum(one.kind == word for one in self.findings))
        ]
        compared = ", ".join(parts) or "nothing was logged that could be compared"
        differing = sum(one.kind != "data" for one in self.of("different"))
        of = f"{differing} of " if differing else ""
        return f"{self.verdict}: {of}{compared}"


def ordered(findings: list[Finding]) -> list[Finding]:
    """The findings, what matters most first."""
    order = {"different": 0, "within tolerance": 1, "not compared": 2, "identical": 3}
    kinds = {"data": 0, "metric": 1, "model": 2, "artifact": 3, "param": 4}
    return sorted(findings, key=lambda one: (order[one.verdict], kinds[one.kind], one.name))


def verdict_of(findings: list[Finding]) -> Verdict:
    """The worst verdict of what was compared. Other data alone make no other result."""
    found = {one.verdict for one in findings if one.kind != "data"}
    return next((one for one in reversed(VERDICTS) if one in found), "identical")


def decoded(content: bytes) -> Report:
    """A report from its file. Raises ``InvalidInput``."""
    try:
        return msgspec.json.decode(content, type=Report)
    except msgspec.DecodeError as error:
        raise InvalidInput(f"{REPORT_PATH} can't be read: {error}.") from None
