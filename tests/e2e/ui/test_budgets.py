"""What the UI sends: bytes and counts of the budgets B1 to B3, at their full value.

Times depend on the machine and are measured by ``python -m benchmarks.ui``.
"""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser

from assay.server.ui import STATIC
from benchmarks.ui import table
from benchmarks.ui.budgets import BUDGETS, Budget, Figures, met
from tests.e2e.ui.conftest import experiment_id
from tests.services.mlflow_client import ServerProcess

COUNTED = [
    budget for budget in BUDGETS if budget.ident in ("B1", "B2", "B3") and budget.limit is not None
]
MOST_IN_ALL_KB = 600
"""All scripts of all pages, gzip: more than that is something that doesn't belong there."""


@pytest.fixture(scope="module")
def sent(ui: ServerProcess, chromium: Browser) -> Figures:
    """What a cold load of the run table brought."""
    page = f"/experiments/{experiment_id(ui)}"
    return table.bytes_and_requests(chromium, ui.url, page)


@pytest.mark.parametrize("budget", COUNTED, ids=lambda budget: f"{budget.ident} {budget.figure}")
def test_a_cold_load_of_the_run_table_keeps_its_budget(sent: Figures, budget: Budget) -> None:
    assert met(budget, sent[budget.figure]), f"{budget.title}: {sent[budget.figure]}"


def test_the_run_table_is_drawn_by_scripts_and_styles_that_were_counted(sent: Figures) -> None:
    assert sent["js_kb"] > 50
    assert sent["css_kb"] > 1


def test_every_script_and_stylesheet_is_there_compressed() -> None:
    files = [path for path in (STATIC / "assets").iterdir() if path.suffix in (".js", ".css")]
    large = [path for path in files if path.stat().st_size >= 1_000]
    assert large
    assert [path.name for path in large if not path.with_name(f"{path.name}.gz").exists()] == []


def test_all_pages_together_stay_small() -> None:
    scripts = (STATIC / "assets").glob("*.js")
    assert sum(table.gzip_size(path) for path in scripts) / 1e3 <= MOST_IN_ALL_KB
