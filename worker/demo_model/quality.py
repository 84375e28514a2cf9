"""Measures the demo model: how often a text query puts a right picture first, or among five."""

import argparse
import io
import json
import random
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from worker.demo_model.drawing import BACKGROUNDS, KINDS, Thing, colours_of, draw, patterns_of
from worker.demo_model.lesson import HELD_BACK
from worker.demo_model.model import Encoder
from worker.demo_model.words import query

WEIGHTS = Path(__file__).parent / "weights"
SEED, PICTURES, PIXELS = 2024, 120, 320


def evaluate(
    model_folder: Path, random_weights: bool = False, seed: int = SEED
) -> dict[str, float]:
    """Rates between 0 and 1 over a fixed catalog of 120 pictures, half of them of unseen pairs.

    `first` and `first_five` count the queries that have a right picture there; a picture is right
    when it shows the kind, the colour and the pattern that its query names. `random_weights` asks
    the same of an untrained model of the same shape.
    """
    things = test_things(seed)
    encoder = Encoder(model_folder, random_weights)
    pictures = encoder.pictures([_photograph(t, seed + n) for n, t in enumerate(things)])
    scores = encoder.texts([query(thing) for thing in things]) @ pictures.T
    right = np.array([[_answers(asked, shown) for shown in things] for asked in things])
    hits = np.take_along_axis(right, np.argsort(-scores, axis=1), axis=1)
    first, first_five = hits[:, 0], hits[:, :5].any(axis=1)
    unseen = np.array([(thing.kind, thing.colour) in HELD_BACK for thing in things])
    return {
        "first": _rate(first),
        "first_five": _rate(first_five),
        "first_seen": _rate(first[~unseen]),
        "first_unseen": _rate(first[unseen]),
    }


def test_things(seed: int) -> list[Thing]:
    """120 distinct things: 60 of pairs that training showed, 60 of pairs it never did."""
    rng = random.Random(seed)
    every = [(k, c, p) for k in KINDS for c in colours_of(k) for p in patterns_of(k)]
    rng.shuffle(every)
    seen = [spec for spec in every if spec[:2] not in HELD_BACK][: PICTURES // 2]
    unseen = [spec for spec in every if spec[:2] in HELD_BACK][: PICTURES // 2]
    return [Thing(*spec, rng.choice(BACKGROUNDS)) for spec in seen + unseen]


def _photograph(thing: Thing, seed: int) -> Image.Image:
    """The picture as a user uploads it: 320 pixels, through JPEG."""
    file = io.BytesIO()
    draw(thing, random.Random(seed), PIXELS).save(file, "JPEG", quality=88)
    return Image.open(file)


def _answers(asked: Thing, shown: Thing) -> bool:
    """Whether a picture shows all that the query says; a plain thing's query says no pattern."""
    pattern_fits = asked.pattern in ("plain", shown.pattern)
    return asked.kind == shown.kind and asked.colour == shown.colour and pattern_fits


def _rate(hits: npt.ArrayLike) -> float:
    return round(float(np.asarray(hits, np.float64).mean()), 4)


def main() -> None:
    """Print the figures of a model folder, and of random weights, as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "folder", nargs="?", type=Path, default=WEIGHTS, help="default: %(default)s"
    )
    parser.add_argument("--seed", type=int, default=SEED, help="of the test catalog (%(default)s)")
    options = parser.parse_args()
    trained = evaluate(options.folder, seed=options.seed)
    control = evaluate(options.folder, random_weights=True, seed=options.seed)
    sys.stdout.write(json.dumps({"trained": trained, "random weights": control}, indent=2) + "\n")


if __name__ == "__main__":
    main()
