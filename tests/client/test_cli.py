"""The command line without a stack: filters, dry runs, wrong use, exit codes, and text that is hostile."""

import base64
import io
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from PIL import Image
from sightline.cli import main, pictures
from sightline.cli.filters import parsed
from sightline.cli.sums import size
from sightline.words import marked, one_line, safe

from db.embedded import free_port
from tests.client.drawn import picture, write
from tests.client.loopback import Plan, job, loopback, problem

EVIL = "\x1b]0;owned\a\x1b[2J[bold red]x[/] \x9b31m\u202eevil\u2066\r\nnext"


def run(*words: str, url: str = "http://127.0.0.1:1", **more: Any) -> Result:
    """The command in this process, against a server at an address."""
    return CliRunner().invoke(main, ["--url", url, "--patience", "0", *words], **more)


def item(**more: Any) -> dict[str, Any]:
    return {"id": "sku-1", "kind": "image", "name": "Boot", "caption": None, "category": "shoes",
            "tags": [], "price": 20.0, "currency": "USD", "attributes": {}, "sha256": "00",
            "document_id": None, "page": None, "text": None} | more  # fmt: skip


class TestFilters:
    @pytest.mark.parametrize(
        ("words", "made"),
        [
            (["category=shoes", "category=hats"], {"category": ["shoes", "hats"]}),
            (["price>=10", "price<50.5"], {"price": {"gte": 10.0, "lt": 50.5}}),
            (["price=20"], {"price": {"gte": 20.0, "lte": 20.0}}),
            (["attributes.stars>4", "attributes.brand=Acme & Co", "attributes.n=3"],
             {"attributes": {"stars": {"gt": 4.0}, "brand": "Acme & Co", "n": 3}}),
            (["tags = new", "currency=USD", "document_id=pump", "kind=page"],
             {"tags": ["new"], "currency": "USD", "document_id": "pump", "kind": ["page"]}),
            (['{"price": {"lte": 5}}'], {"price": {"lte": 5}}),
            ([], {}),
        ],
    )  # fmt: skip
    def test_words_become_the_contracts_object(self, words: list[str], made: Any) -> None:
        from db.filters import Filters

        assert parsed(words) == made
        Filters.parse(made)

    @pytest.mark.parametrize(
        "words", ["price<cheap", "colour=red", "category<shoes", "x", "{x", "tags="]
    )
    def test_what_is_no_filter_is_told_with_examples(self, words: str) -> None:
        result = run("items", "--filter", words, "--catalog", "shop")
        assert result.exit_code == 2 and "is no filter. Write category=shoes" in result.stderr


class TestDryRun:
    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        write(tmp_path, "shoes/red-boot_02.jpg", picture(1))
        write(tmp_path, "notes.txt", "x")
        return tmp_path

    def test_it_shows_the_mapping_and_needs_no_server(self, folder: Path) -> None:
        result = run("import", str(folder), "--catalog", "shop", "--dry-run")
        assert result.exit_code == 0, result.stderr
        assert "a folder of pictures, 1 items" in result.stdout
        assert "caption: red boot 02" in result.stdout
        assert re.search(r"shoes:red-boot_02.jpg +red boot 02 +shoes", result.stdout)

    def test_it_tells_machines_too(self, folder: Path) -> None:
        result = run("import", str(folder), "-c", "shop", "--dry-run", "--json")
        told = json.loads(result.stdout)
        assert (told["format"], told["items"], told["bad"]) == ("folder", 1, 0)
        assert told["examples"][0]["caption"] == "red boot 02"

    def test_broken_lines_are_shown_and_make_it_fail(self, tmp_path: Path) -> None:
        path = write(tmp_path, "m.jsonl", '{"id": "a", "image": "gone.jpg"}\nno json\n')
        result = run("import", str(path), "-c", "shop", "--dry-run")
        assert result.exit_code == 1
        assert "file_missing" in result.stdout and "line 2" in result.stdout


class TestExitCodes:
    def test_wrong_use_is_2(self, tmp_path: Path) -> None:
        odd = write(tmp_path, "a.docx", "x")
        for words in (["search"], ["search", "a", "--like", "b"], ["import", "/gone", "-c", "s"],
                      ["import", str(odd), "-c", "s"], ["nothing"], ["keys", "make"]):  # fmt: skip
            assert run(*words).exit_code == 2, words

    def test_a_server_that_is_not_there_is_3_and_the_next_step_is_told(self) -> None:
        result = run("catalogs", url=f"http://127.0.0.1:{free_port()}")
        assert result.exit_code == 3
        assert "cannot be reached" in result.stderr and "--url" in result.stderr

    @pytest.mark.parametrize(
        ("status", "code", "exit_code", "hint"),
        [(401, "unauthorized", 2, "SIGHTLINE_KEY"), (503, "unavailable", 3, ""),
         (429, "rate_limited", 3, "--patience"), (500, "internal_error", 3, "calls the request r-1"),
         (422, "invalid_input", 2, "/limit: too large")],
    )  # fmt: skip
    def test_a_refusal_is_told_with_its_code(
        self, status: int, code: str, exit_code: int, hint: str
    ) -> None:
        errors = (
            [{"pointer": "/limit", "code": "x", "detail": "too large"}] if status == 422 else []
        )
        with loopback(Plan(status, problem(code, errors=errors))) as server:
            result = run("catalogs", "show", "shop", url=server.url)
        assert result.exit_code == exit_code
        assert f"({code})" in result.stderr and hint in result.stderr
        assert "Traceback" not in result.stderr

    def test_a_job_that_failed_is_1(self) -> None:
        failed = job("failed", error={"code": "provider_busy", "detail": "Busy."})
        with loopback(Plan(200, failed)) as server:
            result = run("answer", "Why?", "--catalog", "shop", url=server.url)
            watched = run("jobs", "watch", "job_1", url=server.url)
        assert (result.exit_code, watched.exit_code) == (1, 1)
        assert "Busy. (provider_busy)" in result.stderr

    @pytest.mark.parametrize("words", [["--key", "schlüssel"], ["--key", "sl_secret\n"],
                                       ["--url", "localhost:8000"], ["--url", "http://"]])  # fmt: skip
    def test_an_address_or_a_key_that_can_be_none_is_wrong_use(self, words: list[str]) -> None:
        result = CliRunner().invoke(main, [*words, "catalogs"])
        assert result.exit_code == 2 and "cannot be asked" in result.stderr
        assert "sl_secret" not in result.output


def test_without_a_catalog_the_only_one_is_taken() -> None:
    one = Plan(200, {"data": [{"name": "shop"}], "next": None})
    with loopback(one, Plan(200, {"data": [item()], "next": None})) as server:
        result = run("items", url=server.url)
    assert result.exit_code == 0 and "sku-1" in result.stdout
    assert server.seen[1].path.startswith("/v1/catalogs/shop/items")
    two = Plan(200, {"data": [{"name": "shop"}, {"name": "old"}], "next": None})
    with loopback(two) as server:
        result = run("items", url=server.url)
    assert result.exit_code == 2 and "shop, old" in result.stderr


def test_lists_for_machines_are_a_line_an_item() -> None:
    page = Plan(200, {"data": [item(), item(id="sku-2")], "next": None})
    with loopback(page) as server:
        result = run("items", "--catalog", "shop", "--json", url=server.url)
    assert [json.loads(line)["id"] for line in result.stdout.splitlines()] == ["sku-1", "sku-2"]


def test_a_change_says_which_fields_there_are() -> None:
    with loopback(Plan(200, item())) as server:
        done = run("items", "set", "sku-1", "price=79.90", "tags=a|b", "caption=", "attributes={}",
                   "--catalog", "shop", url=server.url)  # fmt: skip
    assert done.exit_code == 0
    assert json.loads(server.seen[0].body) == {
        "price": "79.90", "tags": ["a", "b"], "caption": None, "attributes": {}}  # fmt: skip
    wrong = run("items", "set", "sku-1", "colour=red", "--catalog", "shop")
    assert wrong.exit_code == 2 and "name, caption" in wrong.stderr


class TestHostileText:
    def test_nothing_of_a_servers_text_reaches_the_terminal_as_a_command(self) -> None:
        evil = item(id="a", name=EVIL, category=EVIL, currency=EVIL)
        pages: list[tuple[tuple[str, ...], Any]] = [
            (("items", "--catalog", "shop"), {"data": [evil], "next": None}),
            (("items", "show", "a", "--catalog", "shop"), evil | {EVIL: EVIL}),
            (("search", "x", "--catalog", "shop"), job(result={
                "query": {"searched_text": EVIL, "parsed_filters": {EVIL: EVIL}},
                "hits": [{"item": evil, "score": 0.5}], "incomplete": False})),
            (("answer", "x", "--catalog", "shop"), job(result={
                "mode": "retrieval_only", "reason": EVIL, "answer": EVIL, "usage": None,
                "sources": [{"number": 1, "cited": True, "item": evil, "snippet": EVIL}]})),
            (("jobs", "show", "job_1"), job("failed", error={"code": EVIL, "detail": EVIL})),
            (("jobs", "cancel", "job_1"), job("failed", error={"code": EVIL, "detail": EVIL})),
        ]  # fmt: skip
        for words, body in pages:
            with loopback(Plan(200, body)) as server:
                result = run(*words, url=server.url)
            assert result.exit_code == 0, (words, result.output, result.exception)
            self.assert_harmless(result.output)
            assert "[bold red]x[/]" in result.output, "markup of others is text"

    def test_nor_does_that_of_an_error(self) -> None:
        body = problem(EVIL, detail=EVIL, errors=[{"pointer": EVIL, "detail": EVIL}])
        with loopback(Plan(422, body)) as server:
            result = run("catalogs", url=server.url)
        assert result.exit_code == 2
        self.assert_harmless(result.output)

    def test_json_is_ascii(self) -> None:
        with loopback(Plan(200, item(name=EVIL))) as server:
            result = run("items", "show", "a", "--catalog", "shop", "--json", url=server.url)
        assert result.stdout.isascii() and json.loads(result.stdout)["name"] == EVIL
        self.assert_harmless(result.stdout)

    def test_the_page_for_a_browser_has_no_tags_of_others(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
        monkeypatch.setattr("webbrowser.open", lambda url: True)
        words = '<script>alert(1)</script>"><img src=x onerror=alert(1)>'
        result = {"mode": "generated", "answer": words, "usage": None, "ranking": None,
                  "sources": [{"number": 1, "cited": True, "snippet": words,
                               "item": item(id=words, name=words)}]}  # fmt: skip
        plans = [Plan(200, job(result=result)), Plan(200, picture(3))]
        with loopback(*plans) as server:
            done = run("answer", words, "--catalog", "shop", "--open", "--json", url=server.url)
        assert done.exit_code == 0, done.output
        (path,) = tmp_path.glob("sightline-answer-*.html")
        page = path.read_text()
        assert "<script" not in page and page.count("<img ") == 1
        assert "default-src 'none'" in page and 'src="data:image/jpeg;base64,' in page

    @staticmethod
    def assert_harmless(text: str) -> None:
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", text), repr(
            text
        )


def test_words_are_made_safe_in_each_way() -> None:
    assert safe(EVIL).count("\N{REPLACEMENT CHARACTER}") == 6
    assert safe("a\r\nb\tc é 漢") == "a\nb\tc é 漢"
    assert marked("[red]x") == "\\[red]x"
    assert one_line("a\n  b", 3) == "a b" and one_line("abcdef", 4) == "abc…"
    assert safe("\ud800") == "\N{REPLACEMENT CHARACTER}"


class TestPictures:
    @pytest.mark.parametrize(
        ("environment", "spoken"),
        [
            ({"TERM_PROGRAM": "iTerm.app"}, "iterm"), ({"LC_TERMINAL": "iTerm2"}, "iterm"),
            ({"TERM_PROGRAM": "WezTerm"}, "iterm"), ({"TERM": "xterm-kitty"}, "kitty"),
            ({"KITTY_WINDOW_ID": "3"}, "kitty"), ({"TERM": "xterm-256color"}, None),
            ({"KITTY_WINDOW_ID": "3", "TMUX": "/tmp/x"}, None), ({"TERM": "dumb"}, None),
        ],
    )  # fmt: skip
    def test_only_a_terminal_that_says_so_is_sent_pictures(
        self, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], spoken: str | None
    ) -> None:
        monkeypatch.setattr(pictures, "_asked", lambda: "\x1b[?62;22c")
        assert pictures.protocol(environment, is_terminal=True) == spoken
        assert pictures.protocol(environment, is_terminal=False) is None

    def test_sixel_is_spoken_where_the_terminal_names_it(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for answer, spoken in (("\x1b[?62;4;22c", "sixel"), ("\x1b[?64;14c", None), ("", None)):
            monkeypatch.setattr(pictures, "_asked", lambda answer=answer: answer)
            assert pictures.protocol({"TERM": "xterm"}, is_terminal=True) == spoken

    def test_iterm_gets_the_bytes_as_they_are(self) -> None:
        data = picture(3)
        said = pictures.drawn(data, "iterm")
        assert said is not None and said.startswith(f"\x1b]1337;File=inline=1;size={len(data)};")
        assert base64.b64decode(said.partition(":")[2].rstrip("\a")) == data

    def test_kitty_gets_a_png_in_pieces(self) -> None:
        said = pictures.drawn(picture(3, size=(256, 200)), "kitty") or ""
        pieces = re.findall(r"\x1b_G([^;]*);([^\x1b]*)\x1b\\", said)
        assert len(pieces) > 1 and all(len(data) <= 4096 for _, data in pieces)
        assert [head.endswith("m=1") for head, _ in pieces] == [True] * (len(pieces) - 1) + [False]
        whole = base64.b64decode("".join(data for _, data in pieces))
        assert Image.open(io.BytesIO(whole)).size == (256, 200)

    def test_sixel_draws_every_pixel_once(self) -> None:
        image = Image.new("RGB", (20, 13), "white")
        image.paste((255, 0, 0), (5, 3, 12, 11))
        said = pictures.sixel(image)
        assert said.startswith("\x1bPq") and said.endswith("\x1b\\")
        assert decoded_sixel(said) == [
            [(100, 0, 0) if 5 <= x < 12 and 3 <= y < 11 else (100, 100, 100) for x in range(20)]
            for y in range(13)
        ]

    def test_what_is_no_picture_is_shown_as_a_link(self) -> None:
        assert pictures.drawn(b"no picture", "kitty") is None


def decoded_sixel(said: str) -> list[list[tuple[int, ...]]]:
    """The pixels of a sixel, read by its grammar."""
    width, height = map(int, re.findall(r'"1;1;(\d+);(\d+)', said)[0])
    pixels: list[list[tuple[int, ...]]] = [[()] * width for _ in range(height)]
    body = said[said.index('"') :].split(";", 3)[3].lstrip("0123456789").removesuffix("\x1b\\")
    palette: dict[int, tuple[int, ...]] = {}
    top = x = colour = 0
    for token in re.findall(r"#\d+;2;\d+;\d+;\d+|#\d+|[?-~]|\$|-", body):
        if ";" in token:
            number, _, *rgb = map(int, token[1:].split(";"))
            palette[number] = tuple(rgb)
        elif token.startswith("#"):
            colour = int(token[1:])
        elif token in "$-":
            x, top = 0, top + 6 * (token == "-")
        else:
            for y in range(6):
                if (ord(token) - 63) >> y & 1:
                    assert pixels[top + y][x] == (), "drawn twice"
                    pixels[top + y][x] = palette[colour]
            x += 1
    return pixels


@pytest.mark.parametrize(
    ("count", "words"), [(7, "7 bytes"), (2048, "2.0 kB"), (5 * 1024**4, "5120.0 GB")]
)
def test_sizes_are_told_in_words(count: int, words: str) -> None:
    assert size(count) == words


def commands(group: Any, words: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every command's words."""
    yield words
    for name, command in getattr(group, "commands", {}).items():
        yield from commands(command, (*words, name))


@pytest.mark.parametrize("words", list(commands(main)), ids=" ".join)
def test_every_command_has_help_that_says_what_it_does(words: tuple[str, ...]) -> None:
    result = run(*words, "--help")
    assert result.exit_code == 0 and "Usage:" in result.stdout
    if len(words) < 2:
        assert "sightline" in result.stdout.split("Options:")[1], "it shows examples"


def test_the_command_starts_quickly_and_alone() -> None:
    script = ("import sys, sightline.cli; "
              "sys.exit(bool({'api', 'db', 'worker', 'PIL', 'numpy'} & set(sys.modules)))")  # fmt: skip
    assert subprocess.run([sys.executable, "-c", script], check=False, timeout=60).returncode == 0
