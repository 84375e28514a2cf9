"""While there are no keys, a browser on this machine is not lent to other sites' pages."""

from collections.abc import Mapping

import pytest
from flask import Flask, request

from api.origins import is_loopback, refuse_foreign
from db.errors import Forbidden

HERE = "127.0.0.1:8000"


def told(host: str, headers: Mapping[str, str]) -> str | None:
    """What the request is refused with, None where it is not."""
    with Flask("x").test_request_context("/", base_url=f"http://{host}", headers=dict(headers)):
        try:
            refuse_foreign(request)
        except Forbidden as error:
            return error.detail
    return None


@pytest.mark.parametrize(
    ("host", "headers"),
    [
        (HERE, {}),
        ("localhost", {}),
        ("[::1]:8000", {}),
        ("localhost:8000", {"Origin": "http://localhost:8000", "Sec-Fetch-Site": "same-origin"}),
        (HERE, {"Sec-Fetch-Site": "none"}),
    ],
)
def test_programs_and_our_own_pages_pass(host: str, headers: dict[str, str]) -> None:
    assert told(host, headers) is None


@pytest.mark.parametrize(
    ("host", "headers", "because"),
    [
        ("rebound.example:8000", {}, "own names"),
        ("rebound.example", {"Origin": "http://rebound.example"}, "own names"),
        ("127.0.0.1.evil.example", {}, "own names"),
        (HERE, {"Origin": "https://evil.example"}, "no other site"),
        (HERE, {"Origin": "null"}, "no other site"),
        (HERE, {"Origin": "http://127.0.0.1:9999"}, "no other site"),
        (HERE, {"Sec-Fetch-Site": "cross-site"}, "no other site"),
        (HERE, {"Sec-Fetch-Site": "same-site"}, "no other site"),
    ],
)
def test_what_a_foreign_page_sends_is_refused(
    host: str, headers: dict[str, str], because: str
) -> None:
    assert because in (told(host, headers) or "")


@pytest.mark.parametrize(
    "host", ["", "evil", "10.0.0.1", "[::2]", "127.0.0.1@evil", "[x", "2130706433"]
)
def test_no_other_name_is_the_machine_itself(host: str) -> None:
    assert not is_loopback(host)
