"""Decides what is to be done with a record: send it, send its words alone, or nothing."""

import base64
import binascii
import hashlib
from dataclasses import dataclass
from enum import Enum
from typing import Any

from sightline.bulk.known import FIELDS, Stored, fingerprint, hash_of
from sightline.importers.record import Record


class Verdict(Enum):
    """What is to be done."""

    SEND = "send"
    CHANGE = "change"
    LEAVE = "leave"


@dataclass(frozen=True)
class Decision:
    """What is to be done, with the picture's bytes where they are to be sent."""

    verdict: Verdict
    data: bytes | None = None


def decide(record: Record, stored: Stored | None, refetch: bool) -> Decision:
    """Compare a record with what the server has. Raises Unusable where its picture is."""
    data = record.picture.read() if record.picture else None
    if stored is None or stored.has_failed or not _is_same(record, data, stored, refetch):
        return Decision(Verdict.SEND, data)
    same_words = fingerprint(record.fields) == stored.fields
    return Decision(Verdict.LEAVE if same_words else Verdict.CHANGE)


def _is_same(record: Record, data: bytes | None, stored: Stored, refetch: bool) -> bool:
    if data is not None:
        return stored.sha256 == hashlib.sha256(data).hexdigest()
    if record.image_url is not None:
        return stored.url == hash_of(record.image_url) and not refetch
    if record.text is not None:
        return stored.text == hash_of(record.text) and stored.sha256 is None
    return stored.sha256 == _sha256_inside(record.image_base64 or "")


def _sha256_inside(encoded: str) -> str:
    """The hash of a picture that stands in the line itself; empty where it is no base64."""
    try:
        data = base64.b64decode(encoded.partition("base64,")[2] or encoded, validate=True)
    except (binascii.Error, ValueError):
        return ""  # the server says what is wrong with it
    return hashlib.sha256(data).hexdigest()


def change_of(record: Record, stored: Stored) -> dict[str, Any]:
    """The PATCH that makes an item's metadata that of the record, what it lacks included."""
    empty: dict[str, Any] = dict.fromkeys(FIELDS) | {"tags": [], "attributes": {}}
    if stored.is_captioned and not record.fields.get("caption"):
        del empty["caption"]
    return empty | {name: value for name, value in record.fields.items() if name != "id"}
