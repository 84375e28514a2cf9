"""Promises 3 and 5: Redis and Postgres that die, freeze, forget, refuse and cut off."""

import random
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.faults.harness import Rig, Trial, until
from tests.faults.load import Load, put

REDIS_DRAINED = 60.0
SUBMIT_SECONDS = 1.0
CUT_SHARE = 0.2
"""The share of all commits that are cut off while commits are."""


def redis_is_disposable(rig: Rig, items: int, rounds: int) -> Trial:
    """3: Redis is killed, flushed and frozen during imports; all is done soon after it is back."""
    worst = 0.0
    harms: tuple[Callable[[Rig], None], ...] = (_killed, _flushed, _frozen)
    for number in range(rounds):
        job = rig.start_import(rig.catalog(f"redis-{number}"), items)
        for place, harm in enumerate(harms):
            rig.done(job, items * place // len(harms) + 1)
            harm(rig)
        begun = time.monotonic()
        rig.all_succeeded(job, items)
        worst = max(worst, time.monotonic() - begun)
    assert worst <= REDIS_DRAINED
    return Trial(len(harms) * rounds, f"kills, flushes and freezes among {items} items", worst)


def _killed(rig: Rig) -> None:
    """It comes back with nothing: it keeps nothing."""
    former = rig.kill("redis")
    until(lambda: rig.stack.processes["redis"] not in (None, former), 30, "life of redis")


def _flushed(rig: Rig) -> None:
    with rig.redis() as client:
        client.flushall()


def _frozen(rig: Rig, seconds: float = 3.0) -> None:
    with frozen_redis(rig):
        time.sleep(seconds)


@contextmanager
def frozen_redis(rig: Rig) -> Iterator[None]:
    """It takes connections and answers nothing."""
    rig.kill("redis", signal.SIGSTOP)
    try:
        yield
    finally:
        rig.kill("redis", signal.SIGCONT)


def a_frozen_redis_delays_no_submit(rig: Rig, submits: int) -> Trial:
    """3: submits while Redis is frozen, none of which wait for it; all are done without it."""
    catalog, took, jobs = rig.catalog("frozen-redis"), [], []
    with frozen_redis(rig):
        for number in range(submits):
            begun = time.monotonic()
            answer = put(rig.http, catalog, f"f-{number}")
            took.append(time.monotonic() - begun)
            assert answer.status_code == 202, answer.text
            jobs.append(answer.json())
    begun = time.monotonic()
    for job in jobs:
        assert rig.ended(job, REDIS_DRAINED)["status"] == "succeeded"
    drained = time.monotonic() - begun
    rig.check()
    p99 = sorted(took)[max(0, int(len(took) * 0.99) - 1)]
    assert p99 < SUBMIT_SECONDS, f"p99 of {submits} submits was {p99:.2f} s"
    facts = {"p99_seconds": p99, "slowest_seconds": max(took), "drained_seconds": drained}
    return Trial(submits, f"submits to a frozen Redis, p99 {p99:.3f} s", drained, facts)


def cut_connections_break_nothing(rig: Rig, items: int, cuts: int) -> Trial:
    """5: all connections to Postgres are cut at random moments, and commits before and after."""
    catalog, worst = rig.catalog("cut"), 0.0
    rig.postgres.cuts = 0
    with Load(rig, catalog) as load:
        job = rig.start_import(catalog, items)
        for number in range(cuts):
            before = rig.job(job)["counts"]["succeeded"]
            _cut(rig, number)
            begun = time.monotonic()
            rig.done(job, min(before + 1, items), 90)
            worst = max(worst, time.monotonic() - begun)
    load.all_succeed()
    rig.all_succeeded(job, items, 180)
    facts = {"connections_cut": rig.postgres.cuts, "statuses": _named(load)}
    what = f"rounds of cuts ({rig.postgres.cuts} connections) among {items} items"
    return Trial(cuts, what, worst, facts)


def _cut(rig: Rig, number: int) -> None:
    """In turn: everything at once, commits that were done, commits that were not."""
    if number % 3 == 0:
        rig.postgres.cut()
        return
    rig.postgres.share = CUT_SHARE
    rig.postgres.commits = "after" if number % 3 == 1 else "before"
    time.sleep(random.uniform(0.5, 1.5))
    rig.postgres.commits = None


def _named(load: Load) -> dict[str, int]:
    return {str(status): count for status, count in load.statuses.items()}


def a_restart_of_postgres_loses_nothing(rig: Rig, items: int, restarts: int) -> Trial:
    """5: Postgres is told to stop, and then killed, in the middle of an import."""
    catalog, worst = rig.catalog("restarted"), 0.0
    with Load(rig, catalog) as load:
        job = rig.start_import(catalog, items)
        for number in range(restarts):
            before = rig.done(job, items * number // restarts + 1)["counts"]["succeeded"]
            former = rig.kill("postgres", signal.SIGKILL if number % 2 else signal.SIGINT)
            begun = time.monotonic()
            until(lambda f=former: rig.stack.processes["postgres"] not in (None, f), 60,  # type: ignore[misc]
                  "life of postgres")  # fmt: skip
            rig.done(job, min(before + 1, items), 90)
            worst = max(worst, time.monotonic() - begun)
    load.all_succeed()
    rig.all_succeeded(job, items, 180)
    facts = {"statuses": _named(load)}
    return Trial(restarts, f"restarts under {len(load.accepted)} submits", worst, facts)


def without_postgres_the_api_says_503(rig: Rig, seconds: float) -> Trial:
    """5: Postgres refuses all connections; reads and submits are told so, and work afterwards."""
    catalog, told = rig.catalog("refused"), []
    rig.postgres.refusing = True
    rig.postgres.cut()
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        told += [put(rig.http, catalog, "refused"), rig.http.get(catalog)]
    rig.postgres.flow()
    for answer in told:
        assert answer.status_code == 503 and answer.headers["Retry-After"], answer.text
        assert answer.json()["code"] == "unavailable"
    begun = time.monotonic()
    job = _accepted(rig, catalog, "refused")
    took = time.monotonic() - begun
    assert rig.ended(job)["status"] == "succeeded"
    rig.check()
    return Trial(len(told), "requests while Postgres refused", took)


def _accepted(rig: Rig, catalog: str, name: str) -> dict[str, object]:
    """The job of a submit that is repeated until it is accepted."""
    deadline = time.monotonic() + 30
    while (answer := put(rig.http, catalog, name)).status_code not in (200, 202):
        assert answer.status_code in (409, 503) and time.monotonic() < deadline, answer.text
        time.sleep(0.1)
    return dict(answer.json())


def an_unclear_commit_makes_one_job(rig: Rig, rounds: int) -> Trial:
    """5: the connection of a submit is cut before its COMMIT, or after; the client asks again."""
    catalog = rig.catalog("unclear")
    for number in range(rounds):
        name = f"unclear-{number}"
        rig.postgres.share, rig.postgres.commits = 1.0, "before" if number % 2 else "after"
        first = put(rig.http, catalog, name)
        rig.postgres.flow()
        assert first.status_code == 503 and first.headers["Retry-After"], first.text
        job = _accepted(rig, catalog, name)
        assert rig.ended(job)["status"] == "succeeded"
    made = rig.sql(
        """SELECT count(*) FROM jobs j JOIN catalogs c ON c.tenant_id = j.tenant_id
           AND c.id = j.catalog_id WHERE c.name = 'unclear'"""
    )
    assert made == [(rounds,)], f"{rounds} submits made {made[0][0]} jobs"
    rig.check()
    return Trial(rounds, "submits whose commit was cut")


def a_stalled_postgres_is_waited_for(rig: Rig, items: int, seconds: float) -> Trial:
    """5: nothing arrives for a while, then only slowly; leases run out, and all is done."""
    job = rig.start_import(rig.catalog("stalled"), items)
    rig.done(job, 1)
    rig.postgres.stall()
    time.sleep(seconds)
    rig.postgres.flow()
    rig.postgres.bytes_per_second = 2e6
    begun = time.monotonic()
    rig.ended(job, 90)
    rig.postgres.flow()
    rig.all_succeeded(job, items)
    return Trial(1, f"stall of {seconds:.0f} s among {items} items", time.monotonic() - begun)
