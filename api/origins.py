"""While there are no keys: requests that a web page elsewhere makes a browser on this machine send."""

import ipaddress
from urllib.parse import urlsplit

from flask import Request

from db.errors import Forbidden

NAMES = ("localhost", "localhost.localdomain", "ip6-localhost")
FOREIGN_HOST = (
    "Without API keys this machine is served under its own names alone (localhost, 127.0.0.1); "
    "make a key to be reached under another."
)
FOREIGN_PAGE = "Without API keys no other site's page may send requests; make a key for that."


def refuse_foreign(request: Request) -> None:
    """Raise Forbidden for what no program of this machine sends.

    A browser lets any page POST a form to any address, and a page whose name was made to mean
    127.0.0.1 (DNS rebinding) may read the answers too. Programs send no `Origin`; pages of ours
    send our own.
    """
    if not is_loopback(request.host):
        raise Forbidden(FOREIGN_HOST)
    origin = request.headers.get("Origin")
    foreign = origin is not None and urlsplit(origin).netloc != request.host
    if foreign or request.headers.get("Sec-Fetch-Site") in ("cross-site", "same-site"):
        raise Forbidden(FOREIGN_PAGE)


def is_loopback(host: str) -> bool:
    """Whether a `Host` header names the machine itself, with or without a port."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
        return name in NAMES or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
