"""Who is asking: until there are keys, everybody on this machine is the one tenant."""

import ipaddress

import structlog
from flask import Flask, request

from db.errors import Forbidden
from db.vocabulary import DEFAULT_TENANT

log = structlog.get_logger(__name__)


def current_tenant() -> int:
    """The tenant whose rows this request may see."""
    return DEFAULT_TENANT


def is_local(address: str | None) -> bool:
    """Whether a peer is on this machine; a Unix socket has no address."""
    if not address:
        return True
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def install(app: Flask) -> None:
    """Let only this machine in, and say so."""
    log.warning("no_keys", detail="No API key is configured: only this machine is served.")
    app.before_request(_refuse_strangers)


def _refuse_strangers() -> None:
    if not is_local(request.remote_addr):
        raise Forbidden("Without API keys only the machine itself is served.")
