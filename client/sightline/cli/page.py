"""An answer as a page of its own, pictures inside, so that it opens also where a key is needed."""

import base64
import tempfile
import webbrowser
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

from sightline.cli.pictures import pictured_id
from sightline.cli.show import called, err
from sightline.client import Sightline
from sightline.errors import SightlineProblem
from sightline.types import Json
from sightline.words import safe

HEAD = """<!doctype html><html lang="en"><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width">
<style>body{font:1rem/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem}
p{white-space:pre-wrap}figure{margin:1.5rem 0}img{max-width:100%}</style>
"""


def opened_page(server: Sightline, catalog: str, question: str, result: Json) -> Path:
    """Write the page into a new file, and open it in the browser; returns where it lies."""
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", prefix="sightline-answer-", suffix=".html", delete=False
    ) as file:
        file.write(page(server, catalog, question, result))
    path = Path(file.name)
    opened = webbrowser.open(path.as_uri())
    err().print(f"Opened {path}" if opened else f"No browser could be opened; see {path}")
    return path


def page(server: Sightline, catalog: str, question: str, result: Json) -> str:
    """The page; everything of the server's is text in it, and nothing is fetched."""
    parts = [HEAD, f"<title>{_text(question)}</title><h1>{_text(question)}</h1>"]
    parts.append(f"<p>{_text(result['answer'])}</p>")
    parts += [_figure(server, catalog, source) for source in result["sources"]]
    return "\n".join(parts)


def _text(words: object) -> str:
    return escape(safe(words))


def _figure(server: Sightline, catalog: str, source: Mapping[str, Any]) -> str:
    item = source["item"]
    cited = ", cited" if source["cited"] else ""
    words = f"[{source['number']}] {called(item)} ({item['id']}{cited})"
    passage = source.get("snippet") or item.get("caption") or ""
    return (
        f"<figure>{_picture(server, catalog, item)}<figcaption><b>{_text(words)}</b>"
        f"<p>{_text(passage)}</p></figcaption></figure>"
    )


def _picture(server: Sightline, catalog: str, item: Mapping[str, Any]) -> str:
    pictured = pictured_id(item)
    if pictured is None:
        return ""
    try:
        data = server.picture(catalog, pictured)
    except SightlineProblem:
        return ""
    kind = "png" if data.startswith(b"\x89PNG") else "jpeg"
    encoded = base64.b64encode(data).decode()
    return f'<img alt="{_text(called(item))}" src="data:image/{kind};base64,{encoded}">'
