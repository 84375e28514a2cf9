"""What a log line never holds, and what it always does."""

import io
import json
import logging
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import structlog
from pydantic import SecretStr

from db import logs
from db.settings import Settings


class Lines:
    """The lines that were logged, whole and read."""

    def __init__(self) -> None:
        self.stream = io.StringIO()

    @property
    def text(self) -> str:
        return self.stream.getvalue()

    def last(self) -> dict[str, Any]:
        line: dict[str, Any] = json.loads(self.text.splitlines()[-1])
        return line


@pytest.fixture
def lines() -> Iterator[Lines]:
    made = Lines()
    logs.install(Settings(openai_api_key=SecretStr("an-odd-secret"),
                          database_url="postgresql://me:pass%20word@db/x"))  # fmt: skip
    handler = logging.StreamHandler(made.stream)
    handler.setFormatter(logs.formatter())
    logging.getLogger().addHandler(handler)
    yield made
    logging.getLogger().removeHandler(handler)


def log() -> Any:
    return structlog.get_logger("test")


@pytest.mark.parametrize(
    ("words", "secret"),
    [
        ("sl_0123456789abcdef_" + "a1" * 32 + "_01234567", "a1a1a1"),
        ("sk-ant-api03-Abc_def-123", "Abc_def"),
        ("whsec_AbC+/123==", "AbC+"),
        ("Bearer eyJhbGciOi.J9", "eyJhb"),
        ("Basic dXNlcjpwYXNz", "dXNlc"),
        ("postgresql://user:hunter22@db/sightline", "hunter22"),
        ("redis://:p4ssw0rd@127.0.0.1:6379/0", "p4ssw0rd"),
        ("host=db password=hunter22 user=me", "hunter22"),
        ("an-odd-secret", "odd-sec"),
        ("pass word", "pass word"),
    ],
)
def test_secrets_are_left_out_wherever_they_stand(lines: Lines, words: str, secret: str) -> None:
    log().info("said", text=f"before {words} after", deep={"list": [words, (words,)]})
    logging.getLogger("a.library").warning("it said %s", words)
    try:
        raise ValueError(f"refused {words}")
    except ValueError as error:
        log().exception("broke", error=repr(error))
        logging.getLogger("a.library").exception("broke")
    assert lines.text.count("redacted") >= 6
    assert secret not in lines.text
    assert "before" in lines.text and "after" in lines.text


def test_errors_tell_no_paths_but_the_names_of_files(lines: Lines) -> None:
    try:
        Path("/var/lib/sightline/blobs/1/ab/picture").read_bytes()
    except OSError as error:
        log().exception("broke", error=str(error))
    line = lines.last()
    assert "/var/lib" not in lines.text and "…/picture" in line["error"]
    assert "…/unit/test_logs.py" in line["exception"] and "line " in line["exception"]


def test_addresses_and_routes_stay_whole(lines: Lines) -> None:
    log().info("request", route="/v1/catalogs/<catalog>/items")
    assert lines.last()["route"] == "/v1/catalogs/<catalog>/items"
    log().warning("away", error="GET https://example.com/a/b/c failed")
    assert "https://example.com/a/b/c" in lines.last()["error"]


def test_pictures_are_told_by_their_size(lines: Lines) -> None:
    picture = b"\x89PNG\r\n\x1a\n" + bytes(range(32, 120)) * 4
    log().info("seen", data=picture, shown=f"{picture!r}", inline="iVBORw0KGgo" * 40)
    line = lines.last()
    assert (line["data"], line["shown"], line["inline"]) == (
        f"[{len(picture)} bytes]", "[bytes]", "[long text]",
    )  # fmt: skip


def test_a_statements_values_are_left_out(lines: Lines) -> None:
    log().error("broke", error="insert failed\nDETAIL:  Key (tenant_id, key)=(1, my-key) exists.\n"
                "[SQL: INSERT]\n[parameters: {'a': 'my-value'}]\n(Background on this)")  # fmt: skip
    assert "my-key" not in lines.text and "my-value" not in lines.text
    assert "Background" in lines.text and "Key (tenant_id, key)" in lines.text


def test_every_line_names_process_logger_level_and_time(lines: Lines) -> None:
    logs.bind(worker="embed@here", lane="embed")
    try:
        log().info("hello")
        logging.getLogger("a.library").warning("hello")
    finally:
        logs._process.clear()
    ours, theirs = (json.loads(line) for line in lines.text.splitlines())
    for line in (ours, theirs):
        assert (line["worker"], line["lane"], line["event"]) == ("embed@here", "embed", "hello")
        assert line["timestamp"].endswith("Z") and line["level"] and line["logger"]


def test_headers_for_the_collector_of_spans_are_hidden(
    lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-team=shop, api-key=an odd%20one")
    logs.install(Settings())
    logging.getLogger("opentelemetry.util.re").warning("Header invalid: api-key=an odd%20one")
    assert "odd%20one" not in lines.text and logs.REDACTED in lines.text


def test_a_task_is_named_in_its_own_thread_alone(lines: Lines) -> None:
    with logs.about(SimpleNamespace(id=7, job_id="job_1", trace=None)):
        log().info("inside")
        assert (lines.last()["task"], lines.last()["job"]) == (7, "job_1")
        other = threading.Thread(target=lambda: log().info("elsewhere"))
        other.start()
        other.join()
        assert "task" not in lines.last()
    log().info("behind")
    assert "task" not in lines.last()


def test_installing_twice_tells_each_line_once() -> None:
    for _ in range(2):
        logs.install(Settings())
    ours = [one for one in logging.getLogger().handlers if one.get_name() == "sightline"]
    assert len(ours) == 1


def test_a_value_without_end_is_cut_in_the_middle(lines: Lines) -> None:
    log().info("long", words="ab " * 20_000)
    assert len(lines.text) < 17_000
