"""A multipart body, part by part and piece by piece: nothing of it is ever whole in memory."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.sansio.multipart import Data, Epilogue, Event, File, MultipartDecoder, NeedData
from werkzeug.sansio.multipart import Field as FormField

from db.errors import BadRequest

T = TypeVar("T")
LARGEST_BUFFER = 1024**2
"""Bytes kept back while the decoder looks for the end of a part's headers or for a boundary."""


@dataclass(frozen=True)
class Part:
    """One part; its pieces can be read once, before the next part."""

    name: str
    file_name: str
    media_type: str
    pieces: Iterator[bytes]


def parts(pieces: Iterator[bytes], boundary: str, hash_more: Callable[[bytes], None]) -> Iterator[
    Part
]:  # fmt: skip
    """The parts of a form. What makes them up, without the boundary, goes to `hash_more`.

    Raises BadRequest when the body is no multipart form, or stops in its middle.
    """
    events = _events(pieces, MultipartDecoder(boundary.encode(), LARGEST_BUFFER))
    for event in events:
        if isinstance(event, File | FormField):
            file_name = event.filename if isinstance(event, File) else ""
            media_type = event.headers.get("Content-Type", "").partition(";")[0].strip().lower()
            hash_more(f"\0{event.name}\0{file_name}\0".encode("utf-8", "replace"))
            data = _data(events, hash_more)
            yield Part(event.name or "", file_name, media_type, data)
            for _ in data:  # whatever of it was not read
                pass


def _data(events: Iterator[Event], hash_more: Callable[[bytes], None]) -> Iterator[bytes]:
    for event in events:
        assert isinstance(event, Data)
        hash_more(event.data)
        yield event.data
        if not event.more_data:
            return


def _events(pieces: Iterator[bytes], decoder: MultipartDecoder) -> Iterator[Event]:
    while not isinstance(event := _decoded(decoder.next_event), Epilogue):
        if isinstance(event, NeedData):
            _decoded(partial(decoder.receive_data, next(pieces, None)))
        else:
            yield event


def _decoded(act: Callable[[], T]) -> T:
    """Do one thing with the decoder; what reading the pieces raises is no error of the form."""
    try:
        return act()
    except RequestEntityTooLarge:
        raise BadRequest("A part's headers are too long.") from None
    except ValueError as error:
        raise BadRequest("The multipart body is broken or cut off.") from error
