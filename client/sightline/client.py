"""One class that speaks the HTTP contract: submit, poll, search, ask; a problem is one exception."""

import base64
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import httpx

Job = dict[str, Any]
Progress = Callable[[int, int], None]
"""Told the bytes sent so far and the bytes in all."""

ENDED = frozenset({"succeeded", "failed", "canceled", "expired"})
CHUNK = 256 * 1024


class SightlineProblem(Exception):
    """Raised for every answer that is an error, and for a job that failed.

    `code` is stable and meant for programs, `detail` for people; `status` is 0 for a job.
    """

    def __init__(
        self, status: int, code: str, detail: str, errors: list[dict[str, Any]] | None = None
    ) -> None:
        super().__init__(f"{code}: {detail}")
        self.status = status
        self.code = code
        self.detail = detail
        self.errors = errors or []


class Sightline:
    """A server at a URL, with a key where it wants one. Use it in a `with`, or `close()` it."""

    def __init__(
        self,
        url: str,
        key: str | None = None,
        *,
        timeout: float = 90.0,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """`timeout` is seconds of silence; it must exceed the longest wait for a job (60)."""
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._http = httpx.Client(
            base_url=url, headers=headers, timeout=timeout, transport=transport
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def put_catalog(self, catalog: str, **settings: str) -> dict[str, Any]:
        """Create or update a catalog: `description`, `image_model`, `text_model`."""
        return self._call("PUT", f"/v1/catalogs/{catalog}", json=settings)

    def catalog(self, catalog: str) -> dict[str, Any]:
        """A catalog with its counts."""
        return self._call("GET", f"/v1/catalogs/{catalog}")

    def import_zip(self, catalog: str, path: Path | str, progress: Progress | None = None) -> Job:
        """Upload an archive of a manifest and its pictures, streamed; returns the import's job."""
        path = Path(path)
        return self._call(
            "POST",
            f"/v1/catalogs/{catalog}/imports",
            content=_chunks(path, progress),
            headers={
                "Content-Type": "application/zip",
                "Content-Length": str(path.stat().st_size),
            },
        )

    def job(self, job: Job | str, wait: int = 0) -> Job:
        """A job as it stands, or as it ended if it ends within `wait` seconds (0-60)."""
        identity = job if isinstance(job, str) else job["id"]
        headers = {"Prefer": f"wait={wait}"} if wait else {}
        return self._call("GET", f"/v1/jobs/{identity}", headers=headers)

    def wait(self, job: Job, on_progress: Callable[[Job], None] = lambda _: None) -> Job:
        """Poll a job until it ends, telling `on_progress` each time.

        Raises SightlineProblem when it did not succeed. A bulk job succeeds also when some of
        its items failed: see its `counts`.
        """
        while job["status"] not in ENDED:
            on_progress(job)
            job = self.job(job, wait=1)
        on_progress(job)
        if job["status"] != "succeeded":
            error = job.get("error") or {}
            code = error.get("code") or f"job_{job['status']}"
            raise SightlineProblem(0, code, error.get("detail") or f"The job {job['status']}.")
        return job

    def add_document(
        self,
        catalog: str,
        path: Path | str,
        *,
        id: str | None = None,
        title: str | None = None,
        category: str | None = None,
        tags: Sequence[str] = (),
        attributes: Mapping[str, Any] | None = None,
    ) -> Job:
        """Upload a PDF or a deck, streamed; returns the job that reads it page by page.

        The job's `progress` is `{"pages": 6, "read": 2}`, None until it was opened.
        """
        path = Path(path)
        fields = _given(
            id=id,
            title=title,
            category=category,
            tags=json.dumps(list(tags)) if tags else None,
            attributes=json.dumps(dict(attributes)) if attributes else None,
        )
        with path.open("rb") as file:
            return self._call(
                "POST",
                f"/v1/catalogs/{catalog}/documents",
                data=fields,
                files={"file": (path.name, file)},
            )

    def documents(self, catalog: str) -> list[dict[str, Any]]:
        """All documents of a catalog, by id."""
        found: list[dict[str, Any]] = []
        after: dict[str, str] = {}
        while True:
            path = f"/v1/catalogs/{catalog}/documents"
            page = self._call("GET", path, params={"limit": "100", **after})
            found += page["data"]
            if page["next"] is None:
                return found
            after = {"after": page["next"]}

    def search(
        self,
        catalog: str,
        *,
        text: str | None = None,
        image: bytes | None = None,
        item_id: str | None = None,
        limit: int = 10,
        filters: Mapping[str, Any] | None = None,
        mode: str = "auto",
    ) -> dict[str, Any]:
        """Search by one of words, a picture's bytes, or a stored item; returns the job's result.

        Scores are cosine similarities; `filters` is the contract's object,
        `{"price": {"lte": 50}}` say; `mode` is `auto`, `image`, `text` or `hybrid`. What the
        words themselves demand, "under $50" say, is in the result's `query["parsed_filters"]`.
        """
        picture = base64.b64encode(image).decode() if image is not None else None
        body = _given(text=text, image_base64=picture, item_id=item_id)
        if len(body) != 1:
            raise ValueError("search by exactly one of text, image, item_id")
        body |= {"limit": limit, "filters": dict(filters or {}), "mode": mode}
        return self._result(catalog, "searches", body)

    def answer(
        self,
        catalog: str,
        question: str,
        *,
        limit: int = 8,
        filters: Mapping[str, Any] | None = None,
        provider: str | None = None,
        model: str | None = None,
        detail: str = "low",
        style: str = "answer",
    ) -> dict[str, Any]:
        """Answer a question from the `limit` best matches; returns the job's result.

        Its `mode` is `generated`, or `retrieval_only` with a `reason` where nobody can be asked.
        `style` is `answer` or `rank`. Raises SightlineProblem when the provider failed for good.
        """
        body = _given(provider=provider, model=model)
        body |= {"question": question, "limit": limit, "filters": dict(filters or {})}
        return self._result(catalog, "answers", body | {"detail": detail, "style": style})

    def caption(
        self,
        catalog: str,
        *,
        provider: str | None = None,
        model: str | None = None,
        detail: str = "low",
        kind: Sequence[str] = (),
        limit: int = 1000,
    ) -> Job:
        """Let a model caption at most `limit` pictures that have none; returns the job.

        `kind` narrows it to `image`, `page`, `figure` or `slide`.
        """
        body = _given(provider=provider, model=model, kind=list(kind) or None)
        body |= {"detail": detail, "limit": limit}
        return self._call("POST", f"/v1/catalogs/{catalog}/captions", json=body)

    def evaluate(
        self,
        catalog: str,
        queries: Sequence[Mapping[str, Any]],
        methods: Sequence[str] = ("image", "caption", "text", "hybrid"),
        k: int = 10,
    ) -> dict[str, Any]:
        """Compare methods of search on `[{"text": …, "relevant": [ids…]}, …]`; the job's result.

        It has nDCG@k, recall@k and MRR of each method, and the differences between them.
        """
        body = {"queries": [dict(query) for query in queries], "methods": list(methods), "k": k}
        return self._result(catalog, "evaluations", body)

    def items(self, catalog: str, limit: int = 20) -> list[dict[str, Any]]:
        """The first items of a catalog (at most 100)."""
        page = self._call("GET", f"/v1/catalogs/{catalog}/items", params={"limit": limit})
        data: list[dict[str, Any]] = page["data"]
        return data

    def picture(self, catalog: str, item_id: str) -> bytes:
        """The bytes of an item's picture."""
        answer = self._http.get(f"/v1/catalogs/{catalog}/items/{quote(item_id, safe='')}/image")
        _raise_problem(answer)
        return answer.content

    def _result(self, catalog: str, route: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Submit, wait for the end, and return what came out."""
        path = f"/v1/catalogs/{catalog}/{route}"
        job = self._call("POST", path, json=body, headers={"Prefer": "wait=30"})
        result: dict[str, Any] = self.wait(job)["result"]
        return result

    def _call(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        answer = self._http.request(method, path, **options)
        _raise_problem(answer)
        body: dict[str, Any] = answer.json()
        return body


def _given(**values: Any) -> dict[str, Any]:
    """The values that are not None."""
    return {name: value for name, value in values.items() if value is not None}


def _chunks(path: Path, progress: Progress | None) -> Iterator[bytes]:
    total, sent = path.stat().st_size, 0
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk
            sent += len(chunk)
            if progress is not None:
                progress(sent, total)


def _raise_problem(answer: httpx.Response) -> None:
    if answer.is_success:
        return
    try:
        body = answer.json()
    except ValueError:
        body = {}
    if not isinstance(body, dict):
        body = {}
    raise SightlineProblem(
        answer.status_code,
        body.get("code", "unknown"),
        body.get("detail") or body.get("title") or answer.reason_phrase,
        body.get("errors"),
    )
