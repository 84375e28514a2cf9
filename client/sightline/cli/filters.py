"""Filters as they are typed: `category=shoes`, `price<50`, `attributes.stars>=4`, or JSON."""

import json
import re
from collections.abc import Sequence
from typing import Any

import click

WORDS = re.compile(r"\s*([A-Za-z_][\w.-]*)\s*(<=|>=|<|>|=)\s*(.*?)\s*", re.DOTALL)
SIGNS = {"<": "lt", "<=": "lte", ">": "gt", ">=": "gte"}
LISTS = ("category", "tags", "kind")
SINGLE = ("currency", "document_id")


def parsed(filters: Sequence[str]) -> dict[str, Any]:
    """The contract's object. Raises BadParameter for what is no filter."""
    made: dict[str, Any] = {}
    for words in filters:
        if words.lstrip().startswith("{"):
            made |= _object(words)
        else:
            _add(made, words)
    return made


def _object(words: str) -> dict[str, Any]:
    try:
        found = json.loads(words)
    except (ValueError, RecursionError) as error:
        raise _bad(words) from error
    return dict(found)


def _add(made: dict[str, Any], words: str) -> None:
    match = WORDS.fullmatch(words)
    if match is None or not match[3]:
        raise _bad(words)
    name, sign, value = match.groups()
    if name.startswith("attributes."):
        inner = made.setdefault("attributes", {})
        key = name.removeprefix("attributes.")
        inner[key] = _bounds(inner.get(key), sign, value, words) if sign != "=" else _scalar(value)
    elif name == "price":
        made[name] = _bounds(made.get(name), sign, value, words)
    elif sign == "=" and name in LISTS:
        made.setdefault(name, []).append(value)
    elif sign == "=" and name in SINGLE:
        made[name] = value
    else:
        raise _bad(words)


def _bounds(former: Any, sign: str, value: str, words: str) -> dict[str, Any]:
    """A range, with the bounds given before."""
    try:
        number = float(value)
    except ValueError as error:
        raise _bad(words) from error
    bounds = dict.fromkeys(("gte", "lte"), number) if sign == "=" else {SIGNS[sign]: number}
    return (former if isinstance(former, dict) else {}) | bounds


def _scalar(value: str) -> Any:
    """A number, true, false or null as JSON has them; else the words."""
    try:
        found = json.loads(value)
    except (ValueError, RecursionError):
        return value
    return value if isinstance(found, dict | list) else found


def _bad(words: str) -> click.BadParameter:
    return click.BadParameter(
        f"{words!r} is no filter. Write category=shoes, tags=new, kind=page, 'price<50', "
        "attributes.stars>=4, or a JSON object.",
        param_hint="--filter",
    )
