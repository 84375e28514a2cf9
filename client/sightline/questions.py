"""Submits: imports, searches, answers, captions, evaluations and embeddings."""

import base64
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from sightline.jobs import Jobs
from sightline.nouns import given, path_of
from sightline.types import Detail, Filters, Job, Json, Mode, Style

Progress = Callable[[int, int], None]
"""Told the bytes sent so far and the bytes in all."""
CHUNK = 256 * 1024
FIRST_WAIT = 30
"""Seconds for which a submit itself waits for its job."""
METHODS = ("image", "caption", "text", "hybrid")


class Questions(Jobs):
    """The methods that submit a job; those that return a result wait for it."""

    def import_zip(self, catalog: str, path: Path | str, progress: Progress | None = None) -> Job:
        """Upload an archive of a manifest and its pictures, streamed; returns the import's job."""
        return self.import_file(catalog, path, "application/zip", progress)

    def import_file(
        self, catalog: str, path: Path | str, media_type: str, progress: Progress | None = None
    ) -> Job:
        """Upload a manifest or a ZIP, streamed; returns the import's job.

        `media_type` is `application/zip`, `application/x-ndjson` or `text/csv`.
        """
        path = Path(path)
        headers = {"Content-Type": media_type, "Content-Length": str(path.stat().st_size)}
        return self._import(catalog, lambda: {"content": _chunks(path, progress)}, headers)

    def import_bytes(self, catalog: str, data: bytes, media_type: str = "application/zip") -> Job:
        """Upload a manifest or a ZIP that is in memory; returns the import's job."""
        return self._import(catalog, lambda: {"content": data}, {"Content-Type": media_type})

    def _import(
        self, catalog: str, make: Callable[[], dict[str, Any]], headers: Mapping[str, str]
    ) -> Job:
        path = path_of("catalogs", catalog, "imports")
        return cast(Job, self._http.submit(path, make=make, headers=headers))

    def search(
        self,
        catalog: str,
        *,
        text: str | None = None,
        image: bytes | None = None,
        image_url: str | None = None,
        item_id: str | None = None,
        limit: int = 10,
        filters: Filters | None = None,
        mode: Mode = "auto",
        parse_constraints: bool = True,
    ) -> Json:
        """Search by one of words, a picture's bytes or address, or a stored item; the job's result.

        Scores are cosine similarities; `filters` is the contract's object,
        `{"price": {"lte": 50}}` say; `mode` is `auto`, `image`, `text` or `hybrid`. What the
        words themselves demand, "under $50" say, is in the result's `query["parsed_filters"]`.
        """
        picture = base64.b64encode(image).decode() if image is not None else None
        body = given(text=text, image_base64=picture, image_url=image_url, item_id=item_id)
        if len(body) != 1:
            raise ValueError("search by exactly one of text, image, image_url, item_id")
        body |= {"limit": limit, "filters": dict(filters or {}), "mode": mode}
        if not parse_constraints:
            body["parse_constraints"] = False
        return self._result(path_of("catalogs", catalog, "searches"), body)

    def answer(
        self,
        catalog: str,
        question: str,
        *,
        limit: int = 8,
        filters: Filters | None = None,
        provider: str | None = None,
        model: str | None = None,
        detail: Detail = "low",
        style: Style = "answer",
    ) -> Json:
        """Answer a question from the `limit` best matches; returns the job's result.

        Its `mode` is `generated`, or `retrieval_only` with a `reason` where nobody can be asked.
        `style` is `answer` or `rank`. Raises JobFailed when the provider failed for good.
        """
        body = given(provider=provider, model=model)
        body |= {"question": question, "limit": limit, "filters": dict(filters or {})}
        path = path_of("catalogs", catalog, "answers")
        return self._result(path, body | {"detail": detail, "style": style})

    def caption(
        self,
        catalog: str,
        *,
        provider: str | None = None,
        model: str | None = None,
        detail: Detail = "low",
        kind: Sequence[str] = (),
        limit: int = 1000,
    ) -> Job:
        """Let a model caption at most `limit` pictures that have none; returns the job.

        `kind` narrows it to `image`, `page`, `figure` or `slide`.
        """
        body = given(provider=provider, model=model, kind=list(kind) or None)
        body |= {"detail": detail, "limit": limit}
        path = path_of("catalogs", catalog, "captions")
        return cast(Job, self._http.submit(path, json=body))

    def evaluate(
        self,
        catalog: str,
        queries: Sequence[Mapping[str, Any]],
        methods: Sequence[str] = METHODS,
        k: int = 10,
    ) -> Json:
        """Compare methods of search on `[{"text": …, "relevant": [ids…]}, …]`; the job's result.

        It has nDCG@k, recall@k and MRR of each method, and the differences between them.
        """
        body = {"queries": [dict(query) for query in queries], "methods": list(methods), "k": k}
        return self._result(path_of("catalogs", catalog, "evaluations"), body)

    def embeddings(
        self, inputs: Sequence[str | bytes | Mapping[str, str]], model: str | None = None
    ) -> Json:
        """Vectors of texts and pictures (bytes); the job's result: `model`, `dimensions`, `data`.

        An input may also be the contract's own object, `{"image_url": …}` say. One that cannot be
        embedded has no entry in `data`: go by `index`.
        """
        body: Json = {"input": [_input(one) for one in inputs]} | given(model=model)
        return self._result(path_of("embeddings"), body)

    def _result(self, path: str, body: Json) -> Json:
        """Submit, wait for the end, and return what came out."""
        headers = {"Prefer": f"wait={FIRST_WAIT}"}
        job = cast(Job, self._http.submit(path, json=body, headers=headers))
        return self.wait(job)["result"] or {}


def _input(one: str | bytes | Mapping[str, str]) -> Mapping[str, str]:
    if isinstance(one, bytes):
        return {"image_base64": base64.b64encode(one).decode()}
    return {"text": one} if isinstance(one, str) else one


def _chunks(path: Path, progress: Progress | None) -> Iterator[bytes]:
    total, sent = path.stat().st_size, 0
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk
            sent += len(chunk)
            if progress is not None:
                progress(sent, total)
