"""API keys: what they look like, how one is proved, and their rows.

A key reads `sl_<id>_<secret>_<checksum>`. Its secret has 256 random bits, which nobody guesses, so a
fast hash is enough: the row keeps an HMAC-SHA256 of it under `SIGHTLINE_KEY_SECRET` (may be empty)
and 256 random bits of the row's own. Whoever reads the table cannot make a key from it; with the
setting, whoever writes to it cannot either. Another value of the setting voids every key.

Rows are never deleted, only revoked: a server that had a key stays closed.
"""

import hashlib
import hmac
import re
import secrets
import zlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import Connection, text

from db.errors import NotFound
from db.session import TenantDatabase

SHAPE = re.compile(r"(sl_([0-9a-f]{16})_([0-9a-f]{64}))_([0-9a-f]{8})")
FIND = "SELECT tenant_id, salt, secret_hmac, scopes, alive FROM sightline_api.find_key(%s)"
EXIST = "SELECT sightline_api.has_keys()"
COLUMNS = "id, label, scopes, created_at, expires_at, revoked_at"


class Scope(StrEnum):
    """What a key may do; `admin` may do all."""

    READ = "read"
    WRITE = "write"
    ANSWER = "answer"
    ADMIN = "admin"


@dataclass(frozen=True)
class Shown:
    """A well-formed key, as somebody shows it."""

    id: str
    secret: str


@dataclass(frozen=True)
class Found:
    """What is kept of a key, to prove one that is shown."""

    tenant_id: int
    salt: bytes
    secret_hmac: bytes
    scopes: list[str]
    alive: bool
    """Neither revoked nor expired."""


@dataclass(frozen=True)
class Key:
    """A key's row, without anything secret."""

    id: str
    label: str | None
    scopes: list[str]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


NOBODY = Found(0, bytes(32), bytes(32), [], alive=False)


def render(key_id: str, secret: str) -> str:
    """The whole key. CRC-32 finds any one wrong letter and any two that changed places."""
    said = f"sl_{key_id}_{secret}"
    return f"{said}_{zlib.crc32(said.encode()):08x}"


def read(said: str) -> Shown | None:
    """A key as it was typed; None for one that is misshapen or mistyped."""
    found = SHAPE.fullmatch(said)
    if found is None or zlib.crc32(found[1].encode()) != int(found[4], 16):
        return None
    return Shown(found[2], found[3])


def digest(secret: str, salt: bytes, key_secret: str) -> bytes:
    """What is stored of a secret, and compared."""
    return hmac.digest(key_secret.encode() + salt, secret.encode(), hashlib.sha256)


def proves(shown: Shown, found: Found | None, key_secret: str) -> bool:
    """Whether a key is right and in force; an unknown id costs the same work as a wrong secret."""
    kept = found or NOBODY
    same = hmac.compare_digest(digest(shown.secret, kept.salt, key_secret), kept.secret_hmac)
    return same and kept.alive


def find(database: TenantDatabase, key_id: str) -> Found | None:
    """What is kept of a key of any tenant. Raises Unavailable."""
    row = database.ask(FIND, [key_id])
    return None if row is None else Found(*row)


def exist(database: TenantDatabase) -> bool:
    """Whether any key was ever made. Raises Unavailable."""
    row = database.ask(EXIST)
    return row is not None and bool(row[0])


def make(
    connection: Connection,
    tenant: int,
    scopes: list[Scope],
    key_secret: str,
    *,
    label: str | None = None,
    lasts: timedelta | None = None,
) -> tuple[Key, str]:
    """Make a key; returns its row, and the key itself, which is kept nowhere."""
    key_id, secret, salt = secrets.token_hex(8), secrets.token_hex(32), secrets.token_bytes(32)
    row = connection.execute(
        text(f"""INSERT INTO api_keys (tenant_id, id, label, salt, secret_hmac, scopes, expires_at)
                 VALUES (:tenant, :id, :label, :salt, :hmac, :scopes,
                         now() + make_interval(secs => :seconds))
                 RETURNING {COLUMNS}"""),
        {"tenant": tenant, "id": key_id, "label": label, "salt": salt,
         "hmac": digest(secret, salt, key_secret), "scopes": [str(scope) for scope in scopes],
         "seconds": lasts and lasts.total_seconds()},
    ).mappings()  # fmt: skip
    return Key(**row.one()), render(key_id, secret)


def listed(
    connection: Connection, tenant: int, limit: int = 100, after: str | None = None
) -> list[Key]:
    """A tenant's keys by id, behind the id `after`; the revoked ones too."""
    rows = connection.execute(
        text(f"""SELECT {COLUMNS} FROM api_keys WHERE tenant_id = :tenant AND id > :after
                 ORDER BY id LIMIT :limit"""),
        {"tenant": tenant, "after": after or "", "limit": limit},
    ).mappings()
    return [Key(**row) for row in rows]


def revoke(connection: Connection, tenant: int, key_id: str) -> None:
    """End a key from the next request on. Raises NotFound, also for another tenant's."""
    revoked = connection.execute(
        text("""UPDATE api_keys SET revoked_at = coalesce(revoked_at, now())
                WHERE tenant_id = :tenant AND id = :id"""),
        {"tenant": tenant, "id": key_id},
    ).rowcount
    if not revoked:
        raise NotFound(f"There is no key {key_id!r}.")


def make_first(connection: Connection, tenant: int, key_secret: str) -> str | None:
    """An admin's key where there is none at all, of whatever tenant; else None.

    For the owner of the tables: two processes at once make one key.
    """
    connection.execute(text("LOCK TABLE api_keys IN SHARE ROW EXCLUSIVE MODE"))
    if connection.execute(text("SELECT EXISTS (SELECT FROM api_keys)")).scalar_one():
        return None
    return make(connection, tenant, [Scope.ADMIN], key_secret, label="first")[1]
