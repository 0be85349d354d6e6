"""One journey by keyboard alone: from the first page to a file of the best run and back."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.services.browser import Visit

_FOCUSED = """() => {
    const at = document.activeElement;
    // A field's frame may show the focus in its stead.
    const around = [at, at.parentElement, at.parentElement?.parentElement].filter(Boolean);
    const styles = around.map((one) => getComputedStyle(one));
    const box = at.getBoundingClientRect();
    return {
        name: (at.getAttribute("aria-label") || at.innerText || "").trim(),
        role: at.getAttribute("role") || at.tagName.toLowerCase(),
        isPage: at === document.body,
        marked: styles.some((s) => s.outlineStyle !== "none" && parseFloat(s.outlineWidth) > 0),
        seen: box.bottom > 0 && box.top < innerHeight && box.width > 0,
    };
}"""


def _tab_to(page: Page, role: str, name: str) -> None:
    """Press Tab until this has the focus; each stop on the way must be seen to have it."""
    for _ in range(80):
        page.keyboard.press("Tab")
        at = page.evaluate(_FOCUSED)
        if at["isPage"]:
            continue
        assert at["marked"], f"no visible focus: {at}"
        assert at["seen"], f"the focus is off the screen: {at}"
        if at["role"] == role and at["name"].startswith(name):
            return
    raise AssertionError(f"Tab never comes to the {role} {name!r}")


def test_the_whole_way_by_keyboard(tab: Visit) -> None:
    page = tab.open("/")
    expect(page.get_by_role("link", name="digits", exact=True)).to_be_visible()
    page.keyboard.press("Tab")
    assert page.evaluate(_FOCUSED)["name"] == "Skip to the content"
    page.keyboard.press("Enter")
    _tab_to(page, "input", "")
    page.keyboard.type("digits")
    _tab_to(page, "a", "digits")
    page.keyboard.press("Enter")
    grid = page.get_by_role("grid")
    expect(grid.locator("[data-run-row]").first).to_be_visible()

    page.keyboard.press("/")
    page.keyboard.type("params.model = 'mlp'")
    page.keyboard.press("Enter")
    expect(grid).to_have_attribute("aria-rowcount", "7")
    page.keyboard.press("Escape")
    _tab_to(page, "grid", "")
    page.keyboard.press("Control+Home")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    page.keyboard.press("Shift+ArrowDown")
    page.keyboard.press("c")
    expect(page.get_by_role("rowheader", name="val/accuracy")).to_be_visible()
    # The browser's own key for it means nothing to one without a window.
    page.go_back()
    expect(grid.locator("[data-run-row]").first).to_be_visible()

    _tab_to(page, "grid", "")
    page.keyboard.press("Control+Home")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="mlp-")).to_be_visible()
    _tab_to(page, "a", "Files")
    page.keyboard.press("Enter")
    expect(page.get_by_role("tree")).to_be_visible()
    _tab_to(page, "tree", "")
    page.keyboard.press("End")
    page.keyboard.press("Enter")
    expect(page.get_by_text("rate:")).to_be_visible()

    page.keyboard.press("?")
    expect(page.get_by_role("heading", name="Keyboard shortcuts")).to_be_visible()
