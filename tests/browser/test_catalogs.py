"""Catalogs in the console: made, seen, deleted after a question."""

import httpx
from playwright.sync_api import expect

from tests.browser.parts import Console


def test_a_catalog_is_made_with_its_description_and_leads_to_adding(
    console: Console, http: httpx.Client
) -> None:
    console.open("/", "Catalogs")
    console.page.get_by_role("button", name="New catalog").click()
    form = console.page.get_by_role("dialog", name="New catalog")
    form.get_by_label("Name").fill("fresh")
    form.get_by_label("Description").fill("Made by <b>hand</b>")
    console.shot("catalog-new")
    form.get_by_role("button", name="Create").click()
    expect(console.page.get_by_role("heading", name="fresh", level=1)).to_be_visible()
    expect(console.page).to_have_url(f"{console.url}/#/c/fresh/add")
    expect(console.page.locator("#holds")).to_have_text("0 items — Made by <b>hand</b>")
    console.page.get_by_role("link", name="Search").click()
    expect(console.page.get_by_role("heading", name="Nothing to find yet")).to_be_visible()
    console.shot("search-empty")
    assert http.delete("/v1/catalogs/fresh").status_code == 204


def test_a_model_that_no_worker_has_is_refused_in_the_form(
    console: Console, http: httpx.Client
) -> None:
    console.open("/", "Catalogs")
    console.page.get_by_role("button", name="New catalog").click()
    form = console.page.get_by_role("dialog", name="New catalog")
    form.get_by_label("Name").fill("strange")
    form.get_by_text("Models").click()
    form.get_by_label("Image model").fill("no/such-model")
    form.get_by_role("button", name="Create").click()
    expect(form.get_by_role("alert")).to_contain_text("No worker here serves this image model.")
    assert http.get("/v1/catalogs/strange").status_code == 404


def test_a_catalog_is_deleted_only_after_the_question(console: Console, http: httpx.Client) -> None:
    http.put("/v1/catalogs/doomed", json={}).raise_for_status()
    console.open("/", "Catalogs")
    console.page.get_by_role("button", name="Delete doomed").click()
    question = console.page.get_by_role("dialog", name="Delete the catalog “doomed”?")
    expect(question.get_by_role("button", name="Keep it")).to_be_focused()
    question.get_by_role("button", name="Keep it").click()
    expect(console.page.get_by_role("button", name="Delete doomed")).to_be_focused()
    assert http.get("/v1/catalogs/doomed").status_code == 200

    console.page.get_by_role("button", name="Delete doomed").click()
    question.get_by_role("button", name="Delete it").click()
    expect(console.page.locator("[data-catalog=doomed]")).to_have_count(0)
    assert http.get("/v1/catalogs/doomed").status_code == 404


def test_a_card_tells_what_its_catalog_holds_and_shows_some_of_it(console: Console) -> None:
    console.open("/", "Catalogs")
    card = console.page.locator("[data-catalog=shop]")
    expect(card).to_contain_text("200 pictures — The drawn sample catalog")
    expect(card.locator(".frame.loaded img")).to_have_count(4)
    console.shot("catalogs-light")
    card.get_by_role("link", name="shop").click()
    expect(console.page.get_by_role("heading", name="shop", level=1)).to_be_visible()
