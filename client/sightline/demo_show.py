"""What the demo's parts share: the console, prices in words, and pictures saved in a folder."""

from pathlib import Path
from typing import Any

from rich.console import Console

from sightline.client import Sightline

console = Console()


def money(item: dict[str, Any]) -> str:
    """An item's price with its currency; empty without a price."""
    price = item.get("price")
    return "" if price is None else f"{float(price):.2f} {item.get('currency') or ''}".strip()


def save(server: Sightline, catalog: str, item_id: str, out: Path) -> Path:
    """Save an item's picture unless it is there already; returns its path."""
    safe = "".join(sign if sign.isalnum() or sign in "-_." else "_" for sign in item_id)
    for ending in ("jpg", "png", "webp"):
        if (path := out / f"{safe}.{ending}").exists():
            return path
    data = server.picture(catalog, item_id)
    ending = "png" if data.startswith(b"\x89PNG") else "webp" if data[8:12] == b"WEBP" else "jpg"
    out.mkdir(parents=True, exist_ok=True)
    path = out / f"{safe}.{ending}"
    path.write_bytes(data)
    return path
