"""For everybody: axe in both schemes, a narrow window, the keyboard alone, no more motion than wished."""

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect

from db.embedded import Stack
from tests.acceptance.conftest import picture
from tests.browser.parts import PATIENCE, Console, Watched, overflow

VIEWS = {
    "catalogs": ("/", "[data-catalog=shop] .frame.loaded"),
    "search": ("/c/shop/search?q=red+shoe+under+%2460&tags=red", ".grid .card"),
    "documents": ("/c/manuals/search?q=fuse", ".grid .card"),
    "ask": ("/c/manuals/ask?q=Which+fuse%3F", "textarea"),
    "add": ("/c/manuals/add", "ul[aria-label=Documents] li"),
    "jobs": ("/jobs?kind=all", ".job"),
    "health": ("/health", ".lane .status.succeeded"),
    "nowhere": ("/nowhere", ".empty"),
}
SERIOUS = ("serious", "critical")


def findings(console: Console) -> list[str]:
    """What axe finds serious or critical, with where."""
    found = Axe().run(console.page).response["violations"]
    return [f"{one['id']}: {node['target']} {node.get('failureSummary', '')[:200]}"
            for one in found if one["impact"] in SERIOUS for node in one["nodes"]]  # fmt: skip


def stand(console: Console, name: str) -> None:
    """Open a view and wait for what it shows."""
    address, shown = VIEWS[name]
    console.open(address)
    expect(console.page.locator(shown).first).to_be_visible(timeout=PATIENCE)
    console.page.wait_for_timeout(300)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious_in_any_view(
    browser: Browser, filled: Stack, scheme: str
) -> None:
    with Watched(
        browser, filled.url, color_scheme=scheme, viewport={"width": 1280, "height": 860}
    ).opened() as console:
        found = {}
        for name in VIEWS:
            stand(console, name)
            found[name] = findings(console)
            console.shot(f"view-{name}-{scheme}")
        stand(console, "documents")
        console.page.locator(".grid .opener").first.click()
        expect(console.page.locator("dialog .facts")).to_be_visible()
        found["item"] = findings(console)
        console.shot(f"view-item-{scheme}")
        stand(console, "ask")
        console.page.get_by_role("button", name="Ask").click()
        expect(console.page.locator(".answer")).to_be_visible(timeout=PATIENCE)
        found["answer"] = findings(console)
        console.shot(f"view-answer-{scheme}")
    print(
        f"\naxe, {scheme}: {sum(map(len, found.values()))} serious or critical in {len(found)} views"
    )
    assert not any(found.values()), found


def test_nothing_stands_out_of_a_window_of_375_pixels(browser: Browser, filled: Stack) -> None:
    narrow = {"width": 375, "height": 740}
    with Watched(
        browser, filled.url, viewport=narrow, has_touch=True, is_mobile=True
    ).opened() as console:
        for name in VIEWS:
            stand(console, name)
            assert overflow(console.page) == [], name
            console.shot(f"narrow-{name}")
        stand(console, "documents")
        console.page.locator(".grid .opener").first.click()
        expect(console.page.locator("dialog .facts")).to_be_visible()
        assert overflow(console.page) == []
        console.shot("narrow-item")
        stand(console, "ask")
        console.page.get_by_role("button", name="Ask").click()
        expect(console.page.locator(".answer")).to_be_visible(timeout=PATIENCE)
        assert overflow(console.page) == []
        console.shot("narrow-answer")


def press_until(console: Console, key: str, name: str, most: int = 60) -> None:
    """Press a key until what has focus is called so."""
    for _ in range(most):
        console.page.keyboard.press(key)
        focused = console.page.evaluate(
            "document.activeElement.getAttribute('aria-label') || document.activeElement.textContent.trim()"
        )
        if focused == name:
            return
    raise AssertionError(f"{name} was not reached in {most} presses of {key}")


def test_the_keyboard_alone_makes_fills_searches_and_deletes_a_catalog(
    console: Console, http: httpx.Client
) -> None:
    page = console.page
    console.open("/", "Catalogs")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()
    press_until(console, "Tab", "New catalog")
    page.keyboard.press("Enter")
    page.keyboard.type("by-hand")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="by-hand", level=1)).to_be_focused()

    press_until(console, "Tab", "Choose files")
    with page.expect_file_chooser() as chosen:
        page.keyboard.press("Space")
    chosen.value.set_files(
        [
            {"name": f"{n}.jpg", "mimeType": "image/jpeg", "buffer": picture(60 + n)}
            for n in range(3)
        ]
    )
    expect(console.job("3 pictures").locator(".status")).to_have_text("succeeded", timeout=PATIENCE)
    press_until(console, "Tab", "Search what was added")
    page.keyboard.press("Enter")
    expect(page.get_by_role("searchbox", name="Search by words")).to_be_focused()
    page.keyboard.type("something")
    expect(page.locator(".grid[aria-label=Results] .card")).to_have_count(3, timeout=PATIENCE)
    press_until(console, "Tab", "0")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog", name="0")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator(".opener", has_text="0")).to_be_focused()

    press_until(console, "Shift+Tab", "Catalogs")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Catalogs", level=1)).to_be_focused()
    press_until(console, "Tab", "Delete by-hand")
    page.keyboard.press("Enter")
    press_until(console, "Tab", "Delete it")
    page.keyboard.press("Enter")
    expect(page.locator("[data-catalog=by-hand]")).to_have_count(0)
    expect(page.get_by_role("heading", name="Catalogs", level=1)).to_be_focused()
    assert http.get("/v1/catalogs/by-hand").status_code == 404


def test_what_has_focus_is_seen(console: Console) -> None:
    console.open("/c/shop/search", "shop")
    expect(console.page.locator(".grid .card").first).to_be_visible()
    for _ in range(12):
        console.page.keyboard.press("Tab")
        ring = console.page.evaluate("""() => {
            const node = document.activeElement;
            return [node, node.closest('.card')].filter(Boolean)
                .some((one) => getComputedStyle(one).outlineStyle !== 'none');
        }""")
        assert ring, console.page.evaluate("document.activeElement.outerHTML")


def test_who_wants_less_motion_gets_none(browser: Browser, filled: Stack) -> None:
    with Watched(browser, filled.url, reduced_motion="reduce").opened() as console:
        console.open("/", "Catalogs")
        longest = console.page.evaluate("""() => Math.max(...[...document.querySelectorAll('*')].flatMap((node) => {
            const style = getComputedStyle(node);
            return [style.transitionDuration, style.animationDuration].map(parseFloat);
        }))""")
        assert longest <= 0.001
