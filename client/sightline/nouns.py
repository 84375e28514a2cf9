"""What the client's parts share: the connection that they speak through, and paths."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from sightline.http import Http


class Noun:
    """A part of the client: the methods about one noun of the HTTP interface."""

    _http: Http


def path_of(*parts: str) -> str:
    """A path under /v1, each part quoted: an id may hold anything but a slash."""
    return "/v1/" + "/".join(quote(part, safe="") for part in parts)


def given(**values: Any) -> dict[str, Any]:
    """The values that are not None."""
    return {name: value for name, value in values.items() if value is not None}


def job_id(job: str | Mapping[str, Any]) -> str:
    """A job's id, of the job or of itself."""
    return job if isinstance(job, str) else str(job["id"])
