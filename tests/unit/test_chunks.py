"""Chunks: exact spans that cover the page, advance, overlap, and end where sentences end."""

import random
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from worker.ingest.chunks import MOST, OVERLAP_MOST, chunks, sentence_ends
from worker.ingest.pages import Chunk

WORDS = (
    "the pump valve is checked before every season and its filter washed in warm water without "
    "soap while a second person holds housing so that no spring falls out of place"
).split()
ASIDES = ("e.g. a bucket", "see Fig. 3", "about 3.5 bar", "by Dr. Lind", "i.e. never", "No. 7")

PIECES = st.one_of(
    st.text(max_size=400),
    st.text(alphabet="ab. \n", max_size=3000),
    st.text(alphabet="あ漢。", max_size=2000),
    st.integers(1, 3000).map(lambda length: "x" * length),
    st.integers(1, 400).map(lambda length: " \n\u3000" * length),
)
TEXTS = st.lists(PIECES, max_size=8).map("".join)


@given(TEXTS)
def test_every_chunk_is_an_exact_span_without_outer_space(text: str) -> None:
    for chunk in chunks(text):
        assert text[chunk.start : chunk.end] == chunk.text
        assert chunk.text and chunk.text == chunk.text.strip()
        assert len(chunk.text) <= MOST


@given(TEXTS)
def test_every_character_that_is_no_space_is_in_a_chunk(text: str) -> None:
    covered = bytearray(len(text))
    for chunk in chunks(text):
        covered[chunk.start : chunk.end] = b"\1" * (chunk.end - chunk.start)
    assert all(seen or letter.isspace() for seen, letter in zip(covered, text, strict=True))


@given(TEXTS)
@example("x" * 750 + "。0" + "\n" * 1200 + "y")
def test_chunks_always_advance_and_overlap_little(text: str) -> None:
    for before, after in pairwise(chunks(text)):
        assert before.start < after.start
        assert before.end < after.end
        assert before.end - after.start <= OVERLAP_MOST


def manual(sentences: int, seed: int) -> tuple[str, set[int]]:
    """English prose broken into lines of 80 characters, and where its sentences truly end."""
    rng = random.Random(seed)
    words: list[str] = []
    finals: set[int] = set()
    for _ in range(sentences):
        body = rng.choices(WORDS, k=rng.randint(6, 24))
        if rng.random() < 0.4:
            body[2:2] = rng.choice(ASIDES).split()
        body[0] = body[0].capitalize()
        words += body
        words[-1] += rng.choice((".", ".", ".", "?", "!", '."'))
        finals.add(len(words) - 1)
    text, ends, width = "", set(), 0
    for number, word in enumerate(words):
        text += word
        if number in finals:
            ends.add(len(text))
        width = 0 if width > 80 else width + len(word) + 1
        text += " " if width else "\n"
    return text, ends


def test_few_chunks_of_a_long_text_end_in_a_sentence() -> None:
    text, ends = manual(3000, seed=5)
    found = chunks(text)
    assert len(found) > 200
    torn = [chunk for chunk in found if chunk.end not in ends]
    assert len(torn) <= 0.08 * len(found)
    starts = [chunk for chunk in found[1:] if not chunk.text[0].isupper()]
    assert len(starts) <= 0.08 * len(found)


def test_chunks_of_a_long_text_are_about_900_long_and_overlap_by_about_150() -> None:
    found = chunks(manual(3000, seed=6)[0])
    lengths = [len(chunk.text) for chunk in found]
    overlaps = [before.end - after.start for before, after in pairwise(found)]
    assert 800 < sum(lengths) / len(lengths) < 1000
    assert 100 < sum(overlaps) / len(overlaps) < 200


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("Open the valve. Close it.", ["Open the valve.", "Close it."]),
        ("Use a tool, e.g. a wrench. Stop.", ["Use a tool, e.g. a wrench.", "Stop."]),
        ("See Fig. 3 for it. Then go.", ["See Fig. 3 for it.", "Then go."]),
        ("It takes 3.5 bar. It holds.", ["It takes 3.5 bar.", "It holds."]),
        ("Made by J. Lind. Sold here.", ["Made by J. Lind.", "Sold here."]),
        ("1. Open it.\n2. Shut it.", ["1. Open it.", "2. Shut it."]),
        ("Ready? (Yes!) Go on.", ["Ready?", "(Yes!)", "Go on."]),
        ("ポンプを開く。閉じる！次", ["ポンプを開く。", "閉じる！"]),
        ("A heading\n\nThen text.", ["A heading", "Then text."]),
        ("a line\nand another.", ["a line\nand another."]),
    ],
)
def test_sentences_end_where_a_reader_says(text: str, sentences: list[str]) -> None:
    begin, found = 0, []
    for end in sentence_ends(text):
        found.append(text[begin:end].strip())
        begin = end
    assert found == sentences


def test_one_enormous_sentence_is_cut_at_spaces() -> None:
    found = chunks("word " * 1000)
    assert len(found) > 4
    assert all(chunk.text.startswith("word") and chunk.text.endswith("word") for chunk in found)


def test_a_text_without_spaces_is_cut_hard() -> None:
    found = chunks("x" * 5000)
    assert found[0] == Chunk(0, 900, "x" * 900)
    assert found[-1].end == 5000


def test_a_blank_text_has_no_chunks() -> None:
    assert chunks("") == chunks(" \n\u3000 ") == ()
