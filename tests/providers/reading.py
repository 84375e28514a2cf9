"""Reads and checks what all wire formats share: typed bodies, pictures, schemas, the prompt's marks."""

import base64
import binascii
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Protocol

from PIL import Image
from pydantic import TypeAdapter, ValidationError

SOURCE = re.compile(r'<source-([0-9a-f]+) id="(S\d+)">\n(.*?)\n</source-\1>', re.DOTALL)
QUESTION = re.compile(r"<question-([0-9a-f]+)>\n(.*?)\n</question-\1>", re.DOTALL)
FORMATS = {"image/jpeg": "JPEG", "image/png": "PNG", "image/gif": "GIF", "image/webp": "WEBP"}
MAX_SIDE = 8000
COLOURS = {
    "black": (0, 0, 0), "white": (255, 255, 255), "grey": (128, 128, 128), "red": (220, 30, 30),
    "green": (30, 150, 50), "blue": (40, 70, 200), "yellow": (240, 220, 40),
    "orange": (240, 130, 30), "purple": (120, 40, 150), "brown": (110, 70, 40),
    "pink": (240, 150, 190),
}  # fmt: skip


class Invalid(Exception):
    """Raised for a request that the real provider would not take."""


class Wire(Protocol):
    """One route of a provider: what it takes, and the shapes of what it answers."""

    path: str

    def check(self, body: bytes, headers: Mapping[str, str]) -> "Seen":
        """Read a request. Raises Invalid."""

    def answer(self, seen: "Seen") -> dict[str, Any]:
        """A sensible answer."""

    def said(self, seen: "Seen", text: str) -> dict[str, Any]:
        """An answer of exactly this text."""

    def refused(self, seen: "Seen") -> dict[str, Any]:
        """An answer in which the model declines."""

    def only_thought(self, seen: "Seen") -> dict[str, Any]:
        """An answer whose whole budget went into thinking."""

    def error(self, status: int, code: str | None, message: str) -> dict[str, Any]:
        """The body of a failure."""

    def too_long(self) -> dict[str, Any]:
        """The body of a 400 for a prompt over the context."""


@dataclass(frozen=True)
class SeenPicture:
    """A picture that came, decoded."""

    media_type: str
    width: int
    height: int
    colour: str


@dataclass(frozen=True)
class Seen:
    """A valid request, as far as tests and people ask about it."""

    wire: Wire
    model: str
    body: dict[str, Any]
    properties: frozenset[str] = frozenset()
    texts: tuple[str, ...] = ()
    pictures: tuple[SeenPicture, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def sources(self) -> dict[str, str]:
        """The text of each source by its id, in the order of the prompt."""
        return {found[2]: found[3] for found in _matches(SOURCE, self.texts)}

    @property
    def question(self) -> str | None:
        """The question, or None where the request holds none."""
        return next((found[2] for found in _matches(QUESTION, self.texts)), None)


def _matches(pattern: re.Pattern[str], texts: Iterable[str]) -> Iterator[re.Match[str]]:
    for text in texts:
        yield from pattern.finditer(text)


@cache
def _adapter(params: Any) -> TypeAdapter[Any]:
    return TypeAdapter(params)


def typed(params: Any, body: bytes) -> dict[str, Any]:
    """The body as an SDK's typed dict has it: no unknown key, no wrong part, nothing converted.

    Raises Invalid.
    """
    try:
        sent = json.loads(body)
        # From JSON pydantic would take a text for an iterator of letters; from Python it does not.
        found = _drained(_adapter(params).validate_python(sent, strict=True, extra="forbid"))
    except ValidationError as error:
        raise Invalid(_deepest(error)) from error
    except (ValueError, RecursionError) as error:
        raise Invalid("The body is no JSON.") from error
    if not isinstance(sent, dict) or found != sent:
        raise Invalid("The body holds something that the types do not know.")
    return sent


def _deepest(error: ValidationError) -> str:
    """The complaint that is furthest inside: the other members of a union complain further out."""
    errors = error.errors(include_url=False, include_input=False)
    told = max(errors, key=lambda one: len(one["loc"]))
    return f"{'.'.join(map(str, told['loc']))}: {told['msg']}"


def _drained(value: Any) -> Any:
    """The value with every lazy iterator run to its end; until then its items are not validated."""
    if isinstance(value, Mapping):
        return {name: _drained(part) for name, part in value.items()}
    if isinstance(value, Iterable) and not isinstance(value, str | bytes):
        return [_drained(part) for part in value]
    return value


def picture(data: str, media_type: str) -> SeenPicture:
    """Decode a picture. Raises Invalid."""
    try:
        raw = base64.b64decode(data, validate=True)
        with Image.open(io.BytesIO(raw)) as image:
            image.load()
            kind, size = image.format, image.size
            colour = _colour(image)
    except (binascii.Error, OSError, ValueError, SyntaxError) as error:
        raise Invalid("A picture cannot be decoded.") from error
    if FORMATS.get(media_type) != kind:
        raise Invalid(f"A picture is {kind}, and is called {media_type}.")
    if max(size) > MAX_SIDE:
        raise Invalid(f"A side of a picture is over {MAX_SIDE} pixels.")
    return SeenPicture(media_type, *size, colour)


def data_url(url: str) -> SeenPicture:
    """Decode a picture from a data URL. Raises Invalid."""
    head, comma, data = url.partition(";base64,")
    if not comma or not head.startswith("data:"):
        raise Invalid("A picture is no data URL.")
    return picture(data, head.removeprefix("data:"))


def strict(schema: Any) -> frozenset[str]:
    """Check a schema as strict structured output demands it; return the names at its top.

    Raises Invalid.
    """
    if not isinstance(schema, dict) or schema.get("type") != "object":
        raise Invalid("The schema is no object.")
    for part in _objects(schema):
        if part.get("additionalProperties") is not False:
            raise Invalid("An object of the schema allows additional properties.")
        if set(part.get("required", [])) != set(part.get("properties", {})):
            raise Invalid("An object of the schema does not require all its properties.")
    return frozenset(schema["properties"])


def _objects(schema: Any) -> Iterator[dict[str, Any]]:
    if isinstance(schema, dict):
        if schema.get("type") == "object":
            yield schema
        for part in schema.values():
            yield from _objects(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from _objects(part)


def bounded(tokens: Any) -> None:
    """Check that the length of the answer is limited. Raises Invalid."""
    if not isinstance(tokens, int) or tokens < 1:
        raise Invalid("The request does not limit its output tokens.")


def text_last(kinds: Sequence[str]) -> None:
    """Check that the pictures stand before a text. Raises Invalid."""
    if not kinds or "text" not in kinds[-1]:
        raise Invalid("The last part is no text.")


def _colour(image: Image.Image) -> str:
    """The name of the colour that the picture is, all in all."""
    pixel = image.convert("RGB").resize((1, 1), Image.Resampling.BOX).getpixel((0, 0))
    assert isinstance(pixel, tuple)

    def distance(name: str) -> float:
        return sum((a - b) ** 2 for a, b in zip(pixel, COLOURS[name], strict=True))

    return min(COLOURS, key=distance)
