"""The Python client against a small server on a real socket: what it sends, and what it makes of answers."""

import json
import threading
import tracemalloc
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from sightline import Sightline, SightlineProblem
from werkzeug.formparser import parse_form_data

from api.questions import AnswerRequest, CaptionRequest, EvaluationRequest
from api.schemas import SearchRequest

MEGABYTE = 1024**2


@dataclass
class Request:
    """What came: a form's fields and its file's name and size, or the JSON."""

    method: str
    path: str
    prefer: str | None
    body: Any = None
    file: tuple[str, int] | None = None


@dataclass
class Server:
    """Answers what was planned, in order; a plan is a status and a body."""

    url: str
    plan: list[tuple[int, Any]] = field(default_factory=list)
    seen: list[Request] = field(default_factory=list)


class Handler(BaseHTTPRequestHandler):
    shared: Server

    def handle_any(self) -> None:
        request = Request(self.command, self.path, self.headers["Prefer"])
        length = int(self.headers["Content-Length"] or 0)
        if (self.headers["Content-Type"] or "").startswith("multipart/form-data"):
            environ = {"wsgi.input": self.rfile, "CONTENT_LENGTH": str(length),
                       "REQUEST_METHOD": "POST", "CONTENT_TYPE": self.headers["Content-Type"]}  # fmt: skip
            _, form, files = parse_form_data(environ)
            request.body = form.to_dict()
            sent = files["file"]
            request.file = (sent.filename or "", sent.stream.seek(0, 2))
            sent.close()
        elif length:
            request.body = json.loads(self.rfile.read(length))
        self.shared.seen.append(request)
        status, body = self.shared.plan.pop(0)
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    do_GET = do_POST = handle_any

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[Server]:
    handler = type("Bound", (Handler,), {})
    http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    handler.shared = made = Server(f"http://127.0.0.1:{http.server_address[1]}")
    thread = threading.Thread(target=http.serve_forever, args=(0.02,))
    thread.start()
    yield made
    http.shutdown()
    http.server_close()
    thread.join()
    assert made.plan == [], "the client asked less than planned"


@pytest.fixture
def client(server: Server) -> Iterator[Sightline]:
    with Sightline(server.url) as made:
        yield made


def job(status: str = "succeeded", **more: Any) -> dict[str, Any]:
    return {"id": "job_1", "status": status, "result": None, "error": None, **more}


def test_a_document_is_sent_with_what_is_said_of_it(
    client: Sightline, server: Server, tmp_path: Path
) -> None:
    path = tmp_path / "pump manual.pdf"
    path.write_bytes(b"%PDF-1.7 some bytes")
    server.plan = [(202, job("queued"))]
    made = client.add_document(
        "shop", path, id="pump", title="Pump", tags=["a|b", "c"], attributes={"year": 2027}
    )
    assert made["status"] == "queued"
    (sent,) = server.seen
    assert (sent.method, sent.path) == ("POST", "/v1/catalogs/shop/documents")
    assert sent.file == ("pump manual.pdf", 19)
    tags, attributes = (json.loads(sent.body.pop(name)) for name in ("tags", "attributes"))
    assert (tags, attributes) == (["a|b", "c"], {"year": 2027})
    assert sent.body == {"id": "pump", "title": "Pump"}


def test_a_large_document_is_never_whole_in_memory(
    client: Sightline, server: Server, tmp_path: Path
) -> None:
    path = tmp_path / "large.pdf"
    with path.open("wb") as file:
        file.truncate(40 * MEGABYTE)
    server.plan = [(202, job("queued"))]
    tracemalloc.start()
    try:
        client.add_document("shop", path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert server.seen[0].file == ("large.pdf", 40 * MEGABYTE)
    assert peak < 10 * MEGABYTE


def test_documents_are_read_to_the_last_page_of_the_list(client: Sightline, server: Server) -> None:
    server.plan = [(200, {"data": [{"id": "a"}], "next": "c u&r"}),
                   (200, {"data": [{"id": "b"}], "next": None})]  # fmt: skip
    assert [one["id"] for one in client.documents("shop")] == ["a", "b"]
    assert [one.path for one in server.seen] == [
        "/v1/catalogs/shop/documents?limit=100",
        "/v1/catalogs/shop/documents?limit=100&after=c+u%26r",
    ]


def test_an_answer_is_waited_for(client: Sightline, server: Server) -> None:
    server.plan = [(202, job("running")), (200, job("running")),
                   (200, job(result={"answer": "Blue."}))]  # fmt: skip
    assert client.answer("shop", "Which colour?") == {"answer": "Blue."}
    submit, *looks = server.seen
    assert submit.prefer == "wait=30" and submit.path.endswith("/answers")
    assert [(one.path, one.prefer) for one in looks] == [("/v1/jobs/job_1", "wait=1")] * 2


def test_a_job_that_failed_is_a_problem_with_its_code(client: Sightline, server: Server) -> None:
    error = {"code": "provider_busy", "detail": "The provider is busy."}
    server.plan = [(200, job("failed", error=error))]
    with pytest.raises(SightlineProblem) as raised:
        client.answer("shop", "Which colour?")
    told = raised.value
    assert (told.status, told.code, told.detail) == (0, "provider_busy", "The provider is busy.")


@pytest.mark.parametrize(
    ("ask", "model"),
    [
        (lambda c: c.answer("shop", "Why?"), AnswerRequest),
        (lambda c: c.answer("shop", "Why?", limit=3, filters={"price": {"lt": 5}}, style="rank",
                            provider="none", model="m", detail="high"), AnswerRequest),
        (lambda c: c.caption("shop"), CaptionRequest),
        (lambda c: c.caption("shop", provider="openai", kind=["figure"], limit=5), CaptionRequest),
        (lambda c: c.evaluate("shop", [{"text": "tie", "relevant": ["sku-1"]}]),
         EvaluationRequest),
        (lambda c: c.search("shop", text="tie", mode="hybrid"), SearchRequest),
    ],
    ids=["answer", "ranking", "captions", "some captions", "evaluation", "search"],
)  # fmt: skip
def test_what_is_sent_is_what_the_api_takes(
    client: Sightline, server: Server, ask: Any, model: type[BaseModel]
) -> None:
    server.plan = [(200, job(result={}))]
    ask(client)
    body = server.seen[0].body
    read = model.model_validate(body).model_dump(mode="json", exclude_unset=True)
    assert {name: read[name] for name in body if name != "filters"} == {
        name: value for name, value in body.items() if name != "filters"
    }
    assert None not in body.values()


def test_a_search_is_by_exactly_one_thing(client: Sightline) -> None:
    for query in ({}, {"text": "tie", "item_id": "sku-1"}):
        with pytest.raises(ValueError, match="exactly one"):
            client.search("shop", **query)


def test_an_id_is_quoted_in_a_path(client: Sightline, server: Server) -> None:
    server.plan = [(200, b"picture")]
    assert client.picture("shop", "50% off? #1") == b"picture"
    assert server.seen[0].path == "/v1/catalogs/shop/items/50%25%20off%3F%20%231/image"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"code": "not_found", "detail": "There is no catalog 'shop'."}, "not_found"),
        (b"<html>a proxy speaks</html>", "unknown"),
        (["no object"], "unknown"),
    ],
)
def test_an_error_is_a_problem_whatever_its_body(
    client: Sightline, server: Server, body: Any, code: str
) -> None:
    server.plan = [(404, body)]
    with pytest.raises(SightlineProblem) as raised:
        client.documents("shop")
    assert (raised.value.status, raised.value.code) == (404, code)
