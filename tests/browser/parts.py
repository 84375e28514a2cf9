"""Short ways through the console, and a watch on what breaks in its page."""

import base64
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, expect

SCREENSHOTS = Path(os.environ.get("SCREENSHOTS") or ".pytest-screenshots")
"""Where pictures of the views are kept; CI shows the folder with the run."""
PATIENCE = 30_000
"""Milliseconds for what a worker must do first."""
expect.set_options(timeout=15_000)
"""The first picture that a server shows takes seconds on a busy machine: a process is started."""
TELL_VIOLATIONS = """document.addEventListener('securitypolicyviolation', (event) =>
    console.error(`CSP-VIOLATION ${event.violatedDirective} ${event.blockedURI} ${event.sample}`))"""
EXPECTED = re.compile(r"Failed to load resource: the server responded with a status of 4\d\d")
"""Chromium's line for an answer that the page handles itself."""
DROP = """async ([selector, files]) => {
    const data = new DataTransfer();
    for (const { name, type, content } of files) {
        const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
        data.items.add(new File([bytes], name, { type, lastModified: 1 }));
    }
    const node = document.querySelector(selector);
    for (const kind of ['dragenter', 'dragover', 'drop']) {
        node.dispatchEvent(new DragEvent(kind, { dataTransfer: data, bubbles: true, cancelable: true }));
    }
}"""


@dataclass(frozen=True)
class Dropped:
    """A file as somebody drops it."""

    name: str
    content: bytes
    type: str = ""

    def as_json(self) -> dict[str, str]:
        """For the page, which makes a file of it."""
        encoded = base64.b64encode(self.content).decode()
        return {"name": self.name, "type": self.type, "content": encoded}


@dataclass
class Console:
    """The page and what was heard from it."""

    page: Page
    url: str
    violations: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def open(self, address: str = "/", heading: str | None = None) -> None:
        """Go to a view by the address behind the `#`, and wait until it stands."""
        self.page.goto("about:blank")
        self.page.goto(f"{self.url}/#{address}")
        name = {"name": heading, "exact": True} if heading else {}
        expect(self.page.get_by_role("heading", level=1, **name)).to_be_visible()  # type: ignore[arg-type]

    def drop(self, *files: Dropped, on: str = "main") -> None:
        """Drop files on the page, as a mouse does."""
        self.page.evaluate(DROP, [on, [file.as_json() for file in files]])

    def search(self, words: str) -> None:
        """Type words and wait for what they find."""
        self.page.get_by_role("searchbox", name="Search by words").fill(words)
        expect(self.page.locator(".result-head")).to_contain_text("result", timeout=PATIENCE)
        expect(self.page.get_by_role("region", name="Found")).not_to_have_attribute(
            "aria-busy", "true"
        )

    def names(self) -> list[str]:
        """What the cards are called, in order."""
        return self.page.locator(".grid .opener").all_inner_texts()

    def job(self, name: str) -> Locator:
        """The card of a job or upload by its name."""
        return self.page.locator(".job", has=self.page.locator(".job-name", has_text=name)).first

    def shot(self, name: str) -> Path:
        """Keep a picture of the whole page, once its own pictures are there."""
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        self.page.evaluate("document.activeElement.blur()")
        self.page.wait_for_timeout(400)
        path = SCREENSHOTS / f"{name}.png"
        self.page.screenshot(path=path, full_page=True)
        return path


class Watched:
    """Opens a console in a context of its own and hears what breaks in it."""

    def __init__(self, browser: Browser, url: str, **context: Any) -> None:
        self._browser, self._url, self._context = browser, url, context

    @contextmanager
    def opened(self) -> Iterator[Console]:
        """The console; at the end nothing must have broken."""
        context = self._browser.new_context(**self._context)
        try:
            page = context.new_page()
            made = Console(page, self._url)
            page.add_init_script(TELL_VIOLATIONS)
            page.on("console", lambda message: _hear(made, message))
            page.on("pageerror", lambda error: made.errors.append(str(error)))
            yield made
            assert made.violations == []
            assert made.errors == []
        finally:
            context.close()


def _hear(console: Console, message: ConsoleMessage) -> None:
    if "CSP-VIOLATION" in message.text or "Content Security Policy" in message.text:
        console.violations.append(message.text)
    elif message.type == "error" and not EXPECTED.search(message.text):
        console.errors.append(message.text)


def overflow(page: Page) -> Sequence[str]:
    """What stands out to the right of the window; nothing should."""
    found: list[str] = page.evaluate("""() => {
        const width = document.documentElement.clientWidth;
        if (document.documentElement.scrollWidth <= width) return [];
        return [...document.querySelectorAll('body *')]
            .filter((node) => node.getBoundingClientRect().right > width + 1)
            .map((node) => `${node.tagName} ${node.className} ${node.getBoundingClientRect().right}`);
    }""")
    return found
