"""What the documentation says without running it: links, fences, and names of what there is."""

import importlib.util
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from sightline.cli import main as command_line

from db import errors
from db.errors import SightlineError
from db.settings import Settings
from tests.pages import PAGES, ROOT, RUN, TEXTS, fences, marked, name_of

INDEX = ROOT / "docs" / "README.md"
LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
PART = re.compile(r"; | && | \|\|? ")
TYPED = re.compile(
    r"\s*(?:\$ |(?:curl|make|sightline|pip|python3?|docker|kubectl|git|\.venv/\S+) )"
)
"""How a line begins that somebody may type."""
SPOKEN = re.compile(r"`([^`\n]+)`")
SETTING = re.compile(r"\bSIGHTLINE_([A-Z_]+[A-Z])\b")
TARGET = re.compile(r"\bmake ([a-z]+(?:-[a-z]+)*)")
CLIENTS = {"url", "key", "catalog", "embed_workers"}
"""Settings of the command lines, which are no part's own."""

NOT_RUN = {
    "docker": "needs Docker",
    "kubectl": "needs a cluster",
    "cp deploy/": "goes with kubectl",
    "git clone": "needs the address of the repository",
    "cd sightline": "goes with git clone",
    "make": "runs for long; `make --dry-run` reads it below",
    "pip install ./client": "tests/client/test_install.py does, into an empty environment",
    "export SIGHTLINE_": "an address and a key of the reader's own",
    "export NEW=": "a model of the hub; the test has one of its own",
}
"""How commands begin that pages show without the tests running them, and why that is so."""
NOT_TYPED = {"docs/scale-out.md": "needs Citus"}
"""Pages with SQL that no test runs; that of the runbooks is."""
LANGUAGES = {*RUN, "text", "console", "json", "sql", "yaml", ""}


@pytest.fixture(params=TEXTS, ids=name_of)
def path(request: pytest.FixtureRequest) -> Path:
    found: Path = request.param
    return found


def prose(path: Path) -> str:
    """A page without its fences."""
    return re.sub(r"^```.*?^```$", "", path.read_text(), flags=re.DOTALL | re.MULTILINE)


def anchors(path: Path) -> Iterator[str]:
    """The anchors that GitHub makes of a page's headings."""
    for heading in HEADING.findall(prose(path)):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        yield re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")


def links(path: Path) -> Iterator[tuple[Path, str]]:
    """The files of the project that a page links to, each with an anchor or ""."""
    for link in LINK.findall(prose(path)):
        if not re.match(r"https?://|mailto:", link):
            name, _, anchor = link.partition("#")
            yield (path.parent / name).resolve() if name else path, anchor


def test_every_link_leads_somewhere(path: Path) -> None:
    for target, anchor in links(path):
        assert target.exists(), target
        if anchor:
            assert anchor in list(anchors(target)), f"{target}#{anchor}"


def test_every_page_is_reached_from_the_index() -> None:
    reached, left = set(), [INDEX]
    while left:
        page = left.pop()
        if page.suffix == ".md" and page not in reached:
            reached.add(page)
            left += [target for target, _ in links(page)]
    assert set(TEXTS) <= reached


def test_every_fence_says_what_it_holds(path: Path) -> None:
    page, before, after = path.read_text(), "", 0
    assert not re.search(r"^(?: +```|~~~)", page, re.MULTILINE), "a fence the tests do not see"
    for fence in fences(page):
        assert fence.language in LANGUAGES, fence.language
        if fence.language == "text":
            apart = page[after : fence.begins].strip()
            assert before in RUN and not apart, f"not below a command:\n{fence.content}"
        before, after = fence.language, fence.ends
    assert page.count("\n```") + page.startswith("```") == 2 * len(list(fences(page)))


def test_what_is_only_shown_holds_no_command(path: Path) -> None:
    for fence in fences(path.read_text()):
        if fence.language not in (*RUN, "text"):
            shown = fence.content.replace("\\\n", " ").splitlines()
            lines = [line for line in shown if fence.language != "console" or line[:2] != "$ "]
            assert not [line for line in lines if TYPED.match(line)], fence.content


def test_what_is_not_run_has_a_reason() -> None:
    used = set()
    for page in PAGES:
        for line in marked(page.read_text()):
            for part in PART.split(line.partition("  #")[0].strip()):
                reasons = [begin for begin in NOT_RUN if part.startswith(begin)]
                assert reasons, f"{name_of(page)} could run it: {part}"
                used.update(reasons)
    assert used == set(NOT_RUN), "a reason that no page needs"


def test_statements_are_run_or_have_a_reason() -> None:
    pages = {name_of(p) for p in PAGES for f in fences(p.read_text()) if f.language == "sql"}
    assert {page for page in pages if not page.startswith("docs/runbooks/")} == set(NOT_TYPED)


def test_make_knows_every_target_that_is_shown() -> None:
    for page in PAGES:
        for line in marked(page.read_text()):
            for part in PART.split(line.partition("  #")[0]):
                if part.startswith("make "):
                    words = f"{part.replace('…', 'x')} --dry-run --old-file=.venv/.installed --old-file=.venv/.developed"
                    done = subprocess.run(["bash", "-c", words], cwd=ROOT, env=os.environ | {"MAKEFLAGS": ""},
                                          capture_output=True, text=True, check=False)  # fmt: skip
                    assert done.returncode == 0, f"{part}\n{done.stderr}"


def test_what_is_named_in_passing_exists(path: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for words in SPOKEN.findall(prose(path)):
        assert set(TARGET.findall(words)) <= targets, words
        for command in re.findall(r"^sightline ([a-z]+)", words):
            assert command in command_line.commands, words
        for module in re.findall(r"^python -m ([\w.]+)", words):
            assert importlib.util.find_spec(module), words


def test_settings_that_are_named_exist(path: Path) -> None:
    for name in SETTING.findall(path.read_text()):
        assert name.lower() in {*Settings.model_fields, *CLIENTS}, name


def test_the_readme_tells_every_setting() -> None:
    table = (ROOT / "README.md").read_text()
    for name, field in Settings.model_fields.items():
        told = str(field.validation_alias or f"SIGHTLINE_{name}").upper()
        short = f"…_{name.upper().rpartition('_')[2]}"
        assert f"`{told}`" in table or f"`{short}`" in table, told


def test_the_readme_stays_a_front_page() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= 200


def test_every_code_is_explained() -> None:
    page = (ROOT / "docs" / "http.md").read_text()
    known = [one for one in vars(errors).values() if isinstance(one, type)]
    for one in known:
        if (
            issubclass(one, SightlineError)
            and not one.__subclasses__()
            and one.code != "lease_lost"
        ):
            assert f"`{one.code}`" in page, one.code
