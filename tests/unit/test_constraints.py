"""Constraints in words: labelled phrases, and properties that hold for any text."""

import re
import time
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from benchmarks.constraints import is_right, score
from db.constraints import Parsed, merged, parse
from db.filters import Filters
from db.numbers_in_words import NUMBER, SCALES, TENS, UNITS, folded, number
from tests.unit.constraint_phrases import CATEGORIES, HELD_OUT, TUNED, Phrase

BOUNDS = {
    "under": "lt", "less than": "lt", "CHEAPER THAN": "lt", "<": "lt", "at most": "lte",
    "up to": "lte", "no more than": "lte", "max": "lte", "within a budget of": "lte", "≤": "lte",
    "over": "gt", "above": "gt", "more than": "gt", "at least": "gte", "from": "gte",
    "starting at": "gte", "no less than": "gte", ">=": "gte",
}  # fmt: skip
CURRENCIES = {
    "${}": "USD", "{}$": "USD", "{} dollars": "USD", "{} bucks": "USD", "US${}": "USD",
    "€{}": "EUR", "{} €": "EUR", "{} Euros": "EUR", "EUR {}": "EUR", "{} eur": "EUR",
    "{}EUR": "EUR", "£{}": "GBP", "{} quid": "GBP", "GBP {}": "GBP", "¥{}": "JPY",
    "{} CHF": "CHF", "{} kr": None,
}  # fmt: skip
CARRIERS = (
    "{} red boots", "red boots {}", "boots {}, waterproof and warm", "show me boots ({})",
    "levi's 501 {}", "canon 50mm lens {}!", "{}: a gift",
)  # fmt: skip
LEFT = (
    "red boots", "red boots", "boots, waterproof and warm", "show me boots", "levi's 501",
    "canon 50mm lens", "a gift",
)  # fmt: skip
SOUP = [
    *BOUNDS, "between", "and", "to", "or less", "and up", "+", "-", "$", "€", "$5", "7", "50",
    "1,000", "1.299,00", "2k", "two", "hundred", "dollars", "pounds", "price", "budget", "costs",
    "for", "rated", "4", "stars", "star", "in", "shoes", "the", "section", "category:", "toys",
    "woman", '"', "(", ")", ",", ".", "boots", "red", "a", "not", "that", "is", "i want to spend",
    "15 inches", "off", "%", "\0", "'", "kr", "grand", "&", "/", "x",
]  # fmt: skip
MARKS = {"swiss": ("'", "."), "continental": (".", ","), "spaced": (" ", ","), "comma": ("", ",")}
NOTATIONS = ("{:.2f}", "{:,.2f}", *MARKS)

FIVE = {"price": {"lt": 5}, "currency": "USD"}

amounts = st.decimals("0.01", "9999999.99", places=2).filter(lambda value: value > 0)
soups = st.lists(st.sampled_from(SOUP), max_size=14).flatmap(
    lambda words: st.sampled_from([" ", "", "\u00a0", "\n"]).map(lambda gap: gap.join(words))
)
texts = soups | st.text(max_size=60) | st.text(st.characters(codec=None), max_size=30)


def written(value: Decimal, notation: str) -> str:
    """An amount with two decimals as different countries write it."""
    if notation not in MARKS:
        return notation.format(value)
    whole, _, rest = f"{value:,.2f}".partition(".")
    thousands, point = MARKS[notation]
    return whole.replace(",", thousands) + point + rest


def spelled(value: int) -> str:
    """A number under a million in English words, after `and` where the English say it."""
    units, tens = ({number: word for word, number in names.items()} for names in (UNITS, TENS))
    if value >= 1000:
        rest = f" {spelled(value % 1000)}" if value % 1000 else ""
        return f"{spelled(value // 1000)} thousand{rest}"
    if value >= 100:
        rest = f" and {spelled(value % 100)}" if value % 100 else ""
        return f"{units[value // 100]} hundred{rest}"
    if value < 20:
        return units[value]
    return tens[value - value % 10] + (f"-{units[value % 10]}" if value % 10 else "")


@pytest.mark.parametrize("phrase", TUNED, ids=lambda phrase: phrase.text[:50])
def test_each_phrase_means_what_its_label_says(phrase: Phrase) -> None:
    parsed = parse(phrase.text, CATEGORIES)
    assert (parsed.filters.as_json(), parsed.text) == (phrase.filters, phrase.rest)


def test_phrases_that_were_held_out_are_understood_about_as_well() -> None:
    measured = score(HELD_OUT)
    assert measured.precision >= 0.95
    assert measured.recall >= 0.95
    assert measured.whole >= 0.95


def test_the_list_has_many_phrases_that_only_look_constrained() -> None:
    phrases = [*TUNED, *HELD_OUT]
    assert len({phrase.text for phrase in phrases}) == len(phrases) >= 180
    assert sum(phrase.negative for phrase in phrases) >= 70


def test_a_wrong_answer_costs_the_score() -> None:
    wrong = Phrase("boots under $20", "boots", {"price": {"lt": 30}, "currency": "USD"})
    measured = score([wrong, TUNED[0]])
    assert (measured.precision, measured.recall, measured.whole) == (0.75, 0.75, 0.5)
    assert not is_right(parse(wrong.text), wrong)


@given(
    st.sampled_from(list(BOUNDS.items())), amounts, st.sampled_from(NOTATIONS),
    st.sampled_from(list(CURRENCIES.items())),
    st.sampled_from(list(zip(CARRIERS, LEFT, strict=True))),
)  # fmt: skip
def test_an_amount_is_read_exactly_and_its_carrier_is_left(
    bound: tuple[str, str], amount: Decimal, notation: str,
    money: tuple[str, str | None], carrier: tuple[str, str],
) -> None:  # fmt: skip
    said = f"{bound[0]} {money[0].format(written(amount, notation))}"
    parsed = parse(carrier[0].format(said))
    meant = {"price": {bound[1]: amount}, "currency": money[1]}
    assert parsed == Parsed(carrier[1], Filters.parse(meant)), said


@given(amounts, amounts, st.sampled_from(["between ${} and ${}", "${}-${}", "from {} to {} usd",
                                          "{}–{} dollars", "${} to {}"]))  # fmt: skip
def test_a_range_is_read_from_its_lower_to_its_higher_end(
    one: Decimal, other: Decimal, form: str
) -> None:
    parsed = parse("lamp " + form.format(one, other))
    meant = {"price": {"gte": min(one, other), "lte": max(one, other)}, "currency": "USD"}
    assert parsed == Parsed("lamp", Filters.parse(meant))


@given(amounts)
def test_around_is_a_fifth_to_both_sides(amount: Decimal) -> None:
    found = parse(f"around ${amount}").filters.price
    assert found is not None
    assert (found.gte, found.lte) == (amount * Decimal("0.8"), amount * Decimal("1.2"))


@given(amounts, st.sampled_from(NOTATIONS))
def test_a_number_reads_the_same_in_every_notation(amount: Decimal, notation: str) -> None:
    match = re.fullmatch(NUMBER, folded(written(amount, notation)))
    assert match is not None
    assert number(match[0]) == amount


@given(st.integers(1, 999_999))
def test_a_number_reads_the_same_in_words(value: int) -> None:
    words = spelled(value)
    match = re.fullmatch(NUMBER, words)
    assert match is not None
    assert number(words) == value
    assert parse(f"boots under {words.upper()} euros").filters.as_json()["price"] == {"lt": value}


@pytest.mark.parametrize(
    ("text", "value"),
    [("2k", 2000), ("1.5k", 1500), ("a hundred", 100), ("1.299", 1299), ("0.999", Decimal("0.999")),
     ("1,50,000", 150_000), ("2 grand", 2000), ("1.5 million", 1_500_000),
     ("12,5", Decimal("12.5"))],
)  # fmt: skip
def test_short_forms_of_numbers(text: str, value: Decimal) -> None:
    match = re.fullmatch(NUMBER, text)
    assert match is not None
    assert number(match[0]) == value


@given(texts)
@example("under under $5 $7")
@example("in shoes in toys under $5")
def test_nothing_more_is_found_in_what_is_left(text: str) -> None:
    once = parse(text, CATEGORIES)
    again = parse(once.text, CATEGORIES)
    assert again.filters.empty
    assert again.text == once.text


@given(st.text(max_size=80))
def test_text_without_numbers_or_categories_is_left_alone(text: str) -> None:
    words = [*UNITS, *TENS, *SCALES, "hundred", "in ", "category", "section", "department"]
    low = folded(text)
    if re.search("[0-9]", low) or any(word in low for word in words if word != "k"):
        text = "plain"
    assert parse(text, CATEGORIES) == Parsed(" ".join(text.split()), Filters())


@given(texts)
def test_any_text_is_taken_and_never_grows(text: str) -> None:
    parsed = parse(text, CATEGORIES)
    assert len(parsed.text) <= len(text)
    Filters.parse(parsed.filters.as_json())


@given(soups.filter(lambda text: '"' not in text))
def test_what_stands_in_quotes_is_literal(text: str) -> None:
    quoted = f'mug "{text}"'
    parsed = parse(f"{quoted} under $5", CATEGORIES)
    assert parsed == Parsed(" ".join(quoted.split()), Filters.parse(FIVE))


@pytest.mark.parametrize(
    "unit",
    ["1,1,1,", "under under under ", "1 ", "1 111 ", "in shoes ", "$5$5-", "under $5 ", "“",
     "between 1 and ", "one hundred and ", "with a price of ", "5 stars ", "and ",
     "i want to spend "],
)  # fmt: skip
def test_ten_thousand_characters_take_no_time(unit: str) -> None:
    text = (unit * 10_000)[:10_000]
    took = []
    for _ in range(3):
        began = time.perf_counter()
        parse(text, CATEGORIES)
        took.append(time.perf_counter() - began)
    assert min(took) < 0.2


def test_a_category_is_one_of_the_catalogs_own_and_spelled_as_there() -> None:
    assert parse("red in SHOES", ["shoe"]) == Parsed("red", Filters(category=["shoe"]))
    assert parse("red in shoes", ["Boots"]) == Parsed("red in shoes", Filters())
    assert parse("red in shoes").filters.empty
    assert parse("pan in home & kitchens", CATEGORIES).filters.category == ["Home & Kitchen"]
    assert parse("red in accessory", ["Accessories", "x" * 2000]).text == "red"


ranges: st.SearchStrategy[dict[str, Any]] = st.dictionaries(
    st.sampled_from(["gt", "gte", "lt", "lte"]), st.integers(0, 100), min_size=1
)
filters: st.SearchStrategy[Filters] = st.fixed_dictionaries({}, optional={
    "category": st.lists(st.sampled_from(CATEGORIES), min_size=1, max_size=2),
    "price": ranges,
    "currency": st.sampled_from(["USD", "EUR"]),
    "tags": st.lists(st.sampled_from("ab")),
    "attributes": st.dictionaries(st.sampled_from(["stars", "size"]), ranges),
}).map(Filters.parse)  # fmt: skip
said = st.lists(
    st.sampled_from(["under $50", "at most 40 kr", "over 20 €", "4+ stars",
                     "in the toys section"]),
    max_size=3, unique=True,
).map(lambda words: parse("boots, ".join(words), CATEGORIES).filters)  # fmt: skip


@given(filters, said)
def test_what_is_explicit_is_never_changed(explicit: Filters, parsed: Filters) -> None:
    everything, applied = merged(explicit, parsed)
    given_fields = explicit.model_dump(exclude_none=True)
    kept = everything.model_dump(exclude_none=True)
    attributes = given_fields.pop("attributes", {})
    assert {name: kept[name] for name in given_fields} == given_fields
    assert {name: kept["attributes"][name] for name in attributes} == attributes
    assert not applied.model_dump(exclude_none=True, exclude={"attributes"}).keys() & given_fields
    assert not (applied.attributes or {}).keys() & attributes.keys()


@given(filters, said)
def test_all_that_holds_is_explicit_or_applied(explicit: Filters, parsed: Filters) -> None:
    everything, applied = merged(explicit, parsed)
    assert merged(explicit, applied) == (everything, applied)
    assert merged(explicit, Filters()) == (explicit, Filters())
    assert merged(Filters(), parsed) == (parsed, parsed)


@pytest.mark.parametrize(
    ("explicit", "applied"),
    [
        ({"price": {"lt": 10}}, {}),
        ({"currency": "EUR"}, {}),
        ({"currency": "USD"}, {"price": {"lt": 50}}),
        ({"tags": ["a"]}, {"price": {"lt": 50}, "currency": "USD"}),
    ],
)
def test_a_price_goes_with_its_currency(explicit: dict[str, Any], applied: dict[str, Any]) -> None:
    assert merged(Filters.parse(explicit), parse("under $50").filters)[1].as_json() == applied
