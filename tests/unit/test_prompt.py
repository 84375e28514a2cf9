"""What a model is asked, and what is left of its answer once its citations are checked."""

import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from db.errors import AnswerMalformed, BrokenImage, UnsupportedImage
from tests.providers.asking import source
from tests.unit.pictures import jpeg, photo, saved, see_through
from worker.answer import prompt
from worker.answer.citations import NOTHING, Checked, checked
from worker.answer.prompt import Source, answer_prompt, caption_prompt, fitted, rank_prompt
from worker.answer.provider import Part, Picture, Prompt

MARK = "0123456789abcdef"
PICTURE = Picture(b"bytes", "image/jpeg")
SOURCES = [source(1), source(2), source(3)]


def size(picture: Picture) -> tuple[int, int]:
    with Image.open(io.BytesIO(picture.data)) as image:
        assert image.format == "JPEG" and picture.media_type == "image/jpeg"
        return image.size


def texts(asked: Prompt) -> str:
    return "\n".join(part.text or "" for part in asked.parts)


@pytest.mark.parametrize(
    ("data", "longest", "expected"),
    [
        (jpeg(3000, 2000), 1024, (1024, 683)),
        (jpeg(2000, 3000, turn=6), 1568, (1568, 1045)),
        (jpeg(300, 200), 1024, (300, 200)),
        (jpeg(4000, 20), 512, (512, 3)),
        (saved(see_through(900, 600), "PNG"), 512, (512, 341)),
    ],
)
def test_a_picture_fits_upright_and_is_never_enlarged(
    data: bytes, longest: int, expected: tuple[int, int]
) -> None:
    found = size(fitted(data, longest))
    assert max(found) == max(expected)
    assert all(abs(a - b) <= 1 for a, b in zip(found, expected, strict=True))


def test_what_shows_through_is_sent_on_white() -> None:
    clear = Image.new("RGBA", (40, 40), (0, 0, 0, 0))
    with Image.open(io.BytesIO(fitted(saved(clear, "PNG")).data)) as image:
        assert image.getpixel((20, 20)) == (255, 255, 255)


def test_a_sent_picture_carries_no_metadata() -> None:
    exif = Image.Exif()
    exif[0x010F] = "secret camera"
    data = saved(photo(80, 60), "JPEG", exif=exif)
    assert b"secret camera" in data and b"secret camera" not in fitted(data).data


def test_no_picture_is_no_picture() -> None:
    with pytest.raises(UnsupportedImage):
        fitted(b"<svg/>")
    with pytest.raises(BrokenImage):
        fitted(jpeg(300, 300)[:3000])


def test_pages_and_slides_are_sent_larger_unless_little_detail_is_wanted() -> None:
    assert [prompt.longest_of(kind, "high") for kind in ("page", "slide", "figure", "image")] == [
        1568, 1568, 1024, 1024,
    ]  # fmt: skip
    assert prompt.longest_of("page", "low") == 512


def test_each_picture_stands_just_before_its_source_and_the_question_is_last() -> None:
    asked = answer_prompt("Why?", [source(1, picture=PICTURE), source(2)], MARK)
    kinds = ["picture" if part.picture else "text" for part in asked.parts]
    assert kinds == ["picture", "text", "text", "text"]
    first, second, question = (part.text or "" for part in asked.parts if part.text)
    assert first.startswith(f'<source-{MARK} id="S1">') and "picture: the one" in first
    assert second.startswith(f'<source-{MARK} id="S2">') and "picture: none" in second
    assert question == f"<question-{MARK}>\nWhy?\n</question-{MARK}>"
    assert MARK in asked.instructions


def test_a_source_tells_all_that_is_known_of_it_and_nothing_else() -> None:
    full = Source(4, "sku", "Long text.", "A caption", "Boot\nred", 7, "manual.pdf", "page", 0.3125,
                  "12.50 EUR", None)  # fmt: skip
    block = answer_prompt("Q", [full], MARK).parts[0].text
    assert block == (
        f'<source-{MARK} id="S4">\nkind: page\npicture: none\nname: Boot red\n'
        "document: manual.pdf\npage: 7\nprice: 12.50 EUR\nrelevance: 0.312\ncaption: A caption\n"
        f"text:\nLong text.\n</source-{MARK}>"
    )


def test_at_most_twenty_pictures_are_sent_and_every_text() -> None:
    many = [source(number, picture=PICTURE) for number in range(1, 31)]
    asked = rank_prompt("Q", many, MARK)
    assert sum(part.picture is not None for part in asked.parts) == 20
    assert texts(asked).count("picture: the one") == 20
    assert texts(asked).count(f"</source-{MARK}>") == 30


@given(st.lists(st.sampled_from([MARK, MARK[:8], MARK[8:], "</source-", ">", "<", "\n", "x", "S2"]))
       .map("".join))  # fmt: skip
def test_no_text_ends_its_own_block(text: str) -> None:
    hostile = source(1, text, name=text, caption=text, price=text, document=text)
    asked = texts(answer_prompt(text, [hostile, source(2)], MARK))
    assert asked.count(f"</source-{MARK}>") == asked.count(f"<source-{MARK} id=") == 2
    assert asked.count(f"</question-{MARK}>") == asked.count(f"<question-{MARK}>") == 1
    assert asked.count(MARK) == 6


def test_the_mark_is_another_one_each_time() -> None:
    made = {answer_prompt("Q", SOURCES).instructions for _ in range(20)}
    assert len(made) == 20


def test_a_long_text_is_cut() -> None:
    asked = answer_prompt("Q", [source(1, "é" * 50_000)], MARK)
    assert texts(asked).count("é") == prompt.MAX_TEXT


def test_a_caption_prompt_is_one_picture_and_a_text() -> None:
    asked = caption_prompt(PICTURE)
    assert asked.parts == (Part(picture=PICTURE), Part(text="Describe this picture."))
    assert set(asked.schema["properties"]) == {"caption"}


def answer(text: str, *cited: str, relevant: bool = True) -> dict[str, Any]:
    return {"relevant": relevant, "answer": text, "citations": list(cited)}


def test_citations_keep_their_order_and_stand_once() -> None:
    found = checked(answer("Red [S3], warm [S1].", "S3", "S1", "S3"), SOURCES)
    assert found == Checked(True, "Red [3], warm [1].", (3, 1), ())


@pytest.mark.parametrize(
    ("said", "shown", "cited"),
    [
        ("Red [S1].", "Red [1].", (1,)),
        ("Red [S9].", "Red.", ()),
        ("Red [S1, S9; S2].", "Red [1][2].", (1, 2)),
        ("Red[S1][S2]", "Red[1][2]", (1, 2)),
        ("Red [1] [7]", "Red [1]", (1,)),
        ("Red [ S2 ]", "Red [2]", (2,)),
        ("Red [note] [S] [SS1] [a1]", "Red [note] [S] [SS1] [a1]", ()),
    ],
)
def test_markers_are_kept_only_for_what_was_sent(
    said: str, shown: str, cited: tuple[int, ...]
) -> None:
    found = checked(answer(said), SOURCES)
    assert (found.answer, found.cited) == (shown, cited)


@given(
    st.lists(st.sampled_from(["S1", "S2", "S4", "s1", "1", "", "item-1", "S1 "])),
    st.text(st.sampled_from("[]S0123,; x"), max_size=30),
)
def test_nothing_is_cited_that_was_not_sent(cited: list[str], text: str) -> None:
    found = checked(answer(f"It is {text}", *cited), SOURCES)
    assert set(found.cited) <= {1, 2, 3} and len(set(found.cited)) == len(found.cited)
    sent = {f"S{number}" for number in found.cited}
    assert {name for name in cited if name in ("S1", "S2", "S3")} <= sent


def test_an_answer_that_nothing_is_relevant_cites_nothing() -> None:
    found = checked(answer("No source says so [S1].", "S1", relevant=False), SOURCES)
    assert found == Checked(False, "No source says so.", (), ())
    assert checked(answer(" ", relevant=False), SOURCES).answer == NOTHING


@pytest.mark.parametrize("text", ["", "  \n", "[S9]"])
def test_an_empty_answer_is_malformed(text: str) -> None:
    with pytest.raises(AnswerMalformed):
        checked(answer(text, "S1"), SOURCES)


def test_a_ranking_keeps_the_order_drops_strangers_and_cites_what_fits() -> None:
    ranking = [
        {"id": "S3", "fits": True, "explanation": " Best. "},
        {"id": "S9", "fits": True, "explanation": "A stranger."},
        {"id": "S1", "fits": False, "explanation": "Blue."},
        {"id": "S3", "fits": False, "explanation": "Again."},
    ]
    data = {"relevant": True, "answer": "S3 first.", "ranking": ranking}
    found = checked(data, SOURCES)
    assert [(one.item_id, one.fits) for one in found.ranking] == [
        ("item-3", True), ("item-1", False),
    ]  # fmt: skip
    assert found.ranking[0].explanation == "Best." and found.cited == (3,)
    assert checked(data | {"relevant": False}, SOURCES).ranking == ()
