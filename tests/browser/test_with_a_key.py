"""The console of a server with keys: it asks once, keeps the key in the tab, and fetches pictures with it."""

import os
import re
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import psycopg
import pytest
from playwright.sync_api import expect

from db.embedded import Stack
from db.keys import Scope
from db.session import Database
from tests.acceptance.conftest import picture
from tests.browser.parts import PATIENCE, Console, Dropped
from tests.integration.key_parts import a_key, a_tenant


@dataclass(frozen=True)
class Keys:
    """Keys of the closed server."""

    owner: str
    reader: str
    stranger: str
    """Of another tenant, who has no catalogs."""


@pytest.fixture(scope="module")
def closed(filled: Stack) -> Iterator[Keys]:
    """The server with keys; it is open again afterwards, as if there had never been any."""
    database = Database(filled.database_url)
    reader = a_key(database, Scope.READ)
    yield Keys(a_key(database), reader, a_key(database, tenant=a_tenant(database, "stranger")))
    database.close()
    with psycopg.connect(filled.database_url) as connection:
        connection.execute("DELETE FROM sightline.api_keys")
    _restart_api(filled)


def _restart_api(stack: Stack) -> None:
    """Each process of the API remembers that there were keys."""
    pid = stack.processes["api"]
    assert pid is not None
    os.kill(pid, signal.SIGTERM)
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            if httpx.get(f"{stack.url}/v1/catalogs").status_code == 200:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.1)
    raise AssertionError("the API did not come back")


def give(console: Console, key: str) -> None:
    form = console.page.get_by_role("dialog", name="API key")
    form.get_by_label("API key").fill(key)
    form.get_by_role("button", name="Use this key").click()


def test_a_key_is_asked_for_once_and_pictures_come_with_it(console: Console, closed: Keys) -> None:
    console.page.goto(f"{console.url}/#/c/shop/search?q=red+shoe")
    dialog = console.page.get_by_role("dialog", name="API key")
    expect(dialog).to_contain_text("Every request needs one.")
    expect(dialog.get_by_label("API key")).to_be_focused()
    console.shot("key-asked")
    give(console, "sl_nonsense")
    expect(dialog).to_contain_text("mistyped")
    give(console, closed.owner)
    expect(dialog).to_have_count(0)
    cards = console.page.locator(".grid[aria-label=Results] .card")
    expect(cards).to_have_count(24, timeout=PATIENCE)
    loaded = cards.first.locator(".frame.loaded img")
    expect(loaded).to_be_visible(timeout=PATIENCE)
    assert loaded.get_attribute("src").startswith("blob:")  # type: ignore[union-attr]
    assert loaded.evaluate("(image) => image.naturalWidth") > 0

    console.page.reload()
    expect(cards).to_have_count(24)
    assert console.page.evaluate("[localStorage.length, document.cookie]") == [0, ""]
    console.page.get_by_role("button", name="Forget key").click()
    expect(dialog).to_be_visible()
    assert console.page.evaluate("sessionStorage.length") == 0


def test_who_gives_no_key_is_told_and_can_give_one_later(console: Console, closed: Keys) -> None:
    console.page.goto(f"{console.url}/#/jobs")
    console.page.get_by_role("dialog", name="API key").get_by_role("button", name="Close").click()
    expect(console.page.get_by_role("alert")).to_contain_text("unauthorized")
    console.page.wait_for_timeout(2500)
    expect(console.page.get_by_role("dialog")).to_have_count(0)
    console.page.get_by_role("button", name="Enter key").click()
    give(console, closed.owner)
    expect(console.page.locator(".job").first).to_be_visible()


def test_what_a_key_may_not_do_is_told(console: Console, closed: Keys) -> None:
    console.page.goto(f"{console.url}/#/c/shop/add")
    give(console, closed.reader)
    expect(console.page.get_by_role("heading", name="shop", level=1)).to_be_visible()
    console.drop(Dropped("a.jpg", picture(70)))
    refused = console.job("a.jpg").get_by_role("alert")
    expect(refused).to_contain_text("forbidden")
    expect(refused).to_contain_text("scope `write`")
    expect(refused).to_contain_text(re.compile(r"request [0-9a-f]{32}"))


def test_an_upload_goes_with_the_key(console: Console, closed: Keys) -> None:
    console.page.goto(f"{console.url}/#/")
    give(console, closed.stranger)
    expect(console.page.get_by_role("heading", name="Make a first catalog")).to_be_visible()
    console.shot("catalogs-empty")
    console.page.locator(".empty").get_by_role("button", name="New catalog").click()
    console.page.get_by_role("dialog").get_by_label("Name").fill("theirs")
    console.page.get_by_role("button", name="Create").click()
    expect(console.page.get_by_role("heading", name="theirs", level=1)).to_be_visible()
    console.drop(Dropped("a.jpg", picture(71)), Dropped("b.jpg", picture(72)))
    expect(console.job("2 pictures").locator(".status")).to_have_text("succeeded", timeout=PATIENCE)
