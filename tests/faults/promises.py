"""The promises with what tries each of them: quickly on every commit, and at length."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from tests.faults import asking, stores, workers
from tests.faults.harness import Rig, Trial

Try = Callable[[Rig], Trial]


@dataclass(frozen=True)
class Promise:
    """A promise by its number and name, and its two forms. Each raises AssertionError if broken."""

    number: int
    name: str
    quick: Try
    long: Try


PROMISES = (
    Promise(1, "nothing accepted is lost when workers are killed",
            partial(workers.nothing_is_lost, items=600, kills=4),
            partial(workers.nothing_is_lost, items=10_000, kills=50)),
    Promise(1, "a page is committed once, however often its reader dies",
            partial(workers.a_page_is_committed_once, pages=6, rounds=1),
            partial(workers.a_page_is_committed_once, pages=30, rounds=5)),
    Promise(2, "who lost the lease writes nothing",
            partial(workers.who_lost_the_lease_writes_nothing, items=300, rounds=1),
            partial(workers.who_lost_the_lease_writes_nothing, items=600, rounds=10)),
    Promise(2, "a transaction that freezes holds up nobody",
            partial(workers.a_frozen_transaction_holds_up_nobody, items=100),
            partial(workers.a_frozen_transaction_holds_up_nobody, items=600)),
    Promise(3, "Redis can die, forget and freeze in mid-import",
            partial(stores.redis_is_disposable, items=400, rounds=1),
            partial(stores.redis_is_disposable, items=2_000, rounds=5)),
    Promise(3, "a frozen Redis delays no submit",
            partial(stores.a_frozen_redis_delays_no_submit, submits=100),
            partial(stores.a_frozen_redis_delays_no_submit, submits=1_000)),
    Promise(4, "a 202 means committed, and begins by itself",
            partial(asking.a_202_means_committed, deaths=2),
            partial(asking.a_202_means_committed, deaths=20)),
    Promise(4, "killed API processes keep their word",
            partial(asking.killed_apis_keep_their_word, kills=4),
            partial(asking.killed_apis_keep_their_word, kills=50)),
    Promise(5, "cut connections and commits break nothing",
            partial(stores.cut_connections_break_nothing, items=300, cuts=3),
            partial(stores.cut_connections_break_nothing, items=3_000, cuts=60)),
    Promise(5, "a restart of Postgres loses nothing",
            partial(stores.a_restart_of_postgres_loses_nothing, items=300, restarts=2),
            partial(stores.a_restart_of_postgres_loses_nothing, items=3_000, restarts=10)),
    Promise(5, "a Postgres that stalls is waited for",
            partial(stores.a_stalled_postgres_is_waited_for, items=200, seconds=5),
            partial(stores.a_stalled_postgres_is_waited_for, items=1_000, seconds=30)),
    Promise(5, "without Postgres the API says 503",
            partial(stores.without_postgres_the_api_says_503, seconds=1),
            partial(stores.without_postgres_the_api_says_503, seconds=20)),
    Promise(5, "an unclear commit makes one job",
            partial(stores.an_unclear_commit_makes_one_job, rounds=4),
            partial(stores.an_unclear_commit_makes_one_job, rounds=100)),
    Promise(6, "one bad item costs only itself",
            partial(workers.one_bad_item_costs_only_itself, items=24),
            partial(workers.one_bad_item_costs_only_itself, items=200)),
    Promise(6, "a batch too large for the device is split",
            partial(workers.a_batch_too_large_for_the_device_is_split, items=100),
            partial(workers.a_batch_too_large_for_the_device_is_split, items=2_000)),
    Promise(7, "one idempotency key makes one job",
            partial(asking.one_key_makes_one_job, rounds=3),
            partial(asking.one_key_makes_one_job, rounds=20)),
    Promise(11, "a cancel stops an import",
            partial(asking.a_cancel_stops_an_import, items=600),
            partial(asking.a_cancel_stops_an_import, items=20_000)),
    Promise(11, "no call is paid after a cancel",
            partial(asking.no_call_is_paid_after_a_cancel, items=40),
            partial(asking.no_call_is_paid_after_a_cancel, items=400)),
    Promise(11, "a cancel does not wait for a provider",
            asking.a_cancel_does_not_wait_for_a_provider,
            asking.a_cancel_does_not_wait_for_a_provider),
    Promise(11, "an answer makes three calls at most",
            partial(asking.an_answer_makes_three_calls_at_most, deaths=1),
            partial(asking.an_answer_makes_three_calls_at_most, deaths=5)),
    Promise(13, "a rolling restart loses nothing",
            partial(workers.a_rolling_restart_loses_nothing, items=300, rounds=1),
            partial(workers.a_rolling_restart_loses_nothing, items=2_000, rounds=5)),
)  # fmt: skip
