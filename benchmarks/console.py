"""The console in a browser: its weight, its first view, and the time from the last key to the first hit."""

import shutil
import time
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from api.console import PARTS
from benchmarks.report import Figure, at_most, percentile
from benchmarks.server import Server, server
from worker.demo_model import sample_catalog

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
TYPING_MS = 150
"""The console waits so long for another key; it is in the figures."""
THINGS = ("tie", "mug", "chair", "boot", "lamp", "guitar", "bag", "kite", "scarf", "bowl")
COLOURS = ("red", "blue", "green", "yellow", "black", "white", "brown", "pink", "purple", "orange")
FIRST_HIT = ".grid[aria-label=Results] .card .frame.loaded img"


def run(quick: bool) -> list[Figure]:
    """200 drawn products, distinct words each time, Chromium on the same machine, demo model."""
    words = [f"{colour} {thing}" for thing in THINGS for colour in COLOURS][:: 10 if quick else 2]
    with server() as running, sync_playwright() as playwright:
        fill(running)
        path = next(filter(None, map(shutil.which, BROWSERS)))
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        page = browser.new_page()
        loads = [load(page, running.stack.url) for _ in range(5)]
        hits = [first_hit(page, running.stack.url, said) for said in words]
        browser.close()
    weight = sum(part.stat().st_size for part in PARTS.values()) / 1000
    return [
        at_most("weight of all parts, uncompressed", weight, 120, "kB"),
        Figure("catalogs shown after opening, p50", percentile(loads, 50), "ms"),
        Figure("first hit with its picture after the last key, p50", percentile(hits, 50), "ms"),
        Figure("first hit with its picture after the last key, p95", percentile(hits, 95), "ms"),
        Figure("of these waited for another key", TYPING_MS, "ms"),
    ]


def fill(running: Server) -> None:
    """Import the sample catalog as `shop`."""
    manifest = sample_catalog.make_catalog(running.folder / "sample")
    archive = Path(running.folder / "sample.zip")
    sample_catalog.pack(manifest, archive)
    running.import_zip("shop", archive.read_bytes())


def load(page: Page, url: str) -> float:
    """Milliseconds until the catalogs are listed."""
    page.goto("about:blank")
    began = time.perf_counter()
    page.goto(url)
    page.wait_for_selector("[data-catalog=shop]")
    return (time.perf_counter() - began) * 1000


def first_hit(page: Page, url: str, words: str) -> float:
    """Milliseconds from the last key until the first hit and its picture are seen."""
    page.goto(f"{url}/#/c/shop/search")
    page.reload()
    page.wait_for_selector(".grid .card")
    page.get_by_role("searchbox").press_sequentially(words, delay=20)
    began = time.perf_counter()
    page.wait_for_selector(FIRST_HIT)
    return (time.perf_counter() - began) * 1000
