"""The logs: one JSON line an event, for the API and the workers, without secrets, paths or pictures."""

import logging
import re
import sys
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

import structlog
from pydantic import SecretStr
from structlog.typing import EventDict, WrappedLogger

from db import tracing
from db.settings import Settings

REDACTED = "[redacted]"
LONGEST = 16_000
"""Characters of one value; the middle of a longer one is left out."""
SHORTEST_SECRET = 6
"""A shorter setting is no secret, and would be found inside ordinary words."""
QUIET = ("httpx", "httpcore", "httpx2", "httpcore2", "openai", "anthropic", "urllib3", "PIL")
"""Libraries whose lower levels tell headers, bodies or addresses of strangers."""

PATTERNS = (
    (re.compile(r"\bsl_\w+"), REDACTED),
    (re.compile(r"\bsk-[\w-]{4,}"), REDACTED),
    (re.compile(r"\bwhsec_[\w+/=-]+"), REDACTED),
    (re.compile(r"\b(Bearer|Basic)\s+[^\s\"',\]]+", re.IGNORECASE), rf"\1 {REDACTED}"),
    (re.compile(r"\b([a-z][a-z0-9+.-]*://)[^\s/@\"']*:[^\s@\"']*@", re.IGNORECASE),
     rf"\1{REDACTED}@"),
    (re.compile(r"\bpassword\s*=\s*('[^']*'|\S+)", re.IGNORECASE), f"password={REDACTED}"),
    # Statements' parameters and the values of a violated key are the clients' data.
    (re.compile(r"\[parameters: [\s\S]*?(?=\n\(Background|\Z)"), f"[parameters: {REDACTED}]"),
    (re.compile(r"(Key \([^)\n]*\))=\([^\n]*\)"), rf"\1=({REDACTED})"),
    (re.compile(r"\bb'(?:\\.|[^'\\]){16,}'|\bb\"(?:\\.|[^\"\\]){16,}\""), "[bytes]"),
    (re.compile(r"[A-Za-z0-9+/_-]{200,}={0,2}"), "[long text]"),
)  # fmt: skip
FILE_URL = re.compile(r"\bfile://[^\s\"'),;]+")
PATH = re.compile(r"(?<![\w:/.…-])/(?:[^\s/\"'`,:;()<>]+/)+[^\s/\"'`,:;()<>]*")
TELLING = frozenset({"error", "exception", "detail", "cause", "reason", "event", "stack"})
"""Values that quote an error's words, where absolute paths are cut to their last name."""

_hidden: set[str] = set()
_process: dict[str, str] = {}


class Work(Protocol):
    """What a line is about: a claimed task."""

    @property
    def id(self) -> int:
        """The task's number."""

    @property
    def job_id(self) -> str:
        """The job that it belongs to."""

    @property
    def trace(self) -> str | None:
        """The traceparent of the request that made the job."""


def install(settings: Settings, level: str | int | None = None) -> None:
    """Send every log of this process to standard error as JSON lines; may be called again.

    The secrets of the settings never appear, whatever their form is.
    """
    hide(*_secrets(settings), *tracing.secrets())
    handler = logging.StreamHandler(sys.__stderr__)
    handler.setFormatter(formatter())
    handler.set_name("sightline")
    root = logging.getLogger()
    root.handlers = [one for one in root.handlers if one.get_name() != "sightline"] + [handler]
    root.setLevel(level or logging.INFO)
    _take_over("gunicorn.error", *QUIET)
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_told_with_each(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
    )


def bind(**about: str) -> None:
    """What every line of this process says from now on: its worker and lane."""
    _process.update(about)


def about(task: Work) -> AbstractContextManager[None]:
    """While it lasts, the lines of this thread name a task, its job, and its trace if it has one."""
    named = {"trace_id": tracing.trace_id(task.trace)} if task.trace else {}
    return structlog.contextvars.bound_contextvars(task=task.id, job=task.job_id, **named)


def hide(*secrets: str) -> None:
    """Never show these words in a line of this process."""
    _hidden.update(one for one in secrets if len(one) >= SHORTEST_SECRET)


def redact(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """The processor right before the renderer: every value without what must not be told."""
    return {name: _clean(value, name in TELLING) for name, value in event.items()}


def _clean(value: Any, telling: bool) -> Any:
    if isinstance(value, str):
        return _clean_text(value, telling)
    if isinstance(value, bytes | bytearray | memoryview):
        return f"[{len(value)} bytes]"
    if isinstance(value, Mapping):
        return {str(name): _clean(one, telling) for name, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean(one, telling) for one in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return _clean_text(str(value), telling)


def _clean_text(value: str, telling: bool) -> str:
    for secret in _hidden:
        value = value.replace(secret, REDACTED)
    for pattern, instead in PATTERNS:
        value = pattern.sub(instead, value)
    if telling:
        value = PATH.sub(_shortened, FILE_URL.sub("file://…", value))
    if len(value) > LONGEST:
        value = f"{value[: LONGEST // 2]} […] {value[-LONGEST // 2 :]}"
    return value


def _shortened(path: re.Match[str]) -> str:
    """A path's last name; of a source file also its folder, since many are called alike."""
    kept = 2 if path[0].endswith(".py") else 1
    return "…/" + "/".join(path[0].split("/")[-kept:])


def _told_with_each() -> list[structlog.typing.Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        _name_process,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]


def _name_process(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    return {**_process, **event}


def formatter() -> logging.Formatter:
    """Lines of ours and of libraries in one form; the last to touch one before JSON redacts."""
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=_told_with_each(),
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            redact,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
    )


def _take_over(*names: str) -> None:
    """Let loggers that write by themselves write as all others do."""
    for name in names:
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True


def _secrets(settings: Settings) -> list[str]:
    """Every secret setting, and the passwords inside the addresses."""
    found = [
        value.get_secret_value()
        for name in type(settings).model_fields
        if isinstance(value := getattr(settings, name), SecretStr)
    ]
    for url in (settings.database_url, settings.redis_url, settings.blob_url):
        password = urlsplit(url).password or ""
        found += [password, unquote(password)]
    return found
