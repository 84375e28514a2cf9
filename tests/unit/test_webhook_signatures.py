"""Signatures of webhooks, against vectors that are worked out without the product's code."""

import base64
import hashlib
import json
from datetime import UTC, datetime
from uuid import UUID

import pytest

from db.deliveries import Due
from db.webhooks import new_secret
from worker.webhooks import headers, message, signatures

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
KNOWN = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
"""The vector that the convention's own libraries are tested by."""


def hmac_sha256(key: bytes, data: bytes) -> bytes:
    """RFC 2104 from its definition."""
    padded = key.ljust(64, b"\0")
    inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in padded) + data).digest()
    return hashlib.sha256(bytes(byte ^ 0x5C for byte in padded) + inner).digest()


def due(**changed: object) -> Due:
    told = {
        "tenant_id": 1, "id": "msg_1", "webhook_id": "whk_1", "type": "webhook.test",
        "job_id": None, "data": {"webhook": "whk_1"}, "attempts": 1, "url": "https://a.example/",
        "created_at": datetime(2026, 1, 2, tzinfo=UTC), "secrets": [SECRET], "token": UUID(int=1),
    }  # fmt: skip
    return Due(**(told | changed))  # type: ignore[arg-type]


def test_a_signature_is_the_conventions_own() -> None:
    body = b'{"test": 2432232314}'
    made = signatures([SECRET], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body)
    assert made == KNOWN


def test_each_secret_in_force_signs_the_same_message() -> None:
    body, secrets = "ünïcode".encode(), [new_secret(), new_secret()]
    made = signatures(secrets, "msg_2", 1, body).split(" ")
    for signature, secret in zip(made, secrets, strict=True):
        key = base64.b64decode(secret.partition("_")[2])
        version, _, value = signature.partition(",")
        assert version == "v1"
        assert base64.b64decode(value) == hmac_sha256(key, b"msg_2.1." + body)


def test_a_message_is_the_same_at_every_attempt_and_its_headers_name_the_time() -> None:
    first, second = due(attempts=1), due(attempts=2, token=UUID(int=2))
    assert message(first) == message(second)
    assert json.loads(message(first)) == {
        "type": "webhook.test", "timestamp": "2026-01-02T00:00:00Z", "data": {"webhook": "whk_1"},
    }  # fmt: skip
    sent = headers(second, message(second), 1700000000)
    assert (sent["webhook-id"], sent["webhook-timestamp"]) == ("msg_1", "1700000000")
    assert sent["webhook-signature"] == signatures([SECRET], "msg_1", 1700000000, message(first))


def test_a_secret_is_long_random_and_in_no_representation() -> None:
    assert len({new_secret() for _ in range(100)}) == 100
    assert len(base64.b64decode(new_secret().removeprefix("whsec_"))) == 32
    shown = repr(due(url="https://a.example/?token=hidden"))
    assert SECRET not in shown and "hidden" not in shown


@pytest.mark.parametrize("body", [b"", b"x" * 100_000])
def test_bodies_of_any_length_are_signed(body: bytes) -> None:
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    value = signatures([SECRET], "m", 5, body).removeprefix("v1,")
    assert base64.b64decode(value) == hmac_sha256(key, b"m.5." + body)
