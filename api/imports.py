"""Imports: a body of any length streamed to the blob store, then one committed job."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from tempfile import SpooledTemporaryFile
from typing import Any

from flask import request
from flask.typing import ResponseReturnValue
from sqlalchemy import Connection

from api import catalogs as catalog_routes
from api import limits, multipart, reading, submits
from api.auth import current_tenant
from api.openapi import BINARY, KEY, PREFER, SUBMITTED, Routes
from api.services import services
from db import catalogs, images, jobs
from db.blobs import BlobStore, upload_path
from db.errors import BadRequest, InvalidInput, Unavailable, UnsupportedMedia
from db.queue import NewTask
from db.vocabulary import JobKind, Lane

routes = Routes("imports")
PIECE = 64 * 1024
IN_MEMORY = 1024**2
FORMATS = {"application/x-ndjson": "jsonl", "text/csv": "csv", "application/zip": "zip"}
FORM = "multipart/form-data"
TEXT = {"type": "string"}
STREAMS: dict[str, dict[str, Any]] = {
    "application/x-ndjson": TEXT,
    "text/csv": TEXT,
    "application/zip": BINARY,
    FORM: {
        "type": "object",
        "required": ["manifest"],
        "properties": {"manifest": BINARY, "image": {"type": "array", "items": BINARY}},
    },
}


@dataclass(frozen=True)
class Upload:
    """What was stored, and the hash of what was sent."""

    format: str
    files: bool
    sent: bytes


@routes.route("POST", "/v1/catalogs/<catalog>/imports", answers=SUBMITTED, streams=STREAMS,
              headers=(PREFER, KEY))  # fmt: skip
def create_import(catalog: str) -> ResponseReturnValue:
    """Put many items: JSON lines, CSV, a ZIP with a manifest, or a form with its pictures."""
    tenant, job_id = current_tenant(), jobs.new_id()
    if request.mimetype not in STREAMS:
        raise UnsupportedMedia(f"Send one of {', '.join(STREAMS)}.")
    catalog_routes.find(catalog)
    reading.bound(services().settings.max_upload_bytes)
    if reading.idempotency_key() is None:  # else the job may be made already
        with services().database.begin() as connection:
            limits.check_tasks(connection, tenant)
    kept = False
    try:
        upload = _receive(services().blobs, tenant, job_id)

        def make(connection: Connection) -> submits.Submitted:
            nonlocal kept
            row = catalogs.get(connection, tenant, catalog)
            asked = {"format": upload.format, "files": upload.files, "upload": job_id}
            hours = services().settings.job_deadline_hours
            job = jobs.create(connection, tenant, JobKind.IMPORT, catalog_id=row.id, request=asked,
                              tasks=[NewTask(Lane.INGEST, expands=True)], expanded=False,
                              job_id=job_id, deadline_hours=hours)  # fmt: skip
            kept = True  # also when the commit fails unclearly: the job may be there
            return submits.Submitted(job, frozenset([Lane.INGEST]))

        return submits.submit(make, upload.sent)
    finally:
        if not kept:  # cut off, refused, or made before under the same key
            services().blobs.delete_upload(tenant, job_id)


def _receive(blobs: BlobStore, tenant: int, job_id: str) -> Upload:
    """Store the body. Raises BadRequest when it is cut off, Unavailable without a blob store."""
    digest = hashlib.sha256(f"{request.method} {request.path}\0{request.mimetype}\0".encode())
    try:
        if request.mimetype == FORM:
            return _receive_form(blobs, tenant, job_id, digest)
        size = blobs.put_stream(upload_path(tenant, job_id, "body"), _hashed(digest))
    except OSError as error:
        raise Unavailable("The upload could not be stored; try again shortly.") from error
    if not size:
        raise InvalidInput("The body is empty.")
    return Upload(FORMATS[request.mimetype], False, digest.digest())


def _hashed(digest: Any) -> Iterator[bytes]:
    for piece in _pieces():
        digest.update(piece)
        yield piece


def _pieces() -> Iterator[bytes]:
    """The body as it arrives; a client that goes away ends in BadRequest."""
    size, announced = 0, request.content_length
    while True:
        try:
            piece = request.stream.read(PIECE)
        except OSError as error:
            raise BadRequest("The body was cut off.") from error
        if not piece:
            break
        size += len(piece)
        yield piece
    if announced is not None and size != announced:  # not every server tells this by an error
        raise BadRequest("The body was cut off.")


def _receive_form(blobs: BlobStore, tenant: int, job_id: str, digest: Any) -> Upload:
    manifest = ""
    boundary = request.mimetype_params.get("boundary")
    if not boundary:
        raise BadRequest("The multipart body has no boundary.")
    with SpooledTemporaryFile(IN_MEMORY) as names:
        for part in multipart.parts(_pieces(), boundary, digest.update):
            if part.name == "manifest" and not manifest:
                manifest = _format(part)
                blobs.put_stream(upload_path(tenant, job_id, "body"), part.pieces)
            elif part.name == "image" and part.file_name:
                names.write(_name(part, blobs.put(tenant, _picture(part))))
            else:
                raise _unexpected(part.name)
        if not manifest:
            raise _unexpected("")
        names.seek(0)
        lines = iter(lambda: names.read(PIECE), b"")
        has_files = blobs.put_stream(upload_path(tenant, job_id, "files.jsonl"), lines) > 0
    return Upload(manifest, has_files, digest.digest())


def _format(part: multipart.Part) -> str:
    """The manifest's format, by its media type or its file name."""
    by_type = FORMATS.get(part.media_type)
    by_name = {"csv": "csv", "jsonl": "jsonl", "ndjson": "jsonl"}.get(
        part.file_name.lower().rpartition(".")[2]
    )
    found = by_type if by_type in ("jsonl", "csv") else by_name
    if found is None:
        problem = {"pointer": "/manifest", "code": "unknown_format",
                   "detail": "name it .jsonl or .csv, or give its media type"}  # fmt: skip
        raise InvalidInput("The manifest is neither JSON lines nor CSV.", [problem])
    return found


def _picture(part: multipart.Part) -> bytes:
    """A picture's bytes; of one over the limit only as much as proves that it is.

    The worker then fails that item alone.
    """
    limit = images.DEFAULT_LIMITS.max_bytes + 1
    data = bytearray()
    for piece in part.pieces:
        data += piece[: limit - len(data)]
    return bytes(data)


def _name(part: multipart.Part, sha256: bytes) -> bytes:
    line = {"name": part.file_name, "sha256": sha256.hex()}
    return json.dumps(line).encode() + b"\n"


def _unexpected(name: str) -> InvalidInput:
    problem = {"pointer": "/manifest", "code": "missing", "detail": "send one part `manifest`"}
    if name == "manifest":
        problem = {"pointer": "/manifest", "code": "repeated", "detail": "send it once"}
    elif name:
        problem = {"pointer": "", "code": "extra_forbidden",
                   "detail": "only `manifest` and files `image` are taken"}  # fmt: skip
    return InvalidInput("The form is not valid.", [problem])
