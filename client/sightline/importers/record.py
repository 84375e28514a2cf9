"""What every importer yields: an item to be, with its picture, address or text; or what is wrong."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import IO, Any, Protocol

LONGEST_ID = 255
LONGEST_LINE, LONGEST_PROSE, MOST_TAGS = 1_000, 20_000, 100
"""What the server takes of a name, of a caption or description, and of tags."""
MOST_BYTES = 25 * 1024**2
"""Of a picture: more than any server takes, and so it is not even read."""


class Unrecognised(Exception):
    """Raised when a source is nothing that can be imported; says why, and what could be."""


class Unusable(Exception):
    """Raised for one record alone: `code` is stable, `detail` plain words."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code, self.detail = code, detail


@dataclass(frozen=True)
class Picture:
    """A picture on this machine: a file, or an entry of a ZIP."""

    name: str
    open: Callable[[], IO[bytes]]

    def read(self) -> bytes:
        """Its bytes. Raises Unusable for what is no picture, too large, or cannot be read."""
        try:
            with self.open() as file:
                data = file.read(MOST_BYTES + 1)
        except Exception as error:  # zipfile and the system raise many kinds
            raise Unusable("unreadable", f"{self.name!r} cannot be read: {error}.") from error
        if len(data) > MOST_BYTES:
            limit = MOST_BYTES // 1024**2
            raise Unusable("image_too_large", f"{self.name!r} has more than {limit} MB.")
        if not is_picture(data[:32]):  # nothing but pictures leaves this machine
            raise Unusable("unsupported_image", f"{self.name!r} is no picture that is taken.")
        return data


@dataclass(frozen=True)
class Record:
    """An item to be. `fields` hold its `id` always; it has exactly one of the sources."""

    where: str
    """Where it stands in its source, for people: "line 17"."""
    fields: dict[str, Any]
    picture: Picture | None = None
    image_url: str | None = None
    image_base64: str | None = None
    text: str | None = None

    @property
    def id(self) -> str:
        """The item's id."""
        return str(self.fields["id"])


@dataclass(frozen=True)
class Bad:
    """Something in a source that is no item, and why."""

    where: str
    item_id: str | None
    code: str
    detail: str


class Importer(Protocol):
    """One source, opened; `records` may be read more than once, each time from the start."""

    name: str
    """The word of `--as`."""
    about: str
    """What it is, for people."""

    def mapping(self) -> Sequence[tuple[str, str]]:
        """Which part of the source becomes which field, for people."""

    def records(self) -> Iterator[Record | Bad]:
        """All items, in an order that is the same each time; no picture is read."""

    def close(self) -> None:
        """Let go of what is open."""


@dataclass(frozen=True)
class Product:
    """A product of a feed: its fields, and its pictures' addresses, the main one first."""

    where: str
    fields: dict[str, Any]
    images: Sequence[str] = field(default=())

    def records(self) -> Iterator[Record]:
        """An item per picture, the further ones with `.2`, `.3` at their id; without any, a text.

        All carry the product's id as the attribute `product`, to be put together by.
        """
        if not self.images:
            words = [self.fields.get(name) for name in ("name", "description")]
            text = "\n".join(str(one) for one in words if one) or self.fields["id"]
            yield Record(self.where, self._fields(""), text=text)
        for number, address in enumerate(dict.fromkeys(self.images), 1):
            part = f".{number}" if number > 1 else ""
            yield Record(self.where, self._fields(part), image_url=address)

    def _fields(self, part: str) -> dict[str, Any]:
        made = cleaned(self.fields)
        attributes = dict(made.get("attributes") or {}) | {"product": made["id"]}
        return made | {"id": made["id"] + part, "attributes": attributes}


def cleaned(fields: dict[str, Any]) -> dict[str, Any]:
    """Fields as the server takes them: without what is empty, shortened to its bounds."""
    made = {name: value for name, value in fields.items() if value not in (None, "", [], {})}
    made["id"] = id_of(str(fields["id"]))
    for name in ("name", "category"):
        if name in made:
            made[name] = made[name][:LONGEST_LINE]
    for name in ("caption", "description"):
        if name in made:
            made[name] = made[name][:LONGEST_PROSE]
    if "tags" in made:
        tags = [tag.strip()[:LONGEST_LINE] for tag in made["tags"]]
        made["tags"] = list(dict.fromkeys(tag for tag in tags if tag))[:MOST_TAGS]
    return made


def id_of(name: str) -> str:
    """An item's id made of a file's name or whatever else names it: the same each time."""
    made = "".join(sign if sign.isprintable() else "_" for sign in name.replace("/", ":"))
    made = made if made.strip(".") else f"{made}_"
    if len(made) <= LONGEST_ID - 4:  # room for what further pictures add
        return made
    return f"{made[:200]}~{hashlib.sha256(name.encode('utf-8', 'replace')).hexdigest()[:16]}"


def is_picture(head: bytes) -> bool:
    """Whether a file begins as the pictures do that the server takes."""
    if head.startswith((b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF8", b"BM")):
        return True
    if head.startswith((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")):
        return True
    return head[4:8] == b"ftyp" or (head.startswith(b"RIFF") and head[8:12] == b"WEBP")
