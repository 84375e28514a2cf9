"""Rows as the contract shows them."""

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any
from urllib.parse import quote

from db import catalogs, documents, items, jobs
from db.items import rfc3339
from db.search import item_urls
from db.second_model import Coverage
from db.vocabulary import JobKind, JobStatus

Json = dict[str, Any]
JOB_COUNTS = ("total", "succeeded", "unchanged", "failed", "canceled", "pending")


def job_path(job_id: str) -> str:
    """Where a job is polled."""
    return f"/v1/jobs/{job_id}"


def catalog_path(name: str) -> str:
    """Where a catalog is served."""
    return f"/v1/catalogs/{quote(name, safe='')}"


def second_model(row: catalogs.Catalog, coverage: Coverage | None) -> Json | None:
    """A catalog's second model and what it covers; None without one."""
    if coverage is None:
        return None
    return {
        "image_model": row.second_model,
        "switch": "auto" if row.switch_when_covered else "manual",
        "pictures": coverage.pictures,
        "covered": coverage.covered,
        "complete": coverage.complete,
    }


def job(row: jobs.Job, result: Json | None = None) -> Json:
    """A job; `result` where the row holds none."""
    path = job_path(row.id)
    return {
        "id": row.id,
        "kind": row.kind,
        "catalog": row.catalog,
        "status": row.status,
        "created_at": rfc3339(row.created_at),
        "started_at": _time(row.started_at),
        "ended_at": _time(row.ended_at),
        "expires_at": rfc3339(row.expires_at),
        "cancel_requested_at": _time(row.cancel_requested_at),
        "expanded": row.expanded,
        "counts": {name: getattr(row, name) for name in JOB_COUNTS},
        "progress": row.progress,
        "usage": row.usage,
        "result": result if row.result is None else row.result,
        "error": row.error,
        "urls": {"self": path, "cancel": f"{path}/cancel", "retry": f"{path}/retry",
                 "tasks": f"{path}/tasks"},
    }  # fmt: skip


def _time(moment: datetime | None) -> str | None:
    return rfc3339(moment) if moment else None


def has_results_in_tasks(row: jobs.Job) -> bool:
    """Whether the job's result is in its tasks."""
    kinds = (JobKind.EMBEDDING, JobKind.EVALUATION)
    return row.kind in kinds and row.status == JobStatus.SUCCEEDED and not row.result


def embeddings(row: jobs.Job, results: Iterable[tuple[int, Json]]) -> Json:
    """An embedding job's result; a failed input has no entry."""
    data = [
        {"index": index, "embedding": result["embedding"]}
        for index, result in results
        if "embedding" in result
    ]
    return {
        "model": row.request.get("model"),
        "dimensions": len(data[0]["embedding"]) if data else 0,
        "data": data,
    }


def document(catalog: catalogs.Catalog, row: documents.Document) -> Json:
    """A document with where it and its items are served."""
    path = f"{catalog_path(catalog.name)}/documents/{quote(row.id, safe='')}"
    items = f"{catalog_path(catalog.name)}/items?filters=" + quote(
        json.dumps({"document_id": row.id})
    )
    return row.as_json() | {"urls": {"self": path, "items": items}}


def task(row: jobs.TaskView) -> Json:
    """A task in its job's list."""
    return {"index": row.index, "item_id": row.item_id, "status": row.status,
            "attempts": row.attempts, "error": row.error, "note": row.note}  # fmt: skip


def item(catalog: catalogs.Catalog, row: items.Item) -> Json:
    """An item with where it is served."""
    return row.as_json() | {"urls": item_urls(catalog.name, row)}


def catalog(row: catalogs.Catalog, counts: Json | None = None) -> Json:
    """A catalog, with its counts where they were asked for."""
    shown: Json = {
        "name": row.name,
        "description": row.description,
        "image_model": row.image_model,
        "text_model": row.text_model,
        "created_at": rfc3339(row.created_at),
    }
    return shown | {"counts": counts} if counts is not None else shown
