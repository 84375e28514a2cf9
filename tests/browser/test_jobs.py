"""Jobs and health in the console: live, with errors, canceled and retried; lanes with their charts."""

import re
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import expect

from tests.acceptance.conftest import ended, picture, zipped
from tests.browser.parts import PATIENCE, Console

MANY = 1500
"""Pictures that keep a worker busy for some seconds."""


@pytest.fixture
def busy(http: httpx.Client) -> Iterator[str]:
    """The id of an import that runs."""
    http.put("/v1/catalogs/busy", json={}).raise_for_status()
    lines = [{"id": f"b{n}", "image": f"{n}.jpg"} for n in range(MANY)]
    files = {f"{n}.jpg": picture(50_000 + n) for n in range(MANY)}
    answer = http.post("/v1/catalogs/busy/imports", content=zipped(lines, files),
                       headers={"Content-Type": "application/zip"})  # fmt: skip
    yield answer.json()["id"]
    http.post(f"/v1/jobs/{answer.json()['id']}/cancel")
    ended(http, http.get(f"/v1/jobs/{answer.json()['id']}").json())
    http.delete("/v1/catalogs/busy").raise_for_status()


def test_the_list_follows_its_jobs_and_one_is_canceled_in_it(console: Console, busy: str) -> None:
    console.open("/jobs", "Jobs")
    card = console.page.locator(f"[data-job={busy}]")
    expect(card.locator(".status")).to_have_text("running", timeout=PATIENCE)
    first = card.inner_text()
    expect(card.get_by_role("progressbar")).to_be_visible()
    expect(card).not_to_have_text(first)
    console.shot("jobs-running")
    card.get_by_role("button", name="Cancel").click()
    expect(card.locator(".status")).to_have_text("canceled", timeout=PATIENCE)
    expect(card.get_by_role("progressbar")).to_be_hidden()
    expect(card).to_contain_text("canceled")


def test_one_job_tells_everything_and_what_failed_in_it(
    console: Console, http: httpx.Client
) -> None:
    http.put("/v1/catalogs/broken", json={}).raise_for_status()
    lines = [{"id": f"x{n}", "image": "nowhere.jpg"} for n in range(25)]
    answer = http.post("/v1/catalogs/broken/imports", content=zipped(lines, {"a.jpg": b"?"}),
                       headers={"Content-Type": "application/zip"})  # fmt: skip
    job = ended(http, answer.json())
    console.open(f"/jobs/{job['id']}", "Job")
    failures = console.page.get_by_role("list", name="What failed")
    expect(failures.get_by_role("listitem")).to_have_count(20)
    console.page.get_by_role("button", name="Show more errors").click()
    expect(failures.get_by_role("listitem")).to_have_count(25)
    expect(failures.get_by_role("listitem").first).to_contain_text("file_missing")
    expect(console.page.locator(".facts")).to_contain_text(job["id"])
    console.shot("job-failed")
    console.page.get_by_role("button", name="Retry failed").click()
    expect(console.page.locator(".job .status")).to_have_text("succeeded", timeout=PATIENCE)
    http.delete("/v1/catalogs/broken").raise_for_status()


def test_jobs_are_chosen_by_kind_and_status(console: Console) -> None:
    console.open("/jobs", "Jobs")
    expect(console.page.locator(".job").first).to_contain_text(re.compile("Import|Document|Item"))
    console.page.get_by_label("Status").select_option("expired")
    expect(console.page.get_by_role("heading", name="No such job")).to_be_visible()
    console.page.get_by_role("link", name="Searches").click()
    console.page.get_by_label("Status").select_option("")
    expect(console.page).to_have_url(f"{console.url}/#/jobs?kind=searches")


def test_health_shows_each_lane_with_charts_that_move(console: Console, http: httpx.Client) -> None:
    console.open("/health", "Health")
    expect(console.page.locator(".verdict")).to_contain_text("Everything works.")
    lanes = console.page.locator(".lane")
    expect(lanes).to_have_count(4)
    expect(lanes.locator(".status", has_text=re.compile(r"^\d+ worker"))).to_have_count(4)
    embed = console.page.locator("[data-lane=embed]")
    rate = embed.locator(".spark", has_text="Tasks a second").locator(".spark-value")
    batch = embed.locator(".spark", has_text="Batch size").locator(".spark-value")
    expect(rate).to_have_text("0.0", timeout=PATIENCE)  # what went before is not counted
    for number in range(100):
        http.post("/v1/catalogs/shop/searches", json={"text": f"words of their own {number}"})
        console.page.wait_for_timeout(200)
        if re.search("[1-9]", rate.inner_text()):
            break
    expect(rate).to_have_text(re.compile(r"[1-9]"))
    expect(batch).to_have_text(re.compile(r"^[1-9]"))
    line = embed.locator(".spark-line").first
    expect(line).to_have_attribute("d", re.compile(r"(L.*){3}"), timeout=PATIENCE)
    console.shot("health-light")
    expect(console.page.locator(".facts")).to_contain_text("Database")
    expect(console.page.locator("#ready")).to_have_text("ready")


def test_a_server_that_is_away_is_told_and_found_again(console: Console) -> None:
    console.open("/jobs", "Jobs")
    console.page.context.set_offline(True)
    expect(console.page.get_by_role("alert")).to_contain_text("cannot be reached", timeout=PATIENCE)
    console.page.context.set_offline(False)
    expect(console.page.get_by_role("alert")).to_have_count(0, timeout=PATIENCE)
    console.errors.clear()  # the browser itself notes each request that found no network
