"""Hostile files at the HTTP door: none is a server's error, kills a worker, or costs a neighbour."""

from tests.hostile.run import run

HUNG = 30.0
"""Seconds. The promise is 10 on a quiet machine, which `python -m tests.hostile.run` measures."""


def test_hostile_files_cost_nobody_but_themselves() -> None:
    found = run(quick=True)
    assert found["files"] > 150
    assert found["server_errors"] == []
    assert found["not_allowed"] == []
    assert found["deaths"] == []
    assert found["slowest_seconds"] < HUNG
    assert found["good"] >= 10 and found["good_failed"] == 0
    readers = found["peak_mb"].pop("reader of documents")
    assert readers < 1500, "a reader's own limit; it ends with its document"
    assert max(found["peak_mb"].values()) < 1024
