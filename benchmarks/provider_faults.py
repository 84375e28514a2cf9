"""Fourteen failures of a provider, one call each: the right error, no wrong answer, in time."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.report import Figure, at_least, at_most
from db.errors import ProviderError
from tests.providers import FAULTS, FakeProviders, Fault
from tests.providers.asking import WAYS, ask
from worker.answer.provider import Provider

SLACK_SECONDS = 1.0


@dataclass(frozen=True)
class Outcome:
    """What one call came to: `code` is None where it returned an answer."""

    code: str | None
    right: bool
    seconds: float


def run(quick: bool) -> list[Figure]:
    """OpenAI by Responses and by chat completions, and Anthropic, at a loopback server."""
    allowed = 0.5 if quick else 2.0
    with FakeProviders() as fakes:
        good = [called(way(fakes.url), allowed).seconds for way in WAYS.values() for _ in range(5)]
        outcomes = list(every(fakes, allowed))
        invalid = len(fakes.invalid)
    slowest = max(outcome.seconds for outcome in outcomes)
    return [
        Figure("calls that met a failure", len(outcomes), ""),
        at_least("of them with the right error", sum(one.right for one in outcomes), len(outcomes)),
        at_most("wrong answers returned", sum(one.code is None for one in outcomes), 0),
        at_most("requests that the provider would refuse", invalid, 0),
        at_most("slowest beyond its deadline", slowest - allowed, SLACK_SECONDS, "s"),
        Figure("a good call, median", sorted(good)[len(good) // 2] * 1000, "ms"),
    ]


def every(fakes: FakeProviders, allowed: float) -> Iterator[Outcome]:
    """Each failure at each provider."""
    for way in WAYS.values():
        for fault in FAULTS:
            fakes.plan(fault.planned)
            yield called(way(fakes.url), allowed, fault)


def called(provider: Provider, allowed: float, fault: Fault | None = None) -> Outcome:
    """Ask once; right is the outcome that the failure must have."""
    began = time.perf_counter()
    code, right = None, fault is None
    try:
        ask(provider, seconds=allowed)
    except ProviderError as error:
        code, right = error.code, fault is not None and fault.is_met_by(error)
    return Outcome(code, right, time.perf_counter() - began)
