"""Cursors: where a list goes on, opaque and safe in a URL."""

import base64
import json
from collections.abc import Sequence
from typing import Any

from db.errors import InvalidInput

LARGEST = 2**63 - 1


def encode(*values: str | int) -> str:
    """The cursor behind the row that these values name."""
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")


def decode(cursor: str | None, *kinds: type) -> list[Any] | None:
    """The values of a cursor, one of each kind. Raises InvalidInput for any other text."""
    if cursor is None:
        return None
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        values = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, list) or not _fit(values, kinds):
        problem = {"pointer": "/after", "code": "bad_cursor", "detail": "is no cursor of this list"}
        raise InvalidInput("`after` is no cursor of this list.", [problem])
    return values


def _fit(values: Sequence[Any], kinds: Sequence[type]) -> bool:
    return len(values) == len(kinds) and all(
        type(value) is kind and _storable(value) for value, kind in zip(values, kinds, strict=True)
    )


def _storable(value: object) -> bool:
    if isinstance(value, int):
        return abs(value) <= LARGEST
    return isinstance(value, str) and value.isprintable()
