"""B14: what axe has to say of each page, in both themes, over the large store."""

from __future__ import annotations

from playwright.sync_api import Browser

from benchmarks.environments import ROOT
from benchmarks.ui import charts, content, table
from benchmarks.ui.budgets import Figures

AXE = ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js"
CHECK = """async () => {
    const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
    const { violations } = await axe.run(document, { runOnly: tags });
    return violations.map((one) => `${one.id}: ${one.nodes.length} × ${one.nodes[0].html}`);
}"""


def pages() -> dict[str, str]:
    """Address of each page, and what is there once it has come."""
    run = content.ident("panels", 0)
    runs = [content.ident("big", number) for number in range(4)]
    selected = "%5B" + ",".join(f"%22{one}%22" for one in runs) + "%5D"
    return {
        "/": "main h1, main a",
        table.EXPERIMENT: table.FIRST_ROW,
        charts.address(charts.PANELS): charts.DRAWN,
        f"{table.EXPERIMENT}?tab=compare&runs={selected}": "main table, main canvas",
        f"/runs/{run}": "main h1",
        "/models": "main h1",
        "/requests": "main h1",
        "/settings": "main h1",
        "/shortcuts": "main h1",
    }


def violations(browser: Browser, url: str) -> Figures:
    """How many rules are broken, counted for each page and theme, and printed."""
    found = 0
    source = AXE.read_text(encoding="utf-8")
    for theme in ("light", "dark"):
        context = browser.new_context(color_scheme=theme)  # type: ignore[arg-type]
        for path, selector in pages().items():
            page = context.new_page()
            page.goto(url + path)
            page.wait_for_selector(selector)
            page.evaluate(source)
            broken = page.evaluate(CHECK)
            for one in broken:
                print(f"    {theme} {path}: {one[:300]}")
            found += len(broken)
            page.close()
        context.close()
    return {"violations": found}
