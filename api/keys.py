"""API keys over HTTP: made, listed and revoked by an admin, for the admin's own tenant."""

from datetime import datetime, timedelta
from typing import Annotated, Any

from flask.typing import ResponseReturnValue
from pydantic import BaseModel, ConfigDict, Field

from api import cursors, schemas
from api.auth import current_tenant
from api.openapi import Routes, answer
from api.services import services
from db import keys
from db.fields import Line
from db.items import rfc3339
from db.keys import Scope

routes = Routes("keys")
ALL = "/v1/keys"


class KeyCreate(BaseModel):
    """What a key is for, what it may do, and for how long; without an end it lasts until revoked."""

    model_config = ConfigDict(extra="forbid")
    label: Line | None = None
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=4)]
    expires_in_days: Annotated[int, Field(ge=1, le=3650)] | None = None


class Key(BaseModel):
    """A key without its secret."""

    id: str
    label: str | None
    scopes: list[Scope]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


class MadeKey(Key):
    """A new key; `key` is shown this once and kept nowhere."""

    key: str


class KeyList(BaseModel):
    """Keys by id, the revoked ones too."""

    data: list[Key]
    next: str | None


@routes.route("GET", ALL, query=schemas.Page, answers={200: KeyList})
def list_keys(query: schemas.Page) -> ResponseReturnValue:
    """The tenant's keys by id, without their secrets."""
    after = cursors.decode(query.after, str)
    with services().database.begin() as connection:
        rows = keys.listed(
            connection, current_tenant(), query.limit + 1, after[0] if after else None
        )
    shown = rows[: query.limit]
    more = cursors.encode(shown[-1].id) if len(rows) > query.limit else None
    return answer({"data": [_view(row) for row in shown], "next": more})


@routes.route("POST", ALL, body=KeyCreate, answers={201: MadeKey})
def create_key(body: KeyCreate) -> ResponseReturnValue:
    """Make a key. From the first one on, every request needs one."""
    lasts = None if body.expires_in_days is None else timedelta(days=body.expires_in_days)
    secret = services().settings.key_secret.get_secret_value()
    with services().database.begin() as connection:
        row, key = keys.make(
            connection, current_tenant(), list(dict.fromkeys(body.scopes)), secret,
            label=body.label, lasts=lasts,
        )  # fmt: skip
    response = answer(_view(row) | {"key": key}, 201)
    response.headers["Cache-Control"] = "no-store"
    return response


@routes.route("DELETE", f"{ALL}/<key>", answers={204: None})
def revoke_key(key: str) -> ResponseReturnValue:
    """Revoke a key: the next request with it is refused."""
    with services().database.begin() as connection:
        keys.revoke(connection, current_tenant(), key)
    return "", 204


def _view(row: keys.Key) -> dict[str, Any]:
    times = {
        name: None if (moment := getattr(row, name)) is None else rfc3339(moment)
        for name in ("created_at", "expires_at", "revoked_at")
    }
    return vars(row) | times
