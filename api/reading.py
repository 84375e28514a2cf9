"""Requests as they come in: JSON, forms, queries and paths, read strictly and bounded."""

import hashlib
import json
from collections.abc import Iterator
from typing import Any, TypeVar

from flask import Response, after_this_request, g, request
from pydantic import BaseModel, ValidationError

from api import problems
from api.schemas import PATH_PARTS
from db.errors import BadRequest, InvalidInput, NotFound, TooLarge, UnsupportedMedia
from db.fields import is_bad_text

MAX_DEPTH = 32
SMALL = 1024**2
WITH_PICTURES = 30 * 1024**2
"""Pictures may be inline, and base64 makes them a third larger."""

M = TypeVar("M", bound=BaseModel)
Found = tuple[tuple[str | int, ...], str]


def path(parts: dict[str, str]) -> dict[str, str]:
    """The path's parts. A name that nothing can have is a 404, but a 422 where it would be made."""
    for name, value in parts.items():
        try:
            PATH_PARTS[name].validate_python(value)
        except ValidationError as error:
            if request.method != "PUT":
                raise NotFound(f"There is no such {name}.") from None
            raise problems.from_validation(error, f"The {name} is not valid.", f"/{name}") from None
    return parts


def query(model: type[M]) -> M:
    """The query string as a model; an unknown or repeated parameter is an error."""
    repeated = [name for name, values in request.args.lists() if len(values) > 1]
    if repeated:
        raise InvalidInput(
            "A parameter stands twice in the query string.",
            [{"pointer": f"/{name}", "code": "repeated", "detail": "give it once"}
             for name in repeated],
        )  # fmt: skip
    given = request.args.to_dict()
    _storable(given)
    return _model(model, given, "The query string is not valid.")


def body(
    model: type[M], limit: int = SMALL, form: str = "", json_too: bool = True,
    optional: bool = False,
) -> M:  # fmt: skip
    """The body as a model: JSON, or with `form` a multipart form with a file in the part so named.

    `json_too=False` takes the form alone.
    """
    bound(limit)
    if form and request.mimetype == "multipart/form-data":
        return _model(model, _form(form), "The form is not valid.")
    if not json_too:
        raise UnsupportedMedia("Send multipart/form-data.")
    if optional and not request.get_data():
        g.body_sha256 = hashlib.sha256(b"").digest()
        return _model(model, {}, "The body is not valid.")
    if request.mimetype != "application/json":
        taken = "application/json or multipart/form-data" if form else "application/json"
        raise UnsupportedMedia(f"Send {taken}.")
    data = request.get_data()
    g.body_sha256 = hashlib.sha256(data).digest()
    value = strict_json(data)
    if not isinstance(value, dict):
        raise BadRequest("The body must be a JSON object.")
    return _model(model, value, "The body is not valid.")


def bound(limit: int) -> None:
    """Let the body have `limit` bytes. Raises TooLarge for a longer one before any of it is read."""
    if (request.content_length or 0) > limit:
        raise TooLarge(f"The body has {request.content_length} bytes; the limit is {limit}.")
    request.max_content_length = limit


def strict_json(data: bytes | str) -> Any:
    """Parse JSON as RFC 8259 has it. Raises BadRequest; InvalidInput for what cannot be stored."""
    try:
        value = json.loads(
            data if isinstance(data, str) else data.decode(),
            object_pairs_hook=_no_repeats,
            parse_constant=_no_constant,
            parse_float=_finite,
        )
    except RecursionError:
        raise InvalidInput(f"The JSON is nested more than {MAX_DEPTH} deep.") from None
    except ValueError as error:
        raise BadRequest(f"The JSON cannot be read: {_words(error)}.") from None
    _storable(value)
    return value


def _words(error: ValueError) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at character {error.pos}"
    return "it is no UTF-8" if isinstance(error, UnicodeDecodeError) else str(error)[:200]


def _no_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a name stands twice in an object")
    return made


def _no_constant(word: str) -> Any:
    raise ValueError(f"{word} is no number")


def _finite(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise ValueError("a number is too large")
    return number


def _storable(value: Any) -> None:
    """Raise InvalidInput for nesting that is too deep and for text that Postgres cannot hold."""
    found: list[Found] = []
    level: list[tuple[tuple[str | int, ...], Any]] = [((), value)]
    for _ in range(MAX_DEPTH + 1):
        found += [(at, "holds a NUL or half a character") for at, v in level if is_bad_text(v)]
        found += [(at, "a name holds a NUL or half a character")
                  for at, v in level if isinstance(v, dict) and any(map(is_bad_text, v))]  # fmt: skip
        level = [inner for at, v in level for inner in _inside(at, v)]
    if level:
        raise InvalidInput(f"The JSON is nested more than {MAX_DEPTH} deep.")
    if found:
        raise InvalidInput(
            "Some text cannot be stored.",
            [{"pointer": problems.pointer(at), "code": "bad_text", "detail": words}
             for at, words in found[:100]],
        )  # fmt: skip


def _inside(at: tuple[str | int, ...], value: Any) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    if isinstance(value, dict):
        return (((*at, key), inner) for key, inner in value.items())
    if isinstance(value, list):
        return (((*at, n), inner) for n, inner in enumerate(value))
    return iter(())


def _form(part: str) -> dict[str, Any]:
    """A form's fields as JSON would have them, and its one file under its part's name.

    Its hash leaves out the boundary, which varies.
    """
    values: dict[str, Any] = {}
    digest = hashlib.sha256()
    for name, sent in sorted(request.form.lists()):
        digest.update(json.dumps([name, sent]).encode())
        values[name] = _field(name, sent)
    if part in values:
        raise InvalidInput(f"`{part}` must be a file: give the part a file name.")
    _storable(values)
    files = request.files.getlist(part)
    if len(files) != 1 or len(list(request.files.values())) != 1:
        problem = {"pointer": f"/{part}", "code": "missing", "detail": f"send one file `{part}`"}
        raise InvalidInput(f"The form needs exactly one file, in the part `{part}`.", [problem])
    digest.update(hashlib.file_digest(files[0].stream, "sha256").digest())  # type: ignore[arg-type]
    files[0].stream.seek(0)
    values[part] = files[0]
    after_this_request(_close_files)
    g.body_sha256 = digest.digest()
    return values


def _close_files(response: Response) -> Response:
    """A large file lies on the disk until it is closed."""
    for file in request.files.values():
        file.close()
    return response


def _field(name: str, sent: list[str]) -> Any:
    if name == "tags":
        return strict_json(sent[0]) if sent[0].startswith("[") else "|".join(sent).split("|")
    if len(sent) > 1:
        raise InvalidInput(f"The field `{name}` stands twice in the form.")
    return strict_json(sent[0]) if name in ("attributes", "filters") else sent[0]


def _model(model: type[M], value: dict[str, Any], detail: str) -> M:
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise problems.from_validation(error, detail) from None


def idempotency_key() -> str | None:
    """The client's key for this submit. Raises BadRequest for one that is too long."""
    key = request.headers.get("Idempotency-Key")
    if key is not None and not (0 < len(key) <= 255 and key.isprintable()):
        raise BadRequest("An Idempotency-Key has 1 to 255 printable characters.")
    return key


def body_sha256() -> bytes:
    """The hash of this submit: where it went and what it said."""
    sent: bytes = g.body_sha256
    return hashlib.sha256(f"{request.method} {request.path}\0".encode() + sent).digest()
