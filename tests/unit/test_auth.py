"""Keys as text, what each route needs, and where a server may listen without a key."""

import hmac
import secrets
from collections.abc import Callable

import pytest

from api import listening
from api.auth import Caller, Gate, is_local, scope_of
from db import keys
from db.errors import Unavailable
from db.keys import Found, Scope, Shown

SALT = bytes(range(32))


def a_key() -> str:
    return keys.render(secrets.token_hex(8), secrets.token_hex(32))


def test_a_key_is_read_as_it_was_made() -> None:
    key = keys.render("0123456789abcdef", "ab" * 32)
    assert keys.read(key) == Shown("0123456789abcdef", "ab" * 32)
    assert key.startswith("sl_0123456789abcdef_") and len(key) == 93


def test_every_single_wrong_letter_is_found() -> None:
    key = a_key()
    for place in range(len(key)):
        for letter in "0f_z":
            typed = key[:place] + letter + key[place + 1 :]
            assert typed == key or keys.read(typed) is None


def test_letters_that_changed_places_and_cut_keys_are_found() -> None:
    key = a_key()
    for place in range(3, len(key) - 1):
        typed = key[:place] + key[place + 1] + key[place] + key[place + 2 :]
        assert typed == key or keys.read(typed) is None
    assert not any(keys.read(key[:length]) for length in range(len(key)))
    assert keys.read(key + " ") is None and keys.read(key.upper()) is None


def test_no_two_keys_share_their_secret() -> None:
    made = {keys.read(a_key()) for _ in range(100)}
    assert None not in made and len({shown.secret for shown in made if shown}) == 100


def test_what_is_stored_depends_on_secret_salt_and_setting() -> None:
    stored = {keys.digest("a", SALT, ""), keys.digest("b", SALT, ""),
              keys.digest("a", bytes(32), ""), keys.digest("a", SALT, "pepper")}  # fmt: skip
    assert len(stored) == 4 and {len(one) for one in stored} == {32}


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch) -> list[tuple[bytes, bytes]]:
    """What `hmac.compare_digest` was given."""
    seen: list[tuple[bytes, bytes]] = []
    real: Callable[[bytes, bytes], bool] = hmac.compare_digest

    def compare(a: bytes, b: bytes) -> bool:
        seen.append((a, b))
        return real(a, b)

    monkeypatch.setattr(hmac, "compare_digest", compare)
    return seen


def test_right_wrong_and_unknown_keys_cost_one_comparison_of_whole_digests(
    compared: list[tuple[bytes, bytes]],
) -> None:
    secret = "ab" * 32
    kept = Found(1, SALT, keys.digest(secret, SALT, "pepper"), ["read"], alive=True)
    assert keys.proves(Shown("1", secret), kept, "pepper")
    assert not keys.proves(Shown("1", "cd" * 32), kept, "pepper")
    assert not keys.proves(Shown("1", secret), kept, "other")
    assert not keys.proves(Shown("2", secret), None, "pepper")
    assert [(len(a), len(b)) for a, b in compared] == [(32, 32)] * 4


def test_a_key_that_is_not_in_force_proves_nothing() -> None:
    secret = "ab" * 32
    kept = Found(1, SALT, keys.digest(secret, SALT, ""), ["read"], alive=False)
    assert not keys.proves(Shown("1", secret), kept, "")


def test_nobodys_digest_can_be_met_by_no_secret() -> None:
    assert not keys.NOBODY.alive


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("GET", "/v1/catalogs", Scope.READ),
        ("head", "/v1/catalogs/{catalog}/items/{item}/image", Scope.READ),
        ("PUT", "/v1/catalogs/{catalog}", Scope.WRITE),
        ("DELETE", "/v1/catalogs/{catalog}", Scope.WRITE),
        ("patch", "/v1/catalogs/{catalog}/items/{item}", Scope.WRITE),
        ("POST", "/v1/catalogs/{catalog}/imports", Scope.WRITE),
        ("POST", "/v1/jobs/{job}/cancel", Scope.WRITE),
        ("POST", "/v1/catalogs/{catalog}/searches", Scope.READ),
        ("POST", "/v1/embeddings", Scope.READ),
        ("POST", "/v1/catalogs/{catalog}/answers", Scope.ANSWER),
        ("POST", "/v1/catalogs/{catalog}/captions", Scope.ANSWER),
        ("POST", "/v1/catalogs/{catalog}/evaluations", Scope.ANSWER),
        ("GET", "/v1/keys", Scope.ADMIN),
        ("DELETE", "/v1/keys/{key}", Scope.ADMIN),
        ("GET", "/v1/webhooks", Scope.ADMIN),
        ("POST", "/v1/something/new", Scope.WRITE),
    ],
)
def test_each_route_needs_one_scope(method: str, path: str, scope: Scope) -> None:
    assert scope_of(method, path) == scope


def test_admin_may_do_all_and_the_others_what_they_say() -> None:
    assert all(Caller(1, "k", frozenset(["admin"])).may(scope) for scope in Scope)
    writer = Caller(1, "k", frozenset(["write"]))
    assert [scope for scope in Scope if writer.may(scope)] == [Scope.WRITE]


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.9.1", "::1", None, ""])
def test_this_machine_is_local(address: str | None) -> None:
    assert is_local(address)


@pytest.mark.parametrize("address", ["192.0.2.1", "10.0.0.1", "0.0.0.0", "::", "localhost.evil"])
def test_others_are_not(address: str) -> None:
    assert not is_local(address)


@pytest.mark.parametrize(
    ("bind", "narrow"),
    [
        ("127.0.0.1:8000", True), ("127.0.0.1", True), ("localhost:80", True), ("[::1]:8000", True),
        ("::1", True), ("unix:/run/api.sock", True), ("fd://3", True), ("0.0.0.0:8000", False),
        ("0.0.0.0", False), ("[::]:8000", False), ("::", False), (":8000", False),
        ("192.0.2.1:8000", False), ("api.example.org:8000", False), ("8000", False),
    ],
)  # fmt: skip
def test_where_a_server_listens_is_understood(bind: str, narrow: bool) -> None:
    assert listening.is_narrow(bind) is narrow


@pytest.mark.parametrize(
    "arguments",
    [["-b", "0.0.0.0:80"], ["--bind", "0.0.0.0:80"], ["--bind=0.0.0.0:80"], ["-b0.0.0.0:80"]],
)
def test_gunicorns_command_line_is_read(arguments: list[str]) -> None:
    assert listening.binds(["/usr/bin/gunicorn", "api:create_app()", *arguments]) == ["0.0.0.0:80"]
    assert listening.binds(["pytest", *arguments]) == []


class FakeGate(Gate):
    """A gate that knows whether there are keys, or cannot know."""

    def __init__(self, answer: bool | None) -> None:
        self._answer = answer

    @property
    def has_keys(self) -> bool:
        if self._answer is None:
            raise Unavailable("Postgres is away.")
        return self._answer


def test_without_a_key_no_server_listens_wider_than_its_machine() -> None:
    with pytest.raises(listening.RefusesToStart, match=r"0\.0\.0\.0:80.*db\.keys_command make"):
        listening.check(FakeGate(False), "", ["gunicorn", "-b", "0.0.0.0:80"])
    with pytest.raises(listening.RefusesToStart):
        listening.check(FakeGate(False), "192.0.2.1")
    listening.check(FakeGate(False), "", ["gunicorn", "-b", "127.0.0.1:80"])
    listening.check(FakeGate(True), "0.0.0.0")
    listening.check(FakeGate(None), "0.0.0.0")
