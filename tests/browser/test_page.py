"""The page itself: how it is served, what it weighs, and that nothing in it makes markup of text."""

import re
from pathlib import Path

import httpx
from playwright.sync_api import expect

from api.console import PARTS, STATIC
from db.embedded import Stack
from tests.browser.parts import Console

MOST_BYTES = 120_000
MARKUP = re.compile(
    r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|srcdoc|eval\(|new Function"
    r"|createContextualFragment|setHTML"
)


def test_every_part_has_the_policy_and_is_not_sent_again_unchanged(stack: Stack) -> None:
    with httpx.Client(base_url=stack.url) as http:
        for address in ("/", "/docs", *(f"/console/{name}" for name in PARTS)):
            answer = http.get(address)
            assert answer.status_code == 200
            policy = answer.headers["Content-Security-Policy"]
            assert "default-src 'none'" in policy and "unsafe" not in policy and "*" not in policy
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
        for name in ("main.js", "base.css", "index.html"):
            first = http.get(f"/console/{name}")
            assert first.headers["Cache-Control"] == "no-cache"
            again = http.get(f"/console/{name}", headers={"If-None-Match": first.headers["ETag"]})
            assert (again.status_code, again.content) == (304, b"")


def test_nothing_but_the_parts_is_served(stack: Stack) -> None:
    with httpx.Client(base_url=stack.url) as http:
        for name in (
            "__init__.py",
            "../__init__.py",
            "%2e%2e/__init__.py",
            "views",
            "",
            "nothing.js",
        ):
            assert http.get(f"/console/{name}").status_code == 404, name


def test_the_whole_console_weighs_less_than_120_kb_and_comes_from_this_host(
    console: Console,
) -> None:
    addresses: list[str] = []
    console.page.on("request", lambda request: addresses.append(request.url))
    console.open("/", "Catalogs")
    expect(console.page.locator("[data-catalog=shop]")).to_be_visible()
    assert {url.split("/")[2] for url in addresses if "://" in url} == {console.url.split("/")[2]}
    weight = sum(path.stat().st_size for path in PARTS.values())
    print(f"\npage weight: {weight} bytes in {len(PARTS)} parts")
    assert weight < MOST_BYTES


def test_no_part_makes_markup_of_text() -> None:
    for name, path in PARTS.items():
        found = MARKUP.findall(path.read_text())
        allowed = ["innerHTML", "outerHTML", "srcdoc"] if name == "dom.js" else []
        # dom.js names what it refuses to set.
        assert found == allowed, name


def test_the_page_holds_no_script_and_no_style_of_its_own() -> None:
    page = Path(STATIC / "index.html").read_text()
    assert re.findall(r"<script(?![^>]*\bsrc=)", page) == []
    assert re.findall(r"<style|\sstyle=|\son\w+=", page) == []


def test_an_address_that_leads_nowhere_says_so(console: Console) -> None:
    console.open("/nowhere/at/all", "Not found")
    console.page.get_by_role("link", name="Go to the catalogs").click()
    expect(console.page.get_by_role("heading", name="Catalogs", level=1)).to_be_visible()


def test_a_catalog_that_is_not_there_is_told_with_the_request(console: Console) -> None:
    console.page.goto(f"{console.url}/#/c/missing/search")
    problem = console.page.get_by_role("alert")
    expect(problem).to_contain_text("There is no catalog 'missing'.")
    expect(problem).to_contain_text("not_found")
    expect(problem).to_contain_text(re.compile(r"request [0-9a-f]{32}"))
