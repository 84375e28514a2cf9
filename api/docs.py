"""The description of the API, its page, and the console in front: all from this host alone."""

from pathlib import Path

from flask import Blueprint, Flask, Response, send_from_directory

from api import console
from api.openapi import Operation, answer, document

PAGES = Path(__file__).parent / "pages"
FILES = {"/docs": "docs.html", "/docs.js": "docs.js", "/docs.css": "docs.css"}


def install(app: Flask, operations: list[Operation], version: str) -> None:
    """Serve the pages and `/openapi.json`."""
    blueprint = Blueprint("docs", __name__)
    described = document(operations, version)

    def openapi() -> Response:
        return answer(described)

    blueprint.add_url_rule("/openapi.json", "openapi", openapi)
    for address, name in FILES.items():
        blueprint.add_url_rule(address, name.replace(".", "_"), _page, defaults={"name": name})
    console.serve(blueprint)
    app.register_blueprint(blueprint)


def _page(name: str) -> Response:
    response = send_from_directory(PAGES, name, max_age=0)
    response.headers.update(console.HEADERS)
    return response
