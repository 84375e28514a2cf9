"""One stack and one browser for the whole folder; each test has a page of its own, which is watched."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Playwright, sync_playwright

from db.embedded import Stack, free_port
from tests.acceptance.conftest import ended
from tests.browser.parts import Console, Watched
from tests.providers import FakeProviders
from worker.demo_model import sample_catalog, sample_deck, sample_manual

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PRODUCTS, SIZE = 200, 160
"""The sample catalog, drawn small: what it takes to draw is not what is tested."""
WIDE = {"width": 1280, "height": 860}


@pytest.fixture(scope="session")
def providers() -> Iterator[FakeProviders]:
    """A provider that answers from what it is sent."""
    with FakeProviders() as running:
        yield running


@pytest.fixture(scope="session")
def stack(
    tmp_path_factory: pytest.TempPathFactory, providers: FakeProviders, browser: Browser
) -> Iterator[Stack]:
    """Everything with the demo model and a provider; not started where there is no browser."""
    environment = {
        "OPENAI_API_KEY": providers.key,
        "OPENAI_BASE_URL": providers.openai_url,
        "SIGHTLINE_LEASE_SECONDS": "6",
    }
    with Stack(tmp_path_factory.mktemp("console"), free_port(), environment) as running:
        yield running


@pytest.fixture(scope="session")
def filled(stack: Stack) -> Stack:
    """The stack with the sample catalog in `shop`, and a manual and a deck in `manuals`."""
    folder = stack.folder
    manifest = sample_catalog.make_catalog(folder / "sample", PRODUCTS, SIZE)
    sample_catalog.pack(manifest, folder / "sample.zip")
    sample_manual.write(folder / "pump.pdf")
    sample_deck.write(folder / "hub.pptx")
    with httpx.Client(base_url=stack.url, timeout=90) as http:
        for name, words in (("shop", "The drawn sample catalog"), ("manuals", "A manual, a deck")):
            http.put(f"/v1/catalogs/{name}", json={"description": words}).raise_for_status()
        jobs = [http.post("/v1/catalogs/shop/imports", headers={"Content-Type": "application/zip"},
                          content=(folder / "sample.zip").read_bytes())]  # fmt: skip
        for name in ("pump.pdf", "hub.pptx"):
            files = {"file": (name, (folder / name).read_bytes())}
            form = {"id": Path(name).stem}
            jobs.append(http.post("/v1/catalogs/manuals/documents", files=files, data=form))
        for job in jobs:
            assert ended(http, job.raise_for_status().json())["counts"]["failed"] == 0
    return stack


@pytest.fixture
def http(filled: Stack) -> Iterator[httpx.Client]:
    """A client of the filled stack, to look behind the page."""
    with httpx.Client(base_url=filled.url, timeout=90) as client:
        yield client


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    """The driver of browsers."""
    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="session")
def browser(playwright: Playwright) -> Iterator[Browser]:
    """A Chromium that is installed here; without one the tests are skipped, unless they are required."""
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        problem = f"No browser is installed: one of {', '.join(BROWSERS)} is needed."
        pytest.fail(problem) if os.environ.get("BROWSER_TESTS") == "required" else pytest.skip(
            problem
        )
    flags = ["--no-sandbox"] if os.geteuid() == 0 else []
    launched = playwright.chromium.launch(executable_path=path, args=flags)
    yield launched
    launched.close()


@pytest.fixture
def console(browser: Browser, filled: Stack) -> Iterator[Console]:
    """The console in a page of its own; afterwards nothing broke in it and no policy was violated."""
    with Watched(browser, filled.url, viewport=WIDE).opened() as console:
        yield console
