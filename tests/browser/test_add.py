"""Adding in the console: every kind of file is dropped and watched; what fails says why."""

import json
from collections.abc import Iterator
from uuid import uuid4

import httpx
import pytest
from playwright.sync_api import expect

from db.embedded import Stack
from tests.acceptance.conftest import picture, zipped
from tests.browser.parts import PATIENCE, Console, Dropped

HOSTILE = '<img src=x onerror="window.hacked=1">'
BACKWARDS = "invoice\u202egnp.exe"
"""A mark for right to left, which would show `exe.png`."""


@pytest.fixture
def catalog(http: httpx.Client) -> Iterator[str]:
    name = f"added-{uuid4().hex[:8]}"
    http.put(f"/v1/catalogs/{name}", json={}).raise_for_status()
    yield name
    assert http.delete(f"/v1/catalogs/{name}").status_code == 204


def items(http: httpx.Client, catalog: str) -> dict[str, str | None]:
    """Each item's name by its id."""
    listed = http.get(f"/v1/catalogs/{catalog}/items", params={"limit": 100}).json()["data"]
    return {item["id"]: item["name"] for item in listed}


def test_dropped_pictures_become_items_while_one_watches(
    console: Console, http: httpx.Client, catalog: str
) -> None:
    console.open(f"/c/{catalog}/add", catalog)
    console.shot("add-empty")
    console.drop(*(Dropped(f"boot {n}.jpg", picture(n)) for n in range(12)))
    card = console.job("12 pictures")
    expect(card.locator(".status")).to_have_text("succeeded", timeout=PATIENCE)
    expect(card).to_contain_text("12 succeeded")
    expect(console.page.locator("#holds")).to_have_text("12 pictures")
    assert items(http, catalog) == {f"boot {n}": f"boot {n}" for n in range(12)}

    console.drop(Dropped("boot 3.jpg", picture(3)))
    expect(console.job("boot 3.jpg").locator(".status")).to_have_text("succeeded", timeout=PATIENCE)
    assert len(items(http, catalog)) == 12
    card.get_by_role("link", name="Search what was added").click()
    expect(console.page.locator(".grid .card")).to_have_count(12)


def test_the_file_button_takes_what_can_be_dropped(
    console: Console, http: httpx.Client, catalog: str
) -> None:
    console.open(f"/c/{catalog}/add", catalog)
    with console.page.expect_file_chooser() as chosen:
        console.page.get_by_role("button", name="Choose files").click()
    chosen.value.set_files(
        [{"name": "one.png", "mimeType": "image/png", "buffer": picture(1, "PNG")}]
    )
    expect(console.job("one.png").locator(".status")).to_have_text("succeeded", timeout=PATIENCE)
    assert items(http, catalog) == {"one": "one"}


def test_archives_and_manifests_are_taken_as_they_are(
    console: Console, http: httpx.Client, catalog: str
) -> None:
    console.open(f"/c/{catalog}/add", catalog)
    lines = [{"id": "zipped", "image": "a.jpg", "price": 3}]
    console.drop(
        Dropped("some.zip", zipped(lines, {"a.jpg": picture(20)})),
        Dropped("texts.jsonl", json.dumps({"id": "line", "text": "a line of text"}).encode()),
        Dropped("table.csv", b"id,text,shelf\nrow,some words,7\n"),
    )
    for name in ("some.zip", "texts.jsonl", "table.csv"):
        status = console.job(name).locator(".status")
        expect(status).to_have_text("succeeded", timeout=PATIENCE)
    assert set(items(http, catalog)) == {"zipped", "line", "row"}

    console.drop(
        Dropped("list.csv", b"id,image,name\nnamed,b.jpg,Named\n"), Dropped("b.jpg", picture(21))
    )
    card = console.job("list.csv with 1 pictures")
    expect(card.locator(".status")).to_have_text("succeeded", timeout=PATIENCE)
    assert items(http, catalog)["named"] == "Named"


def test_documents_are_read_page_by_page_and_listed(
    console: Console, catalog: str, stack: Stack
) -> None:
    console.open(f"/c/{catalog}/add", catalog)
    names = ("pump.pdf", "hub.pptx")
    console.drop(*(Dropped(name, (stack.folder / name).read_bytes()) for name in names))
    for name in names:
        status = console.job(name).locator(".status")
        expect(status).to_have_text("succeeded", timeout=2 * PATIENCE)
    documents = console.page.get_by_role("list", name="Documents")
    expect(documents.get_by_role("listitem")).to_have_count(2)
    expect(documents).to_contain_text("6 pages")
    console.shot("add-documents")
    documents.get_by_role("button", name="Delete hub").click()
    console.page.get_by_role("dialog").get_by_role("button", name="Delete it").click()
    expect(documents.get_by_role("listitem")).to_have_count(1)


def test_what_fails_in_an_import_is_told_item_by_item_and_retried(
    console: Console, catalog: str
) -> None:
    console.open(f"/c/{catalog}/add", catalog)
    lines = [{"id": f"good-{n}", "image": "good.jpg"} for n in range(3)]
    lines += [{"id": "cut", "image": "cut.jpg"}, {"id": "gone", "image": "nowhere.jpg"}]
    files = {"good.jpg": picture(30), "cut.jpg": picture(31)[:700]}
    console.drop(Dropped("mixed.zip", zipped(lines, files)))
    card = console.job("mixed.zip")
    expect(card.locator(".status")).to_have_text("succeeded", timeout=PATIENCE)
    expect(card).to_contain_text("2 failed")
    card.get_by_role("button", name="Show errors").click()
    failures = card.get_by_role("list", name="What failed")
    expect(failures.get_by_role("listitem")).to_have_count(2)
    expect(failures).to_contain_text("broken_image")
    expect(failures).to_contain_text("file_missing")
    console.shot("add-failures")
    card.get_by_role("button", name="Retry failed").click()
    expect(failures).to_have_count(0)
    expect(card.locator(".status")).to_have_text("succeeded", timeout=PATIENCE)
    expect(card).to_contain_text("2 failed")


def test_a_file_that_is_nothing_of_the_kind_is_named_and_not_sent(
    console: Console, http: httpx.Client, catalog: str
) -> None:
    console.open(f"/c/{catalog}/add", catalog)
    console.drop(Dropped(f"{HOSTILE}.exe", b"MZ"), Dropped("fake.pdf", b"<html>no PDF</html>"))
    expect(console.page.locator("main > .view > div [role=alert]")).to_contain_text(HOSTILE)
    refused = console.job("fake.pdf")
    expect(refused.get_by_role("alert")).to_contain_text("neither a PDF nor a PPTX")
    expect(refused.get_by_role("alert")).to_contain_text("unsupported_document")
    assert items(http, catalog) == {}


def test_hostile_names_and_metadata_are_shown_as_the_text_they_are(
    console: Console, http: httpx.Client, catalog: str
) -> None:
    console.open(f"/c/{catalog}/add", catalog)
    name = HOSTILE.replace("/", "")
    console.drop(
        Dropped(f"{name}.jpg", picture(40)), Dropped(f"{BACKWARDS}.png", picture(41, "PNG"))
    )
    expect(console.job("2 pictures").locator(".status")).to_have_text("succeeded", timeout=PATIENCE)
    everywhere = {"id": HOSTILE.replace("/", ""), "name": HOSTILE, "caption": HOSTILE, "text": HOSTILE,
                  "description": HOSTILE, "category": HOSTILE, "tags": [HOSTILE, BACKWARDS],
                  "attributes": {HOSTILE: HOSTILE, "__proto__": {"a": "<svg onload=alert(1)>"}}}  # fmt: skip
    console.drop(Dropped("bad.jsonl", json.dumps(everywhere).encode()))
    expect(console.job("bad.jsonl").locator(".status")).to_have_text("succeeded", timeout=PATIENCE)
    assert set(items(http, catalog).values()) == {name, BACKWARDS, HOSTILE}

    console.open(f"/c/{catalog}/search", catalog)
    console.search(HOSTILE)
    expect(console.page.locator(".grid")).to_contain_text(HOSTILE)
    expect(console.page.locator(".grid")).to_contain_text(BACKWARDS)
    for shown in console.page.locator(".grid .opener bdi").all():
        assert shown.evaluate("(node) => getComputedStyle(node).unicodeBidi") == "isolate"
    console.page.get_by_role("searchbox", name="Search by words").fill("")
    console.page.locator(".card:has(.without) .opener", has_text=HOSTILE).click()
    dialog = console.page.get_by_role("dialog")
    expect(dialog.locator(".facts")).to_contain_text(HOSTILE)
    console.shot("item-hostile")
    assert console.page.evaluate("window.hacked") is None
    assert console.page.locator("img[src=x], svg[onload]").count() == 0
