"""Promises 4, 7 and 11: what a 202 means, one key one job, and what a cancel stops."""

import os
import random
import signal
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial

import httpx

from tests.faults.harness import Rig, Trial, until
from tests.faults.load import Load, put
from tests.providers import Planned

STARTED = 45.0
CANCELED = 20.0
MAX_CALLS = 3
AT_ONCE = 50
SUBMITS = 5
"""What is accepted at least between two kills of the API."""
SLOW = 4.0
"""Seconds that a provider takes for a caption."""
OUT = 16
"""Calls that a worker has out at a time."""


def a_202_means_committed(rig: Rig, deaths: int) -> Trial:
    """4: the API dies between the commit and the nudge; the job is there, and begins by itself."""
    catalog, worst = rig.catalog("committed"), 0.0
    for number in range(deaths):
        name = f"c-{number}"
        rig.arm("submit.after_commit=exit*1")
        with suppress(httpx.TransportError):
            answer = put(rig.http, catalog, name)
            raise AssertionError(f"it did not die: {answer.status_code}")
        rig.disarm()
        ((waited,),) = until(partial(_started, rig, f"{catalog}/{name}"), STARTED, "start of a job")
        worst = max(worst, float(waited))
        job = _again(rig, catalog, name)
        assert rig.ended(job)["status"] == "succeeded"
    rig.check()
    return Trial(deaths, "deaths of the API between commit and nudge", worst)


def _started(rig: Rig, key: str) -> list[tuple[float]]:
    """How long the job of a key waited for its start; nothing while it has not begun."""
    rows = rig.sql("SELECT job_id FROM idempotency_keys WHERE key = %s", key)
    assert rows, f"the commit of {key} is not there"
    return rig.sql(
        """SELECT extract(epoch FROM started_at - created_at) FROM jobs
           WHERE id = %s AND started_at IS NOT NULL""",
        rows[0][0],
    )


def _again(rig: Rig, catalog: str, name: str) -> dict[str, object]:
    answer = put(rig.http, catalog, name)
    assert answer.status_code in (200, 202), answer.text
    assert answer.headers["Idempotent-Replayed"] == "true"
    return dict(answer.json())


def killed_apis_keep_their_word(rig: Rig, kills: int) -> Trial:
    """4: processes of the API are killed under load; every 202 that was sent is kept."""
    catalog = rig.catalog("word")
    with Load(rig, catalog, threads=4) as load:
        for _ in range(kills):
            known = len(load.accepted)
            until(lambda known=known: len(load.accepted) > known + SUBMITS, 60, "submits")  # type: ignore[misc]
            time.sleep(random.uniform(0.0, 0.2))
            living = until(partial(rig.children, "api"), 30, "life of an API process")
            with suppress(ProcessLookupError):
                os.kill(random.choice(living), signal.SIGKILL)
    load.all_succeed()
    ids = [job["id"] for job in load.accepted]
    ((kept, latest),) = rig.sql(
        """SELECT count(*), max(extract(epoch FROM started_at - created_at))
           FROM jobs WHERE id = ANY(%s)""",
        ids,
    )
    assert kept == len(set(ids)), f"{len(set(ids)) - kept} of {len(ids)} accepted jobs are missing"
    assert latest <= STARTED
    rig.check()
    facts = {"statuses": {str(status): count for status, count in load.statuses.items()}}
    return Trial(kills, f"kills of API processes among {len(ids)} submits", float(latest), facts)


def one_key_makes_one_job(rig: Rig, rounds: int) -> Trial:
    """7: the same submit 50 times at once."""
    catalog, slowest = rig.catalog("keyed"), 0.0
    limits = httpx.Limits(max_connections=AT_ONCE)
    with (
        httpx.Client(base_url=rig.stack.url, timeout=60, limits=limits) as http,
        ThreadPoolExecutor(AT_ONCE) as pool,
    ):
        for number in range(rounds):
            begun = time.monotonic()
            sent = [pool.submit(put, http, catalog, f"k-{number}") for _ in range(AT_ONCE)]
            answers = [one.result() for one in sent]
            slowest = max(slowest, time.monotonic() - begun)
            statuses = Counter(answer.status_code for answer in answers)
            assert set(statuses) <= {200, 202, 409}, statuses
            ids = {one.json()["id"] for one in answers if one.status_code != 409}
            assert len(ids) == 1, statuses
    made = rig.sql(
        """SELECT count(*) FROM jobs j JOIN catalogs c ON c.tenant_id = j.tenant_id
           AND c.id = j.catalog_id WHERE c.name = 'keyed'"""
    )
    assert made == [(rounds,)]
    rig.check()
    return Trial(rounds, f"keys sent {AT_ONCE} times at once", slowest)


def a_cancel_stops_an_import(rig: Rig, items: int) -> Trial:
    """11: a canceled import ends soon, and what was done stays done."""
    job = rig.start_import(rig.catalog("canceled"), items)
    rig.done(job, 1)
    begun = time.monotonic()
    rig.http.post(job["urls"]["cancel"]).raise_for_status()
    job = rig.ended(job, CANCELED)
    took = time.monotonic() - begun
    assert job["status"] == "canceled" and job["counts"]["canceled"] > 0, job
    rig.check()
    return Trial(1, f"cancel of an import of {items}", took)


def no_call_is_paid_after_a_cancel(rig: Rig, items: int) -> Trial:
    """11: captions are canceled while calls are out; no call is begun after that."""
    catalog = rig.catalog("captioned")
    rig.all_succeeded(rig.start_import(catalog, items), items)
    rig.providers.plan(*[Planned(delay=SLOW)] * items)
    before = len(rig.providers.requests)
    job = rig.http.post(f"{catalog}/captions", json={}).raise_for_status().json()
    until(lambda: len(rig.providers.requests) >= before + OUT, 30, f"{OUT} calls of a provider")
    begun = time.monotonic()
    rig.http.post(job["urls"]["cancel"]).raise_for_status()
    sent = len(rig.providers.requests)
    job = rig.ended(job, CANCELED)
    took = time.monotonic() - begun
    assert job["status"] == "canceled" and job["counts"]["canceled"] > 0, job
    time.sleep(SLOW)
    rig.forget_plans()
    late = len(rig.providers.requests) - sent
    assert late == 0, f"{late} calls were begun after the cancel"
    rig.check()
    return Trial(1, f"cancel of {items} captions, {sent - before} calls were out", took)


def a_cancel_does_not_wait_for_a_provider(rig: Rig, seconds: float = 60) -> Trial:
    """11: an answer is canceled while its call hangs."""
    catalog = _with_words(rig, "hanging")
    before = len(rig.providers.requests)
    rig.providers.plan(Planned(delay=seconds))
    job = rig.http.post(f"{catalog}/answers", json={"question": "What is red?"}).json()
    until(lambda: len(rig.providers.requests) > before, 30, "call of a provider")
    begun = time.monotonic()
    rig.http.post(job["urls"]["cancel"]).raise_for_status()
    job = rig.ended(job, CANCELED)
    took = time.monotonic() - begun
    assert job["status"] == "canceled", job
    assert len(rig.providers.requests) == before + 1
    rig.check()
    return Trial(1, "cancel of an answer whose call hangs", took)


def an_answer_makes_three_calls_at_most(rig: Rig, deaths: int) -> Trial:
    """11: a provider that fails for ever, and workers that die around their calls."""
    catalog, worst = _with_words(rig, "failing"), 0.0
    rules = [("", 500), ("calls.before_call", 200), ("calls.after_call", 200)]
    for number, (point, status) in enumerate(rules * deaths):
        before, begun = len(rig.providers.requests), time.monotonic()
        rig.providers.plan(*[Planned(status, body=b"{}")] * MAX_CALLS * (status != 200))
        rig.arm(*[f"{point}=exit*1"] * bool(point))
        body = {"question": f"What is red, number {number}?"}
        job = rig.ended(rig.http.post(f"{catalog}/answers", json=body).json(), 120)
        rig.disarm()
        calls = len(rig.providers.requests) - before
        assert calls <= MAX_CALLS, f"{calls} calls for one answer"
        assert job["status"] == ("succeeded" if status == 200 else "failed"), job
        worst = max(worst, time.monotonic() - begun)
        rig.forget_plans()
    rig.check()
    return Trial(len(rules) * deaths, "answers whose calls fail or whose worker dies", worst)


def _with_words(rig: Rig, name: str) -> str:
    """A catalog with one text to ask about."""
    catalog = rig.catalog(name)
    body = {"id": "boot", "text": "The boot is red."}
    made = rig.http.post(f"{catalog}/items", json=body, headers={"Prefer": "wait=20"})
    assert made.json()["status"] == "succeeded", made.text
    return catalog
