"""Promises 1, 2, 6 and 13: workers that are killed, frozen, crash over one item, or roll over."""

import os
import random
import signal
import time
from functools import partial
from pathlib import Path

from tests.faults.harness import Json, Rig, Trial, until
from tests.faults.load import Load
from tests.unit import documents

VICTIMS = ("embed", "embed", "ingest", "upkeep")
ROLLING = ("embed", "ingest", "answer", "upkeep")
POISON = "sku-17"
ATTEMPTS = 3
FULL = 32
"""Pictures of a full batch."""
PLENTY = 1_000


def nothing_is_lost(rig: Rig, items: int, kills: int, seed: int = 1) -> Trial:
    """1: whole workers are killed at random, in the middle of what they do.

    A machine that does all before the last kill imports as much again.
    """
    chance = random.Random(seed)
    rig.arm("expand.before_commit=exit*1", "commit.before~embed=exit*1")
    jobs = [rig.start_import(rig.catalog("lost"), items)]
    worst, killed, stride = 0.0, 0, items // (kills + 1)
    while killed < kills:
        before = rig.job(jobs[-1])["counts"]["succeeded"]
        if rig.done(jobs[-1], before + stride)["ended_at"]:
            jobs.append(rig.start_import(rig.catalog(f"lost-{len(jobs)}"), items))
            continue
        worst = max(worst, _killed(rig, jobs[-1], chance))
        killed += 1
    for job in jobs:
        rig.all_succeeded(job, items, 300)
    assert rig.fired("expand.before_commit") == rig.fired("commit.before") == 1
    assert worst <= 90
    return Trial(kills + 2, f"kills of workers among {items * len(jobs)} items", worst)


def _killed(rig: Rig, job: Json, chance: random.Random) -> float:
    """Seconds from the kill of one part until more of the job is done."""
    part = chance.choice(VICTIMS)
    before = rig.job(job)["counts"]["succeeded"]
    rig.kill(part, group=chance.random() < 0.5)
    begun = time.monotonic()
    rig.done(job, before + 1, 90)
    return time.monotonic() - begun


def a_page_is_committed_once(rig: Rig, pages: int, rounds: int) -> Trial:
    """1: the worker that reads a document dies twice in the transaction of a page."""
    catalog, worst = rig.catalog("paged"), 0.0
    path = documents.manual(rig.points.parent / "manual.pdf", pages=pages)
    for number in range(rounds):
        rig.arm("documents.before_commit=exit*2")
        begun = time.monotonic()
        files, data = {"file": ("manual.pdf", path.read_bytes())}, {"id": f"manual-{number}"}
        answer = rig.http.post(f"{catalog}/documents", files=files, data=data)
        assert answer.status_code == 202, answer.text
        job = rig.ended(answer.json())
        worst = max(worst, time.monotonic() - begun)
        assert (job["status"], job["counts"]["failed"]) == ("succeeded", 0), job
        assert rig.fired("documents.before_commit") == 2
        read = rig.sql(
            "SELECT page FROM items WHERE document_id = %s AND kind = 'page' ORDER BY page",
            data["id"],
        )
        assert [page for (page,) in read] == list(range(1, pages + 1))
    rig.check()
    return Trial(2 * rounds, f"deaths over documents of {pages} pages", worst)


def who_lost_the_lease_writes_nothing(rig: Rig, items: int, rounds: int) -> Trial:
    """2: a worker is frozen for longer than its lease, another does its work, it wakes up."""
    worst = 0.0
    with rig.second("embed"):
        for number in range(rounds):
            catalog = rig.catalog(f"frozen-{number}")
            job = rig.start_import(catalog, items)
            _freeze_at_work(rig, job)
            begun = time.monotonic()
            try:
                rig.all_succeeded(job, items)
                worst = max(worst, time.monotonic() - begun)
                written = _written(rig, catalog)
                told = rig.log("embed").count("lease_lost")
            finally:
                rig.kill("embed", signal.SIGCONT)
            until(partial(_tells_more, rig, told), 10, "word of the lost lease")
            assert _written(rig, catalog) == written, "who had lost the lease wrote"
            rig.all_succeeded(job, items)
    return Trial(rounds, f"freezes of a worker among {items} items", worst)


def _freeze_at_work(rig: Rig, job: Json) -> None:
    """Freeze the first embed worker while it holds tasks, and between two transactions.

    What it had sent before is done with the tasks as if it lived; and a transaction that it left
    open is broken off after a while, so that it never hears of a lost lease.
    """
    held = "SELECT 1 FROM tasks WHERE status = 'running' AND starts_with(leased_by, 'embed@')"
    busy = """SELECT 1 FROM pg_stat_activity
              WHERE starts_with(application_name, 'embed@') AND state <> 'idle'"""
    while True:
        assert not rig.job(job)["ended_at"], "all was done before a worker could be frozen"
        rig.kill("embed", signal.SIGSTOP)
        if rig.sql(held):
            time.sleep(0.05)
            if rig.sql(held) and not rig.sql(busy):
                return
        rig.kill("embed", signal.SIGCONT)
        time.sleep(0.02)


def _tells_more(rig: Rig, told: int) -> bool:
    return rig.log("embed").count("lease_lost") > told


def _written(rig: Rig, catalog: str) -> tuple[int, ...]:
    """How many vectors a catalog has, and marks that change when one is written again."""
    return rig.sql(
        """SELECT count(*), coalesce(max(e.seq), 0), coalesce(sum(e.seq), 0)::bigint
           FROM embeddings e JOIN catalogs c ON c.tenant_id = e.tenant_id AND c.id = e.catalog_id
           WHERE c.name = %s""",
        Path(catalog).name,
    )[0]


def a_frozen_transaction_holds_up_nobody(rig: Rig, items: int) -> Trial:
    """2: a worker freezes in the middle of its writing transaction, which holds the rows' locks."""
    catalog = rig.catalog("held")
    with rig.second("embed"):
        rig.arm("commit.before~embed=stop*1")
        job = rig.start_import(catalog, items)
        until(lambda: rig.fired("commit.before"), 30, "freeze in a transaction")
        begun = time.monotonic()
        assert rig.sql("SELECT 1 FROM pg_stat_activity WHERE state = 'idle in transaction'")
        try:
            rig.all_succeeded(job, items)
            took = time.monotonic() - begun
        finally:
            _wake_all(rig)
        rig.all_succeeded(job, items)
    return Trial(1, f"a worker frozen in its transaction among {items} items", took)


def _wake_all(rig: Rig) -> None:
    for process in Path("/proc").glob("[0-9]*"):
        try:
            said = (process / "environ").read_bytes()
        except OSError:
            continue
        if os.fsencode(rig.points) in said:
            os.kill(int(process.name), signal.SIGCONT)


def one_bad_item_costs_only_itself(rig: Rig, items: int) -> Trial:
    """6: an item kills every worker that writes its vector, until it is given up."""
    catalog = rig.catalog("poison")
    rig.arm(f"store.before_write~'{POISON}'=exit*{ATTEMPTS + 1}")
    begun = time.monotonic()
    job = rig.ended(rig.start_import(catalog, items), 180)
    took = time.monotonic() - begun
    counts = job["counts"]
    assert (counts["succeeded"], counts["failed"]) == (items - 1, 1), counts
    listed = rig.http.get(job["urls"]["tasks"], params={"status": "failed"}).json()["data"]
    told = [(one["item_id"], one["attempts"], one["error"]["code"]) for one in listed]
    assert told == [(POISON, ATTEMPTS, "worker_lost")]
    assert rig.fired("store.before_write") == ATTEMPTS + 1, "it died in company, then alone"
    rig.check()
    return Trial(ATTEMPTS + 1, f"deaths over one of {items} items", took)


def a_batch_too_large_for_the_device_is_split(rig: Rig, items: int) -> Trial:
    """6: every full batch fails, as for want of memory; its halves do not."""
    rig.arm(f"encode.before~'{FULL} inputs'=raise*{PLENTY}")
    rig.all_succeeded(rig.start_import(rig.catalog("split"), items), items, 180)
    failed = rig.fired("encode.before")
    assert failed, "no batch was full"
    return Trial(failed, f"full batches that failed among {items} items")


def a_rolling_restart_loses_nothing(rig: Rig, items: int, rounds: int) -> Trial:
    """13: each worker in turn is told to stop, under load; another takes its place."""
    catalog, worst = rig.catalog("rolling"), 0.0
    with Load(rig, catalog) as load:
        job = rig.start_import(catalog, items)
        for part in ROLLING * rounds:
            rig.done(job, 1)
            former = rig.kill(part, signal.SIGTERM)
            begun = time.monotonic()
            until(partial(_is_gone, former), 60, f"end of {part}")
            worst = max(worst, time.monotonic() - begun)
            until(partial(_is_another, rig, part, former), 60, f"life of {part}")
    load.all_succeed()
    rig.all_succeeded(job, items)
    return Trial(len(ROLLING) * rounds, f"restarts under {len(load.accepted)} submits", worst)


def _is_gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def _is_another(rig: Rig, part: str, former: int) -> bool:
    """Whether a part lives again and is seen at work since."""
    rows = rig.sql(
        "SELECT 1 FROM workers WHERE lane = %s AND seen_at > now() - interval '4 seconds'", part
    )
    return rig.stack.processes[part] not in (None, former) and bool(rows)
