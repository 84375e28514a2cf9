"""Sensible answers that need no model: they cite what was sent, and name colours."""

import hashlib
import json
import math
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.providers.reading import Seen

DIMENSIONS = 1536
WORDS_QUOTED = 30


def text_of(seen: Seen) -> str:
    """The JSON that the request's schema asks for."""
    if "caption" in seen.properties:
        return json.dumps({"caption": _caption(seen)})
    if "ranking" in seen.properties:
        return json.dumps(_ranking(seen))
    return json.dumps(_answer(seen))


def vectors_of(texts: Sequence[str]) -> NDArray[np.float32]:
    """One unit row a text; texts that share words lie near each other."""
    return np.stack([_vector(text) for text in texts])


def _caption(seen: Seen) -> str:
    colours = " and ".join(picture.colour for picture in seen.pictures)
    return f"A picture that is mostly {colours}." if colours else "No picture was sent."


def _answer(seen: Seen) -> dict[str, Any]:
    """Quote the sentence that shares most with the question; the earlier source where two do."""
    quotes = [
        (_shared(sentence, seen.question or ""), -place, sentence, name)
        for place, (name, text) in enumerate(seen.sources.items())
        for sentence in _sentences(text.split("text:\n")[-1])
    ]
    if not quotes:
        return {"relevant": False, "answer": "There is no source.", "citations": []}
    _, _, sentence, name = max(quotes)
    words = " ".join(sentence.split()[:WORDS_QUOTED])
    return {"relevant": True, "answer": f"{words} [{name}]", "citations": [name]}


def _sentences(text: str) -> list[str]:
    return [part for part in re.split(r"(?<=[.!?])\s+|\n\n", text) if part.strip()] or [text]


def _shared(sentence: str, question: str) -> float:
    """How many letters of words they share: long words say more than short ones."""
    asked, said = (set(re.findall(r"\w+", words.lower())) for words in (question, sentence))
    return sum(len(word) for word in asked & said) / math.sqrt(1 + len(said))


def _ranking(seen: Seen) -> dict[str, Any]:
    ranking = [
        {"id": name, "fits": True, "explanation": f"It came in place {place}."}
        for place, name in enumerate(seen.sources, 1)
    ]
    return {"relevant": bool(ranking), "answer": "The order is the one sent.", "ranking": ranking}


def _vector(text: str) -> NDArray[np.float32]:
    total = np.zeros(DIMENSIONS, np.float32)
    for word in re.findall(r"\w+", text.lower()) or [text]:
        digest = hashlib.blake2b(word.encode(), digest_size=8).digest()
        total += np.random.default_rng(int.from_bytes(digest)).standard_normal(DIMENSIONS)
    unit: NDArray[np.float32] = total / np.linalg.norm(total)
    return unit
