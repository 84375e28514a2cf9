"""The cookbook's pages, run as they stand: every command exits 0 and prints what the page shows."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from db.embedded import Stack, free_port
from tests.providers import FakeProviders

BOOK = Path(__file__).parents[2] / "docs" / "cookbook"
FENCE = re.compile(r"^```(sh|python|text)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
LEFT_OUT = "…"
"""Stands in a page for any part of an output, also for none."""
DECIMAL = re.compile(r"\d+\.\d+")
INTERPRETERS = {"sh": ("bash", "-euo", "pipefail", "-c"), "python": (".venv/bin/python", "-c")}


@dataclass(frozen=True)
class Command:
    """A block to run, and the output that the page shows below it, if it does."""

    language: str
    code: str
    shown: str | None


def commands(page: str) -> list[Command]:
    """A page's blocks of `sh` and `python` in order; a `text` block is the output of the last."""
    found: list[Command] = []
    for language, content in FENCE.findall(page):
        if language == "text":
            last = found.pop()
            assert last.shown is None, "two outputs follow one command"
            found.append(Command(last.language, last.code, content))
        else:
            found.append(Command(language, content, None))
    return found


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


def run(command: Command, folder: Path, url: str) -> str:
    """What a command prints. Fails the test when it does not exit 0."""
    known = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    done = subprocess.run(
        [*INTERPRETERS[command.language], command.code.replace("localhost:8000", url)],
        cwd=folder, env=known, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{command.code}\n{done.stdout}\n{done.stderr}"
    return done.stdout


PAGES = sorted(path.name for path in BOOK.glob("*.md") if path.name != "README.md")


@pytest.fixture(scope="module")
def providers() -> Iterator[FakeProviders]:
    with FakeProviders() as running:
        yield running


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory, providers: FakeProviders) -> Iterator[Stack]:
    """What a reader has who follows the book: `make serve` with the demo model and a provider."""
    environment = {"OPENAI_API_KEY": providers.key, "OPENAI_BASE_URL": providers.openai_url}
    with Stack(tmp_path_factory.mktemp("reader"), free_port(), environment) as running:
        yield running


@pytest.mark.parametrize("name", PAGES)
def test_a_page_does_what_it_shows(
    reader: Stack, providers: FakeProviders, tmp_path: Path, name: str
) -> None:
    (tmp_path / ".venv").symlink_to(sys.prefix)
    url = reader.url.removeprefix("http://")
    for command in commands((BOOK / name).read_text()):
        printed = run(command, tmp_path, url)
        if command.shown is not None:
            shown = command.shown.replace("localhost:8000", url)
            assert is_output(shown, printed), f"{command.code}\nprinted:\n{printed}"
    assert providers.invalid == []


def test_the_index_names_every_page() -> None:
    index = (BOOK / "README.md").read_text()
    assert len(PAGES) >= 5
    assert set(re.findall(r"\]\(([\w-]+\.md)\)", index)) == set(PAGES)


def test_every_page_runs_something_and_shows_what_it_prints() -> None:
    for name in PAGES:
        found = commands((BOOK / name).read_text())
        assert len([command for command in found if command.shown]) >= 2, name


@pytest.mark.parametrize(
    ("shown", "printed", "same"),
    [
        ("a b", "a\n  b\n", True),
        ('{"id": "…", "n": 1}', '{"id": "job_7", "n": 1}', True),
        ("one …", "one", True),
        ("one\n…\nthree", "one\ntwo\nthree\n", True),
        ("one", "one\ntwo", False),
        ("one …", "none", False),
        ("a.b", "aXb", False),
        ("one … four", "one two three", False),
        ("score 0.83, 2.50 USD", "score 0.85, 2.50 USD", True),
        ("score 0.83", "score 0.93", False),
        ("score 0.83", "score 1", False),
    ],
)
def test_an_output_is_shown_whole_but_for_what_is_marked(
    shown: str, printed: str, same: bool
) -> None:
    assert is_output(shown, printed) is same
