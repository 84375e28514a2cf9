"""Asking in the console: citations lead to their sources, no provider is said honestly, calls can be canceled."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.parts import PATIENCE, Console
from tests.providers import FakeProviders, Planned

QUESTION = "Which fuse protects the control board?"


@pytest.fixture
def manuals(console: Console) -> Console:
    console.open("/c/manuals/ask", "manuals")
    expect(console.page.get_by_label("Question")).to_be_focused()
    return console


def ask(console: Console, question: str = QUESTION) -> None:
    console.page.get_by_label("Question").fill(question)
    console.page.get_by_role("button", name="Ask").click()


def test_a_citation_leads_to_the_source_and_lights_it_up(manuals: Console) -> None:
    ask(manuals)
    answer = manuals.page.locator(".answer")
    expect(answer.get_by_role("heading", name="Answer")).to_be_visible(timeout=PATIENCE)
    expect(answer).to_contain_text("F2")
    citation = answer.get_by_role("link", name=re.compile(r"Source \[\d+\]")).first
    number = re.sub(r"\D", "", citation.inner_text())
    source = manuals.page.locator(f"#source-{number}")
    expect(source.locator(".status")).to_have_text("cited")
    manuals.shot("answer-light")
    citation.press("Enter")
    expect(source).to_be_focused()
    expect(source).to_have_class(re.compile("lit"))
    expect(source).to_be_in_viewport()
    expect(manuals.page.locator(".source .frame.loaded img").first).to_be_visible()
    expect(manuals.page).to_have_url(re.compile(r"#/c/manuals/ask\?q=Which\+fuse"))


def test_a_source_opens_with_its_page(manuals: Console) -> None:
    ask(manuals)
    opener = manuals.page.locator(".source .opener").first
    expect(opener).to_be_visible(timeout=PATIENCE)
    opener.click()
    expect(manuals.page.get_by_role("dialog").locator(".facts")).to_contain_text("Document")


def test_without_a_provider_the_evidence_is_shown_and_nothing_is_made_up(manuals: Console) -> None:
    manuals.page.get_by_label("Asked of").select_option("none")
    ask(manuals)
    answer = manuals.page.locator(".answer.unwritten")
    expect(answer.get_by_role("heading", name="No answer was written")).to_be_visible(
        timeout=PATIENCE
    )
    expect(answer).to_contain_text("The request asked for sources alone.")
    expect(answer).to_contain_text("Fuse F2 protects")
    expect(manuals.page.get_by_role("list", name="Sources").locator(".source")).to_have_count(8)
    assert manuals.page.locator(".status", has_text="cited").count() == 0
    manuals.shot("answer-without-provider")


def test_a_ranking_says_of_each_whether_it_fits(console: Console) -> None:
    console.open("/c/shop/ask", "shop")
    console.page.get_by_label("As", exact=True).select_option("rank")
    console.page.get_by_label("Detail of pictures").select_option("high")
    ask(console, "a red shoe for a wedding")
    ranking = console.page.get_by_role("list", name="Ranking")
    expect(ranking.get_by_role("listitem").first).to_contain_text("fits", timeout=PATIENCE)
    expect(ranking).to_contain_text("It came in place 1.")
    console.shot("answer-ranking")
    ranking.get_by_role("link").nth(2).click()
    expect(console.page.locator(".source.lit")).to_have_count(1)


def test_a_question_under_way_can_be_canceled(manuals: Console, providers: FakeProviders) -> None:
    providers.plan(Planned(delay=15))
    asked = len(providers.requests)
    ask(manuals, "What takes very long?")
    while len(providers.requests) == asked:  # the call is out
        manuals.page.wait_for_timeout(50)
    manuals.page.get_by_role("button", name="Cancel").click()
    problem = manuals.page.get_by_role("alert")
    expect(problem).to_contain_text("canceled", timeout=PATIENCE)
    expect(problem.get_by_role("button", name="Try again")).to_be_visible()


def test_a_provider_that_fails_is_told_with_its_code_and_the_job(
    manuals: Console, providers: FakeProviders
) -> None:
    providers.plan(Planned(body=lambda seen: seen.wire.refused(seen)))
    ask(manuals, "What is refused?")
    problem = manuals.page.get_by_role("alert")
    expect(problem).to_contain_text("answer_refused", timeout=PATIENCE)
    problem.get_by_role("link", name=re.compile("^job_")).click()
    expect(manuals.page.get_by_role("heading", name="Job", level=1)).to_be_visible()
    expect(manuals.page.locator(".job .status")).to_have_text("failed")


def test_the_models_words_are_text_also_when_they_look_like_markup(
    manuals: Console, providers: FakeProviders
) -> None:
    said = '{"relevant": true, "answer": "<img src=x onerror=window.hacked=1> [S1] [S99]", "citations": ["S1"]}'
    providers.plan(Planned(body=lambda seen: seen.wire.said(seen, said)))
    ask(manuals, "What is hostile?")
    answer = manuals.page.locator(".answer")
    expect(answer).to_contain_text("<img src=x onerror=window.hacked=1>", timeout=PATIENCE)
    expect(answer.get_by_role("link")).to_have_count(1)
    assert manuals.page.evaluate("window.hacked") is None
