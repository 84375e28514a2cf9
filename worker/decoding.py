"""Decodes pictures where a hostile one costs itself alone: the suspicious in processes that may die.

`python -m worker.decoding` is such a process. It never imports torch.
"""

import ctypes
import json
import math
import os
import resource
import signal
import struct
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from queue import Empty, LifoQueue
from typing import IO, Any, Protocol, cast

from PIL import Image

from db.errors import BrokenImage, ImageTooLarge, SightlineError, UnsupportedImage
from db.images import Decoded, Limits, decode_scaled, sniff

HERE = Limits(max_pixels=20_000_000)
"""What is decoded in the worker's own process, two pictures at a time: larger ones are taken apart."""
MAX_SCANS = 20
"""Of a JPEG: encoders write 10 or so. Thousands fit into 300 kB, and took minutes to decode."""
APART = frozenset({"image/tiff", "image/avif"})
"""Kinds whose libraries have the most room for lies: always decoded apart."""

CPU_SECONDS = 6.0
"""A WebP of 50 megapixels, the slowest of the honest ones, takes 4."""
WALL_SECONDS = 30.0
"""For a process that hangs without computing; a busy machine makes honest pictures wait."""
MEMORY = 1200 * 1024**2
"""Of addresses; the process takes some 60 MB of them before the first picture."""
TRIES = 2
"""The first death may have been another's fault, such as the kernel's when memory is short."""

ASKED = struct.Struct("<QI")
"""Bytes of the picture, and the short side that is needed at least."""
LONGEST_REPLY = 4096
REFUSALS: dict[str, type[SightlineError]] = {
    kind.code: kind for kind in (BrokenImage, ImageTooLarge, UnsupportedImage)
}
COMMAND = (sys.executable, "-m", "worker.decoding")
KEPT = ("PATH", "PYTHONPATH")
"""Variables that the process gets; the worker's own hold passwords."""
PR_SET_PDEATHSIG = 1


class Preprocessing(Protocol):
    """What turns bytes, or a decoded picture, into a model's pixels: uint8 (crop, crop, 3)."""

    @property
    def size(self) -> int:
        """The short side that the model wants."""

    def array(self, data: bytes, limits: Limits = ...) -> Any:
        """Decode and crop. Raises as `db.images.decode` does."""

    def crop_of(self, picture: Decoded) -> Any:
        """Resize and crop."""


def is_suspicious(media_type: str, data: bytes) -> bool:
    """Whether a picture may take time or memory out of proportion, by a look at its bytes."""
    if media_type == "image/jpeg":
        return data.count(b"\xff\xda") > MAX_SCANS
    return media_type in APART


class Decoders:
    """Decodes for any number of threads; each has at most one process, kept for the next picture."""

    def __init__(self, seconds: float = WALL_SECONDS, command: Sequence[str] = COMMAND) -> None:
        """No process is started yet. `seconds` is the longest that one picture may take."""
        self._seconds, self._command = seconds, command
        self._idle: LifoQueue[Helper] = LifoQueue()

    def array(self, preprocessing: Preprocessing, data: bytes, apart: bool = False) -> Any:
        """Return a picture's pixels for a model; with `apart` never decoded in this process.

        Raises ImageTooLarge, UnsupportedImage or BrokenImage, also when a process died of it.
        """
        media_type = sniff(data[:32])
        if media_type is None:
            return preprocessing.array(data)  # refused by its first bytes: nothing is decoded
        if not apart and not is_suspicious(media_type, data):
            try:
                return preprocessing.array(data, HERE)
            except ImageTooLarge:
                pass  # for this process; the other one has the full limits
        return self._apart(preprocessing, data)

    def close(self) -> None:
        """End the processes that wait."""
        with suppress(Empty):
            while True:
                self._idle.get_nowait().end()

    def _apart(self, preprocessing: Preprocessing, data: bytes) -> Any:
        for _ in range(TRIES):
            helper = self._taken()
            slow = threading.Timer(self._seconds, helper.time_out)
            slow.start()
            try:
                pixels = helper.array(preprocessing, data)
            except SightlineError:
                self._give_back(helper, slow)
                raise
            except (OSError, ValueError):
                if helper.end() == -signal.SIGXCPU or helper.is_too_slow:
                    break  # a second try would take as long
            else:
                self._give_back(helper, slow)
                return pixels
            finally:
                slow.cancel()
        raise BrokenImage(
            "The picture cannot be decoded: the decoder died of it, or took too long."
        )

    def _taken(self) -> "Helper":
        with suppress(Empty):
            return self._idle.get_nowait()
        return Helper(self._command)

    def _give_back(self, helper: "Helper", slow: threading.Timer) -> None:
        slow.cancel()
        slow.join()  # it may be killing the process just now; the next picture would die of that
        if helper.is_alive:
            self._idle.put(helper)
        else:
            helper.end()


class Helper:
    """One process that decodes one picture after the other, until one kills it."""

    def __init__(self, command: Sequence[str]) -> None:
        self._process = subprocess.Popen(
            [*command, str(os.getpid())], cwd=Path(__file__).parents[1], bufsize=-1,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            # One arena: each thread of a library otherwise reserves addresses that count.
            env={"LANG": "C.UTF-8", "MALLOC_ARENA_MAX": "1"}
            | {name: os.environ[name] for name in KEPT if name in os.environ},
            start_new_session=True,
        )  # fmt: skip
        self.is_too_slow = False
        self._to = cast(IO[bytes], self._process.stdin)
        self._from = cast(IO[bytes], self._process.stdout)

    @property
    def is_alive(self) -> bool:
        """Whether it can take another picture."""
        return self._process.poll() is None

    def array(self, preprocessing: Preprocessing, data: bytes) -> Any:
        """Return the model's pixels. Raises SightlineError; OSError or ValueError when it died."""
        self._to.write(ASKED.pack(len(data), preprocessing.size))
        self._to.write(data)
        self._to.flush()
        said = self._heard()
        if "code" in said:
            refusal = REFUSALS.get(str(said["code"]), BrokenImage)
            raise refusal(str(said.get("detail"))[:500])
        width, height, scale = (int(said[name]) for name in ("width", "height", "scale"))
        away = cast(Image.Image, Away(self))
        return preprocessing.crop_of(Decoded(away, width, height, scale))

    def resized(self, size: tuple[int, int], resample: int, box: Sequence[float]) -> Image.Image:
        """The part of the decoded picture that `box` names, at another size, in RGB."""
        asked = {"size": size, "resample": resample, "box": box}
        self._to.write(json.dumps(asked).encode() + b"\n")
        self._to.flush()
        said = self._heard()
        if "code" in said:
            raise ImageTooLarge("Resizing the picture takes too much memory.")
        count = size[0] * size[1] * 3
        body = self._from.read(count)
        if len(body) != count:
            raise BrokenPipeError("the decoder died")
        return Image.frombytes("RGB", size, body)

    def time_out(self) -> None:
        """End whatever it does now, from any thread."""
        self.is_too_slow = True
        self._process.kill()

    def end(self) -> int:
        """Kill it, if it lives still, and return its exit status."""
        self._process.kill()
        status = self._process.wait()
        for pipe in (self._to, self._from):
            with suppress(OSError):
                pipe.close()
        return status

    def _heard(self) -> dict[str, Any]:
        """Its next line. It may have been taken over by a picture: what it says is only data."""
        line = self._from.readline(LONGEST_REPLY)
        if not line.endswith(b"\n"):
            raise BrokenPipeError("the decoder died")
        said = json.loads(line)
        if not isinstance(said, dict):
            raise ValueError("no reply")
        return said


class Away:
    """Stands for a picture that another process holds: it can be resized, and nothing else."""

    def __init__(self, helper: Helper) -> None:
        self._helper = helper

    def resize(
        self, size: tuple[int, int], resample: int, box: tuple[float, float, float, float]
    ) -> Image.Image:
        """As `Image.resize` does it."""
        return self._helper.resized(size, int(resample), box)


def main(arguments: list[str]) -> None:
    """Decode what comes on stdin, one picture at a time; called with the parent's process id."""
    _protect(int(arguments[0]))
    source, out = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), 1)  # what a library prints is no reply
    while head := source.read(ASKED.size):
        size, at_least = ASKED.unpack(head)
        _limit_time()
        try:
            _serve(source, out, source.read(size), at_least)
        except SightlineError as error:
            _say(out, error.as_json())
        except MemoryError:
            _say(out, ImageTooLarge("Decoding the picture takes too much memory.").as_json())


def _serve(source: IO[bytes], out: IO[bytes], data: bytes, at_least: int) -> None:
    picture = decode_scaled(data, at_least=at_least)
    _say(out, {"width": picture.width, "height": picture.height, "scale": picture.scale})
    asked = json.loads(source.readline())
    resample = Image.Resampling(asked["resample"])
    resized = picture.image.resize(tuple(asked["size"]), resample, box=tuple(asked["box"]))
    _say(out, {})
    out.write(resized.tobytes())
    out.flush()


def _say(out: IO[bytes], message: dict[str, Any]) -> None:
    out.write(json.dumps(message).encode() + b"\n")
    out.flush()


def _protect(parent: int) -> None:
    """Bound the memory, leave no core, and end with the parent."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        raise SystemExit("The parent is gone.")
    for kind, value in ((resource.RLIMIT_AS, MEMORY), (resource.RLIMIT_CORE, 0)):
        hard = resource.getrlimit(kind)[1]
        resource.setrlimit(kind, (value if hard < 0 else min(value, hard), hard))
    signal.signal(signal.SIGXCPU, signal.SIG_DFL)


def _limit_time() -> None:
    """From now on the kernel ends this process after `CPU_SECONDS`, rounded up to a whole one."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    limit = math.ceil(used.ru_utime + used.ru_stime + CPU_SECONDS)
    resource.setrlimit(resource.RLIMIT_CPU, (limit, resource.getrlimit(resource.RLIMIT_CPU)[1]))


if __name__ == "__main__":
    main(sys.argv[1:])
