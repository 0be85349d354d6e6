"""``make reliability``: run the cases in full, print their figures, write docs/reliability.md."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.reliability.case import Case, Outcome, cases

PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"


def _line(case: Case, outcome: Outcome, took_s: float) -> str:
    figures = ", ".join(
        f"{_words(name)} {_shown(value)}" for name, value in outcome.figures.items()
    )
    held = "held" if outcome.held else "**broken**"
    return f"| {_words(case.name)} | {case.claim} | {held} | {figures} | {took_s:.0f} s |"


def _words(name: str) -> str:
    return name.replace("_", " ")


def _shown(value: float) -> str:
    return f"{value:,.3g}" if isinstance(value, float) else f"{value:,}"


def _heading() -> list[str]:
    return [
        "# Reliability",
        "",
        "Written by `make reliability`, which tries each promise for real; the cases are in",
        "`benchmarks/reliability/cases`, and CI runs their short forms."
        f" Last run in full: {datetime.now(UTC):%Y-%m-%d}.",
        "",
        "| case | promise | outcome | figures | took |",
        "|---|---|---|---|---|",
    ]


def main() -> int:
    """Run them; 1 if any promise was broken."""
    # A shell that starts this in the background has it ignore Ctrl-C, and so would the programs
    # that are started to be interrupted.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", metavar="CASE")
    parser.add_argument("--short", action="store_true", help="the form that CI runs")
    options = parser.parse_args()
    lines, broken = [], 0
    for case in cases():
        if options.only and case.name not in options.only:
            continue
        print(f"{case.name} …", file=sys.stderr, flush=True)
        began = time.monotonic()
        outcome = case.run(options.short)
        lines.append(_line(case, outcome, time.monotonic() - began))
        print(lines[-1], flush=True)
        broken += not outcome.held
    if not options.only and not options.short:
        PAGE.write_text("\n".join([*_heading(), *lines]) + "\n")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
