"""The documentation's pages: their fences, the commands in them, and a desk to type these at.

A fence says what it holds. `sh` and `python` are run as they stand, and a `text` right below one is
what it prints. `console` is shown and not run: the machine of the tests lacks what it needs, or
another test runs it. A fence without a word is a drawing.
"""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx

from db.embedded import Stack

ROOT = Path(__file__).resolve().parents[1]
TEXTS = [
    path for folder in (".", "deploy", "docs", "docs/*") for path in ROOT.glob(f"{folder}/*.md")
]
"""Every Markdown file of the project but the demo model's card."""
PAGES = [path for path in TEXTS if path.name != "CHANGELOG.md"]
WITHOUT_KEYS = ("docs/quickstart.md", "docs/cli.md")
"""What a reader follows who set no provider's key; the last one makes API keys."""
RUN = ("sh", "python")
LEFT_OUT = "…"
"""Stands in a page for any part of an output, also for none."""
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
STRICT = "-euo pipefail"
"""How bash runs a block: what fails anywhere in it fails."""
DECIMAL = re.compile(r"\d+\.\d+")
SERVER = re.compile(r"\b(?:localhost|127\.0\.0\.1):8000\b")
KEPT = '[ ! -f .exported ] || . ./.exported; trap "export -p > .exported" EXIT\n'
"""What was exported in one block is known in the next one, as in one terminal."""


@dataclass(frozen=True)
class Fence:
    """A fenced block; `begins` and `ends` are places in the page's text."""

    language: str
    content: str
    begins: int
    ends: int


@dataclass(frozen=True)
class Command:
    """A block to run, and the output that the page shows below it, if it does."""

    language: str
    code: str
    shown: str | None


def name_of(path: Path) -> str:
    """A page as the tests name it: `docs/http.md`."""
    return str(path.relative_to(ROOT))


def fences(page: str) -> Iterator[Fence]:
    """The fenced blocks of a page in order."""
    for match in FENCE.finditer(page):
        yield Fence(match[1], match[2], match.start(), match.end())


def commands(page: str) -> list[Command]:
    """A page's blocks of `sh` and `python` in order; a `text` block is the output of the last."""
    found: list[Command] = []
    for fence in fences(page):
        if fence.language == "text":
            last = found.pop()
            assert last.shown is None, "two outputs follow one command"
            found.append(Command(last.language, last.code, fence.content))
        elif fence.language in RUN:
            found.append(Command(fence.language, fence.content, None))
    return found


def marked(page: str) -> list[str]:
    """The commands of a page that are shown and not run: the lines behind a `$` in `console`."""
    joined = [fence.content.replace("\\\n", " ") for fence in fences(page)
              if fence.language == "console"]  # fmt: skip
    return [line[2:] for block in joined for line in block.splitlines() if line.startswith("$ ")]


def is_output(shown: str, printed: str) -> bool:
    """Whether a page shows what was printed; how lines are broken does not matter.

    Decimals may be off by 0.05: another processor rounds the model's numbers in another way.
    """
    parts = [r"\s+".join(map(_pattern, part.split())) for part in shown.split(LEFT_OUT)]
    match = re.fullmatch(r"\s*.*?\s*".join(parts), printed.strip(), re.DOTALL)
    if match is None:
        return False
    numbers = zip(DECIMAL.findall(shown), match.groups(), strict=True)
    return all(abs(float(here) - float(there)) < 0.05 for here, there in numbers)


def _pattern(word: str) -> str:
    """The word as it is, with a group in the place of each decimal."""
    return rf"({DECIMAL.pattern})".join(map(re.escape, DECIMAL.split(word)))


@dataclass(frozen=True)
class Desk:
    """Where a reader types: a folder with `.venv` and `.data` in it, and a server.

    curl fails there when it is answered an error, which a reader would see.
    """

    folder: Path
    environment: dict[str, str]
    server: str
    """Its host and port."""

    @classmethod
    def at(cls, folder: Path, stack: Stack, **more: str) -> "Desk":
        """A desk in an empty folder, beside a stack as `make serve` runs it, without any catalog."""
        with httpx.Client(base_url=stack.url, timeout=60) as http:
            for catalog in http.get("/v1/catalogs", params={"limit": 100}).json()["data"]:
                http.delete(f"/v1/catalogs/{catalog['name']}").raise_for_status()
        (folder / ".venv").symlink_to(sys.prefix)
        (folder / ".data").symlink_to(stack.folder)
        program = folder / "bin" / "sightline"
        program.parent.mkdir()
        program.write_text(f'#!/bin/sh\nexec {sys.executable} -m sightline "$@"\n')
        program.chmod(0o755)
        (folder / ".curlrc").write_text("fail-with-body\nno-progress-meter\n")
        known = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
        path = f"{program.parent}:{known['PATH']}"
        there = {"PATH": path, "SIGHTLINE_URL": stack.url, "CURL_HOME": str(folder)}
        return cls(folder, known | there | more, stack.url.removeprefix("http://"))

    def follow(self, page: str, options: str = STRICT) -> None:
        """Do what a page says. Fails where a command fails or prints something else."""
        for command in commands(page):
            printed = self.run(command, options)
            if command.shown is not None:
                shown = SERVER.sub(self.server, command.shown)
                assert is_output(shown, printed), f"{command.code}\nprinted:\n{printed}"

    def run(self, command: Command, options: str = STRICT) -> str:
        """What a command prints. Fails the test when it does not exit 0."""
        code = command.code
        if command.language == "python":
            code = f".venv/bin/python -c {shlex.quote(code)}"
        done = subprocess.run(
            ["bash", *options.split(), "-c", KEPT + SERVER.sub(self.server, code)],
            cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{command.code}\n{done.stdout}\n{done.stderr}"
        return done.stdout
