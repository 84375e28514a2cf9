"""Who is asking and what they may do: a key's tenant and scopes, or this machine while there are no keys."""

import ipaddress
from contextlib import suppress
from dataclasses import dataclass

import structlog
from flask import Flask, Response, g, has_app_context, request

from api.origins import refuse_foreign
from db import keys
from db.errors import Forbidden, Unauthorized, Unavailable
from db.keys import Scope
from db.session import TenantDatabase
from db.vocabulary import DEFAULT_TENANT

log = structlog.get_logger(__name__)

OPEN = ("health", "docs")
"""The blueprints that need no key."""
ADMIN_ROUTES = ("/v1/keys", "/v1/webhooks")
POSTS = {
    "searches": Scope.READ,
    "embeddings": Scope.READ,
    "answers": Scope.ANSWER,
    "captions": Scope.ANSWER,
    "evaluations": Scope.ANSWER,
}
"""What a POST needs by the last part of its address; all others write."""
MISSING = "Send an API key: `Authorization: Bearer sl_…`."
MISTYPED = "This is no API key, or a mistyped one: its checksum does not fit."
REFUSED = "The API key is unknown, expired or revoked."


@dataclass(frozen=True)
class Caller:
    """Who is asking. `key` is the id of the key, None where none is needed."""

    tenant: int
    key: str | None
    scopes: frozenset[str]

    def may(self, scope: Scope) -> bool:
        """Whether the caller has a scope."""
        return scope in self.scopes or Scope.ADMIN in self.scopes


THIS_MACHINE = Caller(DEFAULT_TENANT, None, frozenset(Scope))
VISITOR = Caller(0, None, frozenset())
"""Who asks for what needs no key: of no tenant, and may do nothing."""


def caller() -> Caller:
    """Who sent this request; only behind the gate."""
    found: Caller = g.caller
    return found


def current_tenant() -> int:
    """The tenant whose rows this request may see."""
    return caller().tenant


def transaction_tenant() -> int | None:
    """The tenant of this request's transactions; None outside a request."""
    return g.caller.tenant if has_app_context() and "caller" in g else None


def scope_of(method: str, path: str) -> Scope:
    """What a route needs, by its method and its address or rule."""
    if path.startswith(ADMIN_ROUTES):
        return Scope.ADMIN
    if method.upper() in ("GET", "HEAD", "OPTIONS"):
        return Scope.READ
    if method.upper() == "POST":
        return POSTS.get(path.rpartition("/")[2], Scope.WRITE)
    return Scope.WRITE


def is_local(address: str | None) -> bool:
    """Whether a peer is on this machine; a Unix socket has no address."""
    if not address:
        return True
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


class Gate:
    """Decides who comes in. A key is looked up for each request: revoking one is felt at once."""

    def __init__(self, database: TenantDatabase, key_secret: str) -> None:
        self._database = database
        self._key_secret = key_secret
        self._has_keys = False
        self._said_open = False

    @property
    def has_keys(self) -> bool:
        """Whether any key exists. A yes is remembered, for the rows of keys stay. Raises Unavailable."""
        self._has_keys = self._has_keys or keys.exist(self._database)
        return self._has_keys

    def admit(self, token: str | None, *, local: bool) -> Caller:
        """Who shows this token. Raises Unauthorized; Forbidden for strangers while there are no keys."""
        shown = keys.read(token) if token else None
        if shown is not None:
            found = keys.find(self._database, shown.id)
            if keys.proves(shown, found, self._key_secret) and found is not None:
                return Caller(found.tenant_id, shown.id, frozenset(found.scopes))
        if self.has_keys:
            raise Unauthorized(MISSING if not token else REFUSED if shown else MISTYPED)
        self.let_in_without_keys(local=local)
        return THIS_MACHINE

    def let_in_without_keys(self, *, local: bool) -> None:
        """Raise Forbidden for strangers, and say once that there are no keys."""
        if not self._said_open:
            self._said_open = True
            log.warning("no_keys", detail="There is no API key: only this machine is served.")
        if not local:
            raise Forbidden("Without API keys only the machine itself is served.")


def install(app: Flask, gate: Gate) -> None:
    """Let each request pass the gate before anything else reads it."""

    def pass_gate() -> None:
        local = is_local(request.remote_addr)
        if request.blueprint in OPEN:
            g.caller = VISITOR
            _pass_open(gate, local=local)
            return
        g.caller = gate.admit(_token(), local=local)
        g.key_id = g.caller.key
        if g.caller is THIS_MACHINE:
            refuse_foreign(request)
        scope = scope_of(request.method, request.url_rule.rule) if request.url_rule else None
        if scope is not None and not g.caller.may(scope):
            raise Forbidden(f"This needs a key with the scope `{scope}`.")

    app.before_request(pass_gate)
    app.after_request(_challenge)


def _pass_open(gate: Gate, *, local: bool) -> None:
    """What needs no key is shown to strangers once there are keys, and while Postgres is away."""
    if local:
        return
    with suppress(Unavailable):
        if not gate.has_keys:
            gate.let_in_without_keys(local=False)


def _token() -> str | None:
    given = request.authorization
    return given.token if given is not None and given.type == "bearer" else None


def _challenge(response: Response) -> Response:
    if response.status_code == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response
