"""Draws a sample shop catalog: pictures, a manifest with one JSON object per line, a ZIP of both."""

import argparse
import json
import random
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from worker.demo_model.drawing import BACKGROUNDS, KINDS, Thing, colours_of, draw, patterns_of
from worker.demo_model.words import CATEGORY_OF, NOUNS, PLACES, query, title

_PRICES: dict[str, tuple[int, int]] = {
    "shoes": (25, 190),
    "clothing": (12, 320),
    "kitchen": (6, 90),
    "furniture": (40, 900),
    "decoration": (9, 120),
    "music": (60, 1500),
    "bags": (20, 280),
    "leisure": (8, 1200),
    "documents": (1, 15),
}
_EXAMPLES = """\
examples:
  python -m worker.demo_model.sample_catalog shop
      200 products in shop/manifest.jsonl, their pictures in shop/images/
  python -m worker.demo_model.sample_catalog shop --count 2000 --zip shop.zip
      also one ZIP to upload; its paths are those in the manifest
The same seed draws the same catalog. Up to about 1,600 products differ in kind, colour or pattern;
after that they differ in background, pose and light.
"""


def make_catalog(out_dir: Path, count: int = 200, size: int = 320, seed: int = 7) -> Path:
    """Write `count` pictures of `size` pixels and their manifest; return the manifest's path."""
    images = out_dir / "images"
    images.mkdir(parents=True, exist_ok=True)
    manifest = out_dir / "manifest.jsonl"
    with manifest.open("w", encoding="utf-8") as lines:
        for n, thing in enumerate(pick_things(count, seed), start=1):
            product = describe(thing, n, seed)
            picture = draw(thing, random.Random(f"{seed} picture {n}"), size)
            picture.save(out_dir / product["image"], quality=88)
            lines.write(json.dumps(product) + "\n")
    return manifest


def pick_things(count: int, seed: int) -> list[Thing]:
    """`count` things in a shuffled order, none twice in kind, colour and pattern while they last."""
    rng = random.Random(f"{seed} things")
    things: list[Thing] = []
    for thing in _rounds(rng):
        if len(things) == count:
            break
        things.append(thing)
    return things


def _rounds(rng: random.Random) -> Iterator[Thing]:
    """Every combination once, all kinds taking turns; then all again, without end."""
    while True:
        stacks = {
            kind: [
                (colour, pattern) for colour in colours_of(kind) for pattern in patterns_of(kind)
            ]
            for kind in KINDS
        }
        for stack in stacks.values():
            rng.shuffle(stack)
        while any(stacks.values()):
            for kind in rng.sample(KINDS, len(KINDS)):
                if stacks[kind]:
                    colour, pattern = stacks[kind].pop()
                    yield Thing(kind, colour, pattern, rng.choice(BACKGROUNDS))


def describe(thing: Thing, number: int, seed: int) -> dict[str, Any]:
    """One product as the manifest states it."""
    rng = random.Random(f"{seed} product {number}")
    category = CATEGORY_OF[thing.kind]
    low, high = _PRICES[category]
    sku = f"sku-{number:04d}"
    return {
        "id": sku,
        "name": title(thing),
        "image": f"images/{sku}.jpg",
        "price": round(rng.randint(low, high) + rng.choice((0.0, 0.5, 0.95, 0.99)), 2),
        "currency": "USD",
        "category": category,
        "tags": sorted({thing.colour, thing.pattern, thing.kind, rng.choice(NOUNS[thing.kind])}),
        "caption": f"{query(thing)} {PLACES[thing.background][0]}".capitalize(),
        "attributes": {"colour": thing.colour, "pattern": thing.pattern, "kind": thing.kind},
    }


def pack(manifest: Path, archive: Path) -> None:
    """Put the manifest and exactly the pictures it names into a ZIP, with the manifest's paths."""
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as file:
        file.write(manifest, manifest.name)
        for line in manifest.read_text(encoding="utf-8").splitlines():
            image = json.loads(line)["image"]
            file.write(manifest.parent / image, image)


def main() -> None:
    """Read the command line and draw."""
    parser = argparse.ArgumentParser(
        prog="python -m worker.demo_model.sample_catalog",
        description=__doc__,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "out_dir", metavar="OUT_DIR", type=Path, help="folder to write to; made if missing"
    )
    parser.add_argument("--count", type=int, default=200, help="how many products (%(default)s)")
    parser.add_argument(
        "--size", type=int, default=320, help="pixels along each side (%(default)s)"
    )
    parser.add_argument("--seed", type=int, default=7, help="same seed, same catalog (%(default)s)")
    parser.add_argument(
        "--zip", type=Path, metavar="FILE", help="also pack everything into this ZIP"
    )
    options = parser.parse_args()
    if options.count < 1 or options.size < 16:
        parser.error("--count must be 1 or more and --size 16 or more")
    manifest = make_catalog(options.out_dir, options.count, options.size, options.seed)
    if options.zip is not None:
        pack(manifest, options.zip)
    sys.stdout.write(f"{options.count} products: {options.zip or manifest}\n")


if __name__ == "__main__":
    main()
