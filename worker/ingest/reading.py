"""The child process that reads one document; a hostile one ends this process and no other."""

import ctypes
import json
import math
import os
import resource
import signal
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from db.errors import BrokenDocument, SightlineError, UnsupportedDocument
from db.vocabulary import PDF, PPTX
from worker.ingest import messages, ocr
from worker.ingest.pages import Source

PR_SET_PDEATHSIG = 1


class Watch:
    """Ends this process when a piece of work takes too long, also in the middle of C code.

    The kernel sends SIGXCPU (in whole seconds, rounded up) and SIGALRM; nothing catches them.
    """

    def __init__(self) -> None:
        for number in (signal.SIGXCPU, signal.SIGALRM):
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGXCPU, signal.SIGALRM])

    @contextmanager
    def over(self, cpu_seconds: float, wall_seconds: float) -> Iterator[None]:
        """Watch what the block does; a block inside another suspends the outer one's limits."""
        _, hard = resource.getrlimit(resource.RLIMIT_CPU)
        outer_cpu, outer_wall = resource.getrlimit(resource.RLIMIT_CPU)[0], signal.getitimer(0)[0]
        limit = math.ceil(_cpu_used() + cpu_seconds)
        resource.setrlimit(resource.RLIMIT_CPU, (limit, hard))
        signal.setitimer(signal.ITIMER_REAL, wall_seconds)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, outer_wall)
            resource.setrlimit(resource.RLIMIT_CPU, (outer_cpu, hard))


def main(arguments: list[str]) -> None:
    """Called with a path, a media type and, as JSON, which pages and the limits."""
    path, media_type, wanted = arguments
    out = _own_stdout()
    limits = json.loads(wanted)
    protect(limits["memory_bytes"], limits["parent"])
    tell(out, Path(path), media_type, limits)


def protect(memory_bytes: int, parent: int) -> None:
    """Bound the memory, leave no core, and end with the parent.

    Only soft limits: a program that this process starts may have others.
    """
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        raise SystemExit("The parent is gone.")
    for kind, value in ((resource.RLIMIT_AS, memory_bytes), (resource.RLIMIT_CORE, 0)):
        hard = resource.getrlimit(kind)[1]
        resource.setrlimit(kind, (value if hard < 0 else min(value, hard), hard))


def tell(out: BinaryIO, path: Path, media_type: str, limits: dict[str, Any]) -> None:
    """Open the document and send its pages, or why it cannot be opened."""
    watch = Watch()
    wall = limits["open_wall_seconds"] if media_type == PPTX else limits["page_wall_seconds"]
    cpu = wall if media_type == PPTX else limits["page_cpu_seconds"]
    try:
        with watch.over(cpu, wall):
            held = _open(path, media_type, limits, watch)
            source = held.__enter__()
            messages.send(out, {"kind": messages.OPENED, "title": source.title,
                                "count": source.count, "notes": source.notes})  # fmt: skip
    except SightlineError as error:
        return _refuse(out, error)
    except Exception:
        return _refuse(out, BrokenDocument("The document cannot be opened."))
    step = messages.step(media_type, source.count, limits["begin"], limits["readers"])
    for number in range(limits["first"], source.count + 1, step):
        with watch.over(limits["page_cpu_seconds"], limits["page_wall_seconds"]):
            header, parts = _read(source, number)
        messages.send(out, header, *parts)
    out.close()
    held.__exit__(None, None, None)


def _open(
    path: Path, media_type: str, limits: dict[str, Any], watch: Watch
) -> AbstractContextManager[Source]:
    if media_type == PPTX:
        from worker.ingest.slides import Deck

        return Deck.open(path, limits["max_pages"])
    if media_type != PDF:
        raise UnsupportedDocument("The document is neither a PDF nor a deck (.pptx).")
    from worker.ingest.pdf import PdfFile

    def patiently(image: bytes) -> str | None:
        with watch.over(ocr.SECONDS, ocr.SECONDS + 2):
            return ocr.text_of(image)

    return PdfFile.open(path, limits["max_pages"], patiently)


def _read(source: Source, number: int) -> tuple[dict[str, Any], list[bytes]]:
    """Return the page's message, or that it cannot be read."""
    try:
        return messages.page_message(source.page(number))
    except SightlineError as error:
        detail = error.detail
    except Exception:
        detail = f"Page {number} cannot be read."
    return {"kind": messages.FAILED, "number": number, "detail": detail}, []


def _refuse(out: BinaryIO, error: SightlineError) -> None:
    messages.send(out, {"kind": messages.REFUSED, **error.as_json()})


def _own_stdout() -> BinaryIO:
    """Keep the pipe for messages alone: what a library prints goes nowhere."""
    pipe = os.dup(1)
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), 1)
    return os.fdopen(pipe, "wb", buffering=1024**2)


def _cpu_used() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main(sys.argv[1:])
