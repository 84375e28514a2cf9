"""What the server has of a catalog, kept on the disk: a million items must not fill the memory."""

import hashlib
import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

FIELDS = ("name", "caption", "description", "category", "tags", "price", "currency", "attributes")
SCHEMA = """
    CREATE TABLE known (id TEXT PRIMARY KEY, sha256 TEXT, url BLOB, text BLOB, fields BLOB,
                        captioned INT, failed INT) WITHOUT ROWID;
    CREATE TABLE failed (id TEXT PRIMARY KEY, at TEXT) WITHOUT ROWID;
    CREATE TABLE seen (id TEXT PRIMARY KEY) WITHOUT ROWID;
"""


@dataclass(frozen=True)
class Stored:
    """An item as the server has it, in hashes."""

    sha256: str | None
    url: bytes | None
    text: bytes | None
    fields: bytes
    is_captioned: bool
    """A model wrote its caption: a source without a caption leaves that alone."""
    has_failed: bool
    """The last import of it failed, and so it is as good as missing."""


class Known:
    """Stored items by id, and the ids that this load has met. Of one thread."""

    def __init__(self) -> None:
        self._rows = sqlite3.connect("", isolation_level=None)  # a file of its own, soon deleted
        self._rows.executescript(f"PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; {SCHEMA}")

    def close(self) -> None:
        """Forget everything."""
        self._rows.close()

    def failed(self, item_id: str, at: str) -> None:
        """An import of an item failed at this time; newer ones are told first."""
        self._rows.execute("INSERT OR IGNORE INTO failed VALUES (?, ?)", (item_id, at))

    def add(self, item: Mapping[str, Any]) -> None:
        """An item as the server shows it."""
        row = (item["id"], item["sha256"], _hashed(item["source_url"]), _hashed(item["text"]),
               _fingerprint_of_item(item), item["captioned_by"] is not None,
               self._failed_since(item))  # fmt: skip
        self._rows.execute("INSERT OR REPLACE INTO known VALUES (?, ?, ?, ?, ?, ?, ?)", row)

    def get(self, item_id: str) -> Stored | None:
        """What the server has of an item; None where it has nothing."""
        found = self._rows.execute(
            "SELECT sha256, url, text, fields, captioned, failed FROM known WHERE id = ?",
            (item_id,),
        ).fetchone()
        if found is None:
            return None
        sha256, url, text, fields, captioned, failed = found
        return Stored(sha256, url, text, fields, bool(captioned), bool(failed))

    def is_new(self, item_id: str) -> bool:
        """Whether this load meets an id for the first time."""
        statement = "INSERT OR IGNORE INTO seen VALUES (?)"
        return self._rows.execute(statement, (item_id,)).rowcount == 1

    def was_met(self, item_id: str) -> bool:
        """Whether this load has met an id."""
        return bool(self._rows.execute("SELECT 1 FROM seen WHERE id = ?", (item_id,)).fetchone())

    def _failed_since(self, item: Mapping[str, Any]) -> bool:
        """Whether it failed after it was last put."""
        found = self._rows.execute("SELECT at FROM failed WHERE id = ?", (item["id"],)).fetchone()
        return found is not None and _moment(found[0]) >= _moment(item["updated_at"])


def _moment(words: str) -> datetime:
    return datetime.fromisoformat(words)


def _hashed(words: str | None) -> bytes | None:
    if words is None:
        return None
    return hashlib.blake2b(words.encode("utf-8", "replace"), digest_size=16).digest()


def hash_of(words: str) -> bytes:
    """The hash under which an address or a text is compared."""
    return _hashed(words) or b""


def fingerprint(fields: Mapping[str, Any]) -> bytes:
    """The hash of an item's metadata, whichever side it comes from."""
    known = {name: _plain(fields.get(name) or None) for name in FIELDS}
    if fields.get("price") is not None:
        known["price"] = _price(fields["price"])
    return hash_of(json.dumps(known, sort_keys=True, default=str))


def _plain(value: Any) -> Any:
    """The value with 2.0 as 2 inside: the server's JSON does not tell them apart."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list) else value


def _price(value: Any) -> Any:
    """A price as the server shows it, whether it was written 19.9 or "19.90"."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return value


def _fingerprint_of_item(item: Mapping[str, Any]) -> bytes:
    return fingerprint({**item, "caption": None} if item["captioned_by"] is not None else item)
