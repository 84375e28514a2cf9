"""Promise 12 in its quick form: a few requests for each operation, through the real door."""

from tests.faults import described


def test_the_server_keeps_to_its_description() -> None:
    told = described.run(quick=True)
    assert told["cases"] > 1_000
    assert (told["server_errors"], told["breaks"]) == ([], [])
