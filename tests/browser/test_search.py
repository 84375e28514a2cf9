"""Searching in the console: as one types, by a picture, by an item; filters and what was understood."""

import re
import statistics
import time
from pathlib import Path

import pytest
from playwright.sync_api import Page, Request, expect

from db.embedded import Stack
from tests.browser.parts import PATIENCE, Console, Dropped

SHOP = "/c/shop/search"
FIRST_HIT_SECONDS = 2.0
"""Far above what was measured: the bound is there to fail when typing stops searching."""


@pytest.fixture
def shop(console: Console) -> Console:
    console.open(SHOP, "shop")
    expect(console.page.locator(".grid .card").first).to_be_visible()
    return console


def picture_of(stack: Stack, place: int) -> Path:
    return sorted((stack.folder / "sample" / "images").iterdir())[place]


def first_hit(page: Page, words: str) -> float:
    """Seconds from the last key until a hit for the words is seen."""
    box = page.get_by_role("searchbox", name="Search by words")
    box.fill("")
    expect(page.locator(".result-head")).to_have_text("Everything")
    box.press_sequentially(words, delay=20)
    begun = time.perf_counter()
    page.wait_for_selector(".grid[aria-label=Results] .card")
    return time.perf_counter() - begun


def test_a_catalog_shows_what_it_holds_before_anything_is_searched(shop: Console) -> None:
    expect(shop.page.locator(".grid .card")).to_have_count(24)
    shop.page.get_by_role("button", name="Show more").click()
    expect(shop.page.locator(".grid .card")).to_have_count(48)


def test_typing_searches_without_a_button(shop: Console) -> None:
    shop.search("yellow tie")
    assert "tie" in shop.names()[0].lower()
    best = shop.page.locator(".grid .card").first
    expect(best.locator(".score")).to_have_text(re.compile(r"^\d\.\d\d$"))
    expect(best.locator(".why")).to_contain_text("picture")
    expect(best.locator(".price")).to_have_text(re.compile(r"^\$[\d,]+\.\d\d$"))
    expect(shop.page.locator("#live")).to_contain_text("24 results yellow tie")
    expect(shop.page).to_have_url(re.compile(r"q=yellow\+tie"))
    shop.shot("search-light")
    took = [
        first_hit(shop.page, words) for words in ("red shoe", "blue mug", "green chair", "a lamp")
    ]
    print(f"\nfirst hit after the last key: median {statistics.median(took) * 1000:.0f} ms, "
          f"slowest {max(took) * 1000:.0f} ms (150 ms of them are waited for more keys)")  # fmt: skip
    assert max(took) < FIRST_HIT_SECONDS


def test_a_search_that_was_overtaken_is_given_up_and_never_shown(shop: Console) -> None:
    canceled: list[Request] = []
    shop.page.on("requestfailed", lambda request: canceled.append(request))  # noqa: PLW0108 - a builtin is no handler
    # The first answer is held back by the network until the second is there.
    shop.page.route(
        "**/searches",
        lambda route: None if "overtaken" in (route.request.post_data or "") else route.continue_(),
    )
    box = shop.page.get_by_role("searchbox", name="Search by words")
    with shop.page.expect_request("**/searches"):
        box.fill("overtaken words")
    shop.search("red shoe")
    assert "shoe" in " ".join(shop.names()).lower()
    expect(shop.page.locator("[aria-busy]")).to_have_count(0)
    assert [request.failure for request in canceled] == ["net::ERR_ABORTED"]


def test_constraints_in_words_are_shown_as_chips_and_can_be_taken_away(shop: Console) -> None:
    shop.search("red shoe under $60")
    understood = shop.page.get_by_role("list", name="Understood from the words")
    expect(understood).to_contain_text("price under 60 USD")
    expect(shop.page.locator(".understood")).to_contain_text("Searched for “red shoe”")
    shop.shot("search-understood")
    prices = shop.page.locator(".grid .price").all_inner_texts()
    assert prices and all(float(price.strip("$").replace(",", "")) < 60 for price in prices)

    understood.get_by_role("button", name="Remove price under 60 USD").click()
    expect(understood).to_be_hidden()
    expect(shop.page.locator(".grid .card")).to_have_count(24)
    prices = shop.page.locator(".grid .price").all_inner_texts()
    assert any(float(price.strip("$").replace(",", "")) >= 60 for price in prices)


def test_filters_narrow_what_is_found_and_stay_in_the_address(shop: Console) -> None:
    shop.page.get_by_label("Category", exact=True).fill("shoes")
    shop.page.get_by_label("to", exact=True).fill("100")
    shop.page.get_by_label("Tags", exact=True).fill("red")
    shop.page.get_by_label("Tags", exact=True).blur()
    chips = shop.page.get_by_role("list", name="Filters in force")
    expect(chips.get_by_role("listitem")).to_have_count(3)
    shop.search("shoe")
    expect(shop.page).to_have_url(re.compile("category=shoes.*tags=red.*to=100"))
    with_all = len(shop.names())
    assert with_all > 0

    shop.page.reload()
    expect(chips.get_by_role("listitem")).to_have_count(3)
    expect(shop.page.get_by_label("Category", exact=True)).to_have_value("shoes")
    chips.get_by_role("button", name="Remove tag red").click()
    expect(chips.get_by_role("listitem")).to_have_count(2)
    expect(shop.page.get_by_label("Tags", exact=True)).to_have_value("")
    expect(shop.page.locator(".grid .card")).not_to_have_count(with_all)
    assert len(shop.names()) > with_all


def test_nothing_found_says_what_may_help(shop: Console) -> None:
    shop.page.get_by_label("Category", exact=True).fill("no such category")
    shop.page.get_by_label("Category", exact=True).blur()
    expect(shop.page.get_by_role("heading", name="Nothing was found")).to_be_visible()
    shop.page.get_by_role("button", name="Take all filters away").click()
    expect(shop.page.locator(".grid .card")).to_have_count(24)


def test_a_dropped_picture_is_searched_by(shop: Console, stack: Stack) -> None:
    path = picture_of(stack, 17)
    shop.drop(Dropped(path.name, path.read_bytes(), "image/jpeg"))
    expect(shop.page.locator(".by")).to_contain_text(f"Like the picture {path.name}")
    best = shop.page.locator(".grid[aria-label=Results] .card").first
    expect(best).to_have_attribute("data-item", path.stem, timeout=PATIENCE)
    expect(best.locator(".score")).to_have_text(re.compile(r"1\.00|0\.99"))
    shop.shot("search-by-picture")
    shop.page.get_by_role("button", name="Stop searching by this").click()
    expect(shop.page.locator(".result-head")).to_have_text("Everything")


def test_the_keyboards_way_to_a_picture_is_a_button(shop: Console, stack: Stack) -> None:
    with shop.page.expect_file_chooser() as chosen:
        shop.page.get_by_role("button", name="By picture").press("Enter")
    chosen.value.set_files(picture_of(stack, 5))
    best = shop.page.locator(".grid[aria-label=Results] .card").first
    expect(best).to_have_attribute("data-item", picture_of(stack, 5).stem, timeout=PATIENCE)


def test_more_like_this_finds_the_others(shop: Console) -> None:
    shop.search("yellow tie")
    first = shop.page.locator(".grid .card").first
    name = first.get_attribute("data-item")
    first.get_by_role("link", name="More like").click()
    expect(shop.page.locator(".by")).to_contain_text(f"More like {name}")
    expect(shop.page.locator(".grid[aria-label=Results] .card").first).to_be_visible()
    assert shop.page.locator(f".card[data-item={name}]").count() == 0
    shop.page.go_back()
    expect(shop.page.get_by_role("searchbox", name="Search by words")).to_have_value("yellow tie")


def test_an_item_opens_with_all_that_is_known_of_it(shop: Console) -> None:
    shop.search("yellow tie")
    opener = shop.page.locator(".grid .opener").first
    opener.click()
    dialog = shop.page.get_by_role("dialog")
    expect(dialog.get_by_role("heading", level=2)).to_have_text(shop.names()[0])
    expect(dialog.locator(".frame.loaded img")).to_be_visible()
    for words in ("Category", "Caption", "colour", "SHA-256", "Added"):
        expect(dialog.locator(".facts")).to_contain_text(words)
    shop.shot("item-light")
    shop.page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(opener).to_be_focused()


def test_a_text_leads_to_its_page(console: Console) -> None:
    console.open("/c/manuals/search", "manuals")
    console.page.get_by_label(re.compile("^Texts")).check()
    console.search("mechanical seal")
    console.shot("search-documents")
    console.page.locator(".grid .opener").first.click()
    dialog = console.page.get_by_role("dialog")
    dialog.get_by_role("button", name=re.compile(r"Open page \d")).click()
    expect(console.page.get_by_role("dialog").locator(".facts")).to_contain_text(
        re.compile("Kindpage")
    )
