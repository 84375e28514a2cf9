"""The console: one page of plain modules and styles, served by this host alone under a strict policy."""

import hashlib
from pathlib import Path

from flask import Blueprint, Response, abort, request
from flask.typing import ResponseReturnValue

STATIC = Path(__file__).parent / "static"
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
"""What is served, by the end of its name: a machine's own table may know no modules."""
PARTS = {
    path.relative_to(STATIC).as_posix(): path
    for path in sorted(STATIC.rglob("*"))
    if path.suffix in TYPES
}
"""The only names that are served; no path is ever made of what a client sends."""
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob:",  # with a key pictures are fetched, and shown from memory
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)
"""Text can become markup nowhere: where the browser knows trusted types, `innerHTML` throws."""
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def serve(blueprint: Blueprint) -> None:
    """Serve the page at `/` and its parts under `/console/`, by a blueprint that needs no key."""
    blueprint.add_url_rule("/", "console", part, defaults={"name": "index.html"})
    blueprint.add_url_rule("/console/<path:name>", "console_part", part)


def part(name: str) -> ResponseReturnValue:
    """One file, asked for anew each time and sent only where it changed: 404 for other names."""
    path = PARTS.get(name) or abort(404)
    data = path.read_bytes()
    response = Response(data, content_type=TYPES[path.suffix], headers=HEADERS)
    # Of the content: an image built twice may give two files the same time and size.
    response.set_etag(hashlib.sha256(data).hexdigest()[:32])
    response.headers["Cache-Control"] = "no-cache"
    return response.make_conditional(request)
