"""The pages of the documentation, done as they stand: every command exits 0 and prints what is shown."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from db.embedded import Stack, free_port
from tests.pages import PAGES, ROOT, STRICT, WITHOUT_KEYS, Desk, commands, is_output, name_of
from tests.providers import FakeProviders
from worker.demo_model import sample_manual
from worker.demo_model.sample_catalog import make_catalog, pack
from worker.encoder import random_folder

BOOK = ROOT / "docs" / "cookbook"
FORGIVING = "-eu"
"""A search of the logs that finds nothing is no failure there."""
TYPED = {
    name_of(page): page
    for page in sorted(PAGES)
    if commands(page.read_text()) and name_of(page) not in WITHOUT_KEYS
}


@pytest.fixture(scope="module")
def providers() -> Iterator[FakeProviders]:
    with FakeProviders() as running:
        yield running


@pytest.fixture(scope="module")
def second_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model to change to; what it finds means nothing."""
    folder = tmp_path_factory.mktemp("second-model")
    random_folder.write(folder, "tiny")
    return folder


@pytest.fixture(scope="module")
def reader(
    tmp_path_factory: pytest.TempPathFactory, providers: FakeProviders, second_model: Path
) -> Iterator[Stack]:
    """What a reader has who follows the book: `make serve` with the demo model and a provider."""
    environment = {
        "OPENAI_API_KEY": providers.key,
        "OPENAI_BASE_URL": providers.openai_url,
        "SIGHTLINE_IMAGE_MODEL": f"sightline-demo,{second_model}",
    }
    with Stack(tmp_path_factory.mktemp("reader"), free_port(), environment) as running:
        yield running


@pytest.fixture
def desk(reader: Stack, second_model: Path, tmp_path: Path) -> Desk:
    return Desk.at(tmp_path, reader, NEW=str(second_model))


def own_files(desk: Desk) -> None:
    """What stands for the reader's own in the README."""
    manifest = make_catalog(desk.folder / "photos", 8)
    pack(manifest, desk.folder / "catalog.zip")
    picture = manifest.parent / "images" / "sku-0003.jpg"
    (desk.folder / "boot.jpg").write_bytes(picture.read_bytes())
    sample_manual.write(desk.folder / "manual.pdf")


def a_shop(desk: Desk) -> None:
    """A catalog that is full already, and the ids of the job and the request that filled it."""
    with httpx.Client(base_url=f"http://{desk.server}", timeout=60) as http:
        http.put("/v1/catalogs/shop", json={}).raise_for_status()
        line = b'{"id": "a", "text": "a red boot"}'
        wait = {"Content-Type": "application/x-ndjson", "Prefer": "wait=30"}
        done = http.post("/v1/catalogs/shop/imports", content=line, headers=wait)
    assert done.json()["counts"]["succeeded"] == 1, done.text
    desk.environment["JOB"] = done.json()["id"]
    desk.environment["REQUEST_ID"] = done.headers["X-Request-Id"]


BEFORE: dict[str, Callable[[Desk], None]] = {
    "README.md": own_files,
    **{name: a_shop for name in TYPED if "operations" in name or "runbooks" in name},
}
"""What a page expects to be there."""


@pytest.mark.parametrize("name", TYPED)
def test_a_page_does_what_it_shows(desk: Desk, providers: FakeProviders, name: str) -> None:
    if name in BEFORE:
        BEFORE[name](desk)
    options = FORGIVING if "runbooks" in name else STRICT
    desk.follow(TYPED[name].read_text(), options)
    assert providers.invalid == []


def test_the_index_of_the_cookbook_names_every_page() -> None:
    pages = {path.name for path in BOOK.glob("*.md")} - {"README.md"}
    assert len(pages) >= 5
    assert set(re.findall(r"\]\(([\w-]+\.md)\)", (BOOK / "README.md").read_text())) == pages


def test_every_page_of_the_cookbook_shows_what_it_prints() -> None:
    for path in BOOK.glob("*.md"):
        if path.name != "README.md":
            shown = [command for command in commands(path.read_text()) if command.shown]
            assert len(shown) >= 2, path.name


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
