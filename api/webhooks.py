"""Webhooks: registered, listed, their secrets rotated, their deliveries read and sent again."""

from datetime import datetime
from typing import Annotated, Any

from flask.typing import ResponseReturnValue
from pydantic import BaseModel, ConfigDict, Field

from api import cursors, schemas
from api.auth import current_tenant
from api.openapi import Routes, answer
from api.services import services
from db import deliveries, webhooks
from db.addresses import Doors
from db.deliveries import DeliveryStatus
from db.errors import FetchRefused, InvalidInput
from db.fields import Prose
from db.items import rfc3339
from db.vocabulary import JobKind
from db.webhooks import EVENTS, Event

routes = Routes("webhooks")


class WebhookCreate(BaseModel):
    """An address, and the jobs whose ends it is told; no kinds are all kinds."""

    model_config = ConfigDict(extra="forbid")
    url: schemas.Url
    events: Annotated[list[Event], Field(min_length=1, max_length=20)] = list(EVENTS)
    kinds: Annotated[list[JobKind], Field(max_length=20)] = []
    description: Prose | None = None


class Webhook(BaseModel):
    """A webhook; its secret is never shown again."""

    id: str
    url: str
    events: list[str]
    kinds: list[JobKind]
    description: str | None
    created_at: datetime
    disabled_at: datetime | None
    former_secret_until: datetime | None


class WebhookWithSecret(Webhook):
    """A webhook with its new secret, for the only time."""

    secret: str


class WebhookList(BaseModel):
    """Webhooks in the order in which they came."""

    data: list[Webhook]
    next: str | None


class Delivery(BaseModel):
    """One message to a webhook; `id` is its `webhook-id` at every attempt."""

    id: str
    type: str
    job_id: str | None
    status: DeliveryStatus
    attempts: int
    response_status: int | None
    error: schemas.Error | None
    created_at: datetime
    next_attempt_at: datetime | None
    ended_at: datetime | None


class DeliveryList(BaseModel):
    """A webhook's messages, newest first."""

    data: list[Delivery]
    next: str | None


@routes.route("POST", "/v1/webhooks", body=WebhookCreate, answers={201: WebhookWithSecret})
def create_webhook(body: WebhookCreate) -> ResponseReturnValue:
    """Register an address that is told of ended jobs. Its secret is in this answer alone."""
    _check_url(body.url)
    events, kinds = list(dict.fromkeys(body.events)), list(dict.fromkeys(body.kinds))
    with services().database.begin() as connection:
        made, secret = webhooks.create(
            connection, current_tenant(), body.url, events, kinds, body.description
        )
    response = answer(_webhook(made) | {"secret": secret}, 201)
    response.headers["Location"] = f"/v1/webhooks/{made.id}"
    return response


def _check_url(url: str) -> None:
    """Raise FetchRefused for an address that is forbidden by its words alone."""
    try:
        Doors.of(services().settings).place(url)
    except FetchRefused as error:
        problem = {"pointer": "/url", "code": error.code, "detail": error.detail}
        raise FetchRefused(error.detail, [problem]) from None


@routes.route("GET", "/v1/webhooks", query=schemas.Page, answers={200: WebhookList})
def list_webhooks(query: schemas.Page) -> ResponseReturnValue:
    """Webhooks in the order in which they came."""
    after = cursors.decode(query.after, str)
    with services().database.begin() as connection:
        rows = webhooks.listed(
            connection, current_tenant(), query.limit + 1, after[0] if after else None
        )
    shown = rows[: query.limit]
    more = cursors.encode(shown[-1].id) if len(rows) > query.limit else None
    return answer({"data": [_webhook(row) for row in shown], "next": more})


@routes.route("GET", "/v1/webhooks/<webhook>", answers={200: Webhook})
def get_webhook(webhook: str) -> ResponseReturnValue:
    """A webhook, and whether it is disabled."""
    with services().database.begin() as connection:
        return answer(_webhook(webhooks.get(connection, current_tenant(), webhook)))


@routes.route("DELETE", "/v1/webhooks/<webhook>", answers={204: None})
def delete_webhook(webhook: str) -> ResponseReturnValue:
    """Forget a webhook; what was not yet delivered is not sent."""
    with services().database.begin() as connection:
        webhooks.delete(connection, current_tenant(), webhook)
    return "", 204


@routes.route("POST", "/v1/webhooks/<webhook>/rotate", answers={200: WebhookWithSecret})
def rotate_secret(webhook: str) -> ResponseReturnValue:
    """Make a new secret. For a day messages are signed by the former one too."""
    with services().database.begin() as connection:
        row, secret = webhooks.rotate(connection, current_tenant(), webhook)
    return answer(_webhook(row) | {"secret": secret})


@routes.route("POST", "/v1/webhooks/<webhook>/test", answers={202: Delivery})
def test_webhook(webhook: str) -> ResponseReturnValue:
    """Send a `webhook.test`; its delivery tells how it went."""
    with services().database.begin() as connection:
        made = deliveries.make_test(connection, current_tenant(), webhook)
    return answer(_delivery(made), 202)


@routes.route("GET", "/v1/webhooks/<webhook>/deliveries", query=schemas.Page,
              answers={200: DeliveryList})  # fmt: skip
def list_deliveries(webhook: str, query: schemas.Page) -> ResponseReturnValue:
    """A webhook's messages of the last seven days, newest first."""
    after = _after(query.after)
    with services().database.begin() as connection:
        webhooks.get(connection, current_tenant(), webhook)
        rows = deliveries.listed(connection, current_tenant(), webhook, query.limit + 1, after)
    shown = rows[: query.limit]
    last = shown[-1] if len(rows) > query.limit else None
    more = cursors.encode(last.created_at.isoformat(), last.id) if last else None
    return answer({"data": [_delivery(row) for row in shown], "next": more})


@routes.route("POST", "/v1/webhooks/<webhook>/deliveries/<delivery>/replay",
              answers={202: Delivery})  # fmt: skip
def replay_delivery(webhook: str, delivery: str) -> ResponseReturnValue:
    """Send a message again under its id, with fresh attempts."""
    with services().database.begin() as connection:
        row = deliveries.replay(connection, current_tenant(), webhook, delivery)
    return answer(_delivery(row), 202)


def _after(cursor: str | None) -> tuple[datetime, str] | None:
    """The time and id in a cursor. Raises InvalidInput."""
    values = cursors.decode(cursor, str, str)
    if values is None:
        return None
    try:
        moment = datetime.fromisoformat(values[0])
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        problem = {"pointer": "/after", "code": "bad_cursor", "detail": "is no cursor of this list"}
        raise InvalidInput("`after` is no cursor of this list.", [problem])
    return moment, values[1]


def _webhook(row: webhooks.Webhook) -> dict[str, Any]:
    return {
        "id": row.id,
        "url": row.url,
        "events": row.events,
        "kinds": row.kinds,
        "description": row.description,
        "created_at": rfc3339(row.created_at),
        "disabled_at": row.disabled_at and rfc3339(row.disabled_at),
        "former_secret_until": row.former_until and rfc3339(row.former_until),
    }


def _delivery(row: deliveries.Delivery) -> dict[str, Any]:
    pending = row.status == DeliveryStatus.PENDING
    return {
        "id": row.id,
        "type": row.type,
        "job_id": row.job_id,
        "status": row.status,
        "attempts": row.attempts,
        "response_status": row.response_status,
        "error": row.error,
        "created_at": rfc3339(row.created_at),
        "next_attempt_at": rfc3339(row.run_after) if pending else None,
        "ended_at": row.ended_at and rfc3339(row.ended_at),
    }
