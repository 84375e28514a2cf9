"""What the model is taught from: drawn pictures, captions that fit them, and what is held back."""

import random
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from worker.demo_model.drawing import (
    BACKGROUNDS,
    COLOURS,
    KINDS,
    PATTERNS,
    Thing,
    colours_of,
    draw,
    patterns_of,
)
from worker.demo_model.words import Caption, caption

HELD_BACK = frozenset(
    (kind, colours_of(kind)[(5 * n + shift) % len(colours_of(kind))])
    for n, kind in enumerate(KINDS)
    for shift in (0, 4)
)
"""Pairs of kind and colour that training never shows, so that a test can ask for the unseen."""

Bytes = npt.NDArray[np.uint8]
Truth = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Lesson:
    """Drawn pictures (N x side x side x 3 bytes) and the thing on each."""

    pictures: Bytes
    things: list[Thing]


def draw_lesson(count: int, side: int, seed: int) -> Lesson:
    """Draw `count` random things, none of a held-back pair."""
    rng = random.Random(seed)
    pictures = np.empty((count, side, side, 3), np.uint8)
    things = []
    for n in range(count):
        thing = random_thing(rng)
        things.append(thing)
        pictures[n] = np.asarray(draw(thing, rng, side))
    return Lesson(pictures, things)


def random_thing(rng: random.Random) -> Thing:
    """Any thing but one of a held-back pair; two in five plain where patterns exist."""
    kind = rng.choice(KINDS)
    colour = rng.choice([c for c in colours_of(kind) if (kind, c) not in HELD_BACK])
    patterns = patterns_of(kind)
    pattern = "plain" if rng.random() < 0.4 else rng.choice(patterns)
    return Thing(kind, colour, pattern, rng.choice(BACKGROUNDS))


class Teacher:
    """Hands out batches: pictures, one caption for each, and which caption is true of which."""

    def __init__(self, lesson: Lesson, seed: int) -> None:
        self._lesson = lesson
        self._rng = random.Random(seed)
        self._of_kind: dict[str, list[int]] = {}
        for n, thing in enumerate(lesson.things):
            self._of_kind.setdefault(thing.kind, []).append(n)

    def batch(self, size: int) -> tuple[Bytes, list[Caption], Truth, list[Thing], list[bool]]:
        """Pictures, captions, truth[caption, picture], things, and which kept their own colours.

        Half of a batch is of eight kinds only: pictures of one kind differ in colour and pattern
        alone, which is what must be learned.
        """
        rng, lesson = self._rng, self._lesson
        few = rng.sample(sorted(self._of_kind), min(8, len(self._of_kind)))
        chosen = [rng.choice(self._of_kind[rng.choice(few)]) for _ in range(size // 2)]
        chosen += [rng.randrange(len(lesson.things)) for _ in range(size - len(chosen))]
        things = [lesson.things[n] for n in chosen]
        kept = [rng.random() >= 0.2 for _ in chosen]
        pictures = lesson.pictures[chosen]
        for n, keeps in enumerate(kept):
            if not keeps:
                pictures[n] = pictures[n][:, :, rng.choice(((1, 2, 0), (2, 0, 1), (2, 1, 0)))]
        texts = [caption(t, rng, says_colour=k) for t, k in zip(things, kept, strict=True)]
        return pictures, texts, truth(texts, things, kept), things, kept


def truth(texts: list[Caption], things: list[Thing], kept: list[bool]) -> Truth:
    """Which caption (row) is true of which thing (column); swapped colours make a colour untrue."""
    kinds = np.array([[t.kinds is None or k in t.kinds for k in KINDS] for t in texts])
    colours = np.array([[t.colour in (None, c) for c in COLOURS] for t in texts])
    patterns = np.array([[t.pattern in (None, p) for p in PATTERNS] for t in texts])
    places = np.array([[t.background in (None, b) for b in BACKGROUNDS] for t in texts])
    open_colour = np.array([t.colour is None for t in texts])
    palette = list(COLOURS)
    fits: Truth = (
        kinds[:, [KINDS.index(t.kind) for t in things]]
        & colours[:, [palette.index(t.colour) for t in things]]
        & patterns[:, [PATTERNS.index(t.pattern) for t in things]]
        & places[:, [BACKGROUNDS.index(t.background) for t in things]]
        & (open_colour[:, None] | np.array(kept)[None, :])
    )
    return fits
