"""The budgets of the web UI, and MLflow's UI beside it.

    python -m benchmarks.ui [--rounds 5] [--only B4 B6] [--no-mlflow] [--no-page] [--priority]

The seed is made once (about a minute) and kept in ``.bench/ui``; so are the figures, so that
``--only`` measures some anew and the page keeps the others.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import sys
import tempfile
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Error, sync_playwright

from benchmarks.registry import serving
from benchmarks.ui import access, against_mlflow, charts, live, server_side, table
from benchmarks.ui.browser import NotMeasured
from benchmarks.ui.budgets import BUDGETS, IDENTS, Figures, met
from benchmarks.ui.priority import ahead_of_others
from benchmarks.ui.report import TARGET, page, shown, stamp
from benchmarks.ui.seed import KEPT, seeded

FIGURES = KEPT / "figures.json"
FLAGS = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking")
Work = Callable[[], Figures]


def works(browser: Browser, url: str) -> dict[str, tuple[list[Work], bool]]:
    """What is measured for each budget, and whether one round is enough."""

    def of(*parts: Callable[[Browser, str], Figures]) -> list[Work]:
        return [lambda part=part: part(browser, url) for part in parts]  # type: ignore[misc]

    counted = of(table.bytes_and_requests)
    return {
        "B1": (counted, False),
        "B2": (counted, False),
        "B3": (counted, False),
        "B4": (of(table.appearing), False),
        "B5": (of(table.blocking), False),
        "B6": (of(table.scrolling), False),
        "B7": (of(table.asking), False),
        "B8": (of(charts.twelve), False),
        "B9": (of(charts.hundred), False),
        "B10": (of(charts.zooming), False),
        "B11": (of(charts.pointing), False),
        "B12": (of(table.heap, charts.heap), False),
        "B13": ([lambda: live.measure(browser)], True),
        "B14": (of(access.violations), True),
        "S": ([lambda: server_side.measure(url)], True),
    }


def measured(parts: list[Work], rounds: int) -> dict[str, Any]:
    """Medians over the rounds, or why there are none."""
    figures: Figures = {}
    why = ""
    for part in parts:
        try:
            seen = [part() for _ in range(rounds)]
        except (NotMeasured, Error) as error:
            why = str(error).splitlines()[0]
            continue
        figures |= {name: statistics.median(one[name] for one in seen) for name in seen[0]}
    return {"figures": figures, "rounds": rounds, **({"why": why} if why else {}), **stamp()}


def tell(ident: str, entry: dict[str, Any]) -> None:
    """The figures of a budget, as they come."""
    for budget in BUDGETS:
        if budget.ident != ident:
            continue
        value = entry["figures"].get(budget.figure)
        limit = "" if budget.limit is None else f"≤ {budget.limit:g}"
        if value is None:
            print(f"{ident:4} {budget.title:75} not measured: {entry.get('why')}", flush=True)
            continue
        verdict = {True: "met", False: "NOT MET", None: ""}[met(budget, value)]
        figure = shown(value, budget.unit, budget.digits)
        print(f"{ident:4} {budget.title:75} {limit:>8} {figure:>12}  {verdict}", flush=True)


def main() -> None:
    """Measure, print, keep, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", nargs="+", metavar="BUDGET", choices=[*IDENTS, "mlflow"])
    parser.add_argument("--no-mlflow", action="store_true")
    parser.add_argument("--no-page", action="store_true", help="print only")
    parser.add_argument("--priority", action="store_true", help="run ahead of other work (root)")
    options = parser.parse_args()
    wanted = options.only or [*IDENTS, *([] if options.no_mlflow else ["mlflow"])]
    kept = json.loads(FIGURES.read_text()) if FIGURES.exists() else {}
    folder = seeded()
    executable = shutil.which("chromium")
    if executable is None:
        raise SystemExit("chromium is missing: make servers installs it")

    def keep(name: str, entry: dict[str, Any]) -> None:
        kept[name] = {**entry, "priority": options.priority}
        FIGURES.write_text(json.dumps(kept, indent=1))

    with (
        ahead_of_others() if options.priority else nullcontext(),
        tempfile.TemporaryDirectory(prefix="assay-bench-") as work,
        serving("assay", f"sqlite:///{folder}/assay.db", Path(work)) as url,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=executable, args=list(FLAGS))
        for ident, (parts, once) in works(browser, url).items():
            if ident in wanted:
                keep(ident, measured(parts, 1 if once else options.rounds))
                tell(ident, kept[ident])
        if "mlflow" in wanted:
            print("beside MLflow …", file=sys.stderr, flush=True)
            rounds = min(options.rounds, 5)
            keep("mlflow", _compared(browser, url, rounds))
        browser.close()
    shown_page = page(kept)
    if not options.no_page:
        TARGET.write_text(shown_page, encoding="utf-8")
        print(f"wrote {TARGET}", file=sys.stderr)
    print(shown_page[shown_page.find("## Beside MLflow") :] if "mlflow" in wanted else "")


def _compared(browser: Browser, url: str, rounds: int) -> dict[str, Any]:
    try:
        found = against_mlflow.measure(browser, url, rounds)
    except (NotMeasured, Error) as error:
        return {"why": str(error).splitlines()[0], **stamp()}
    return {**found, "rounds": rounds, **stamp()}


if __name__ == "__main__":
    main()
