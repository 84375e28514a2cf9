"""What was typed, read as a search by words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from db import words


@pytest.mark.parametrize(
    "typed", ["red shoes", "t-shirt", "size 38-40", "for Oregon", "a - b", "-"]
)
def test_plain_words_have_no_form(typed: str) -> None:
    assert words.read(typed) == words.Words(typed, None, required=False)


@pytest.mark.parametrize(
    ("typed", "held"),
    [
        ('"red shoes"', "red shoes"),
        ('new "red shoes" "of silk" -"for men"', "red shoes of silk"),
        ('"red shoes" or "blue boots"', ""),
        ("shoes -red", ""),
        ("a\t-b", ""),
        ('say "', ""),
    ],
)
def test_quotes_and_a_minus_demand_their_form(typed: str, held: str) -> None:
    assert words.read(typed) == words.Words(typed, typed, required=True, held=held)


@pytest.mark.parametrize("typed", ["boots or shoes", "boots OR shoes", "or"])
def test_an_or_only_prefers_its_form(typed: str) -> None:
    assert words.read(typed) == words.Words(typed, typed, required=False)


def test_long_words_are_cut() -> None:
    read = words.read('"' + "word " * 10_000)
    assert len(read.typed) == words.LONGEST
    assert read.form is not None
    assert len(read.form) == words.LONGEST_FORM


@given(st.text(st.characters() | st.sampled_from("\0\ud800\udfff")))
def test_what_is_read_can_be_stored(typed: str) -> None:
    read = words.read(typed)
    assert "\0" not in read.typed
    assert read.typed.encode().decode() == read.typed
    assert len(read.typed) == len(typed)


@pytest.mark.parametrize("required", [False, True])
def test_a_form_is_demanded_or_preferred(required: bool) -> None:
    statement = words.ctes(1, 7, formed=True, required=required)
    assert ("true AS preferred" in statement) == required
    assert "'@7/'" in statement
