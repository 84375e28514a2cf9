"""The folder of exported models: each is there whole and as it was made, or not at all."""

import fcntl
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

VERSION = 1
"""Of what `export.py` writes: raise it with every change, and all exports are made again."""
MANIFEST = "export.json"


@dataclass(frozen=True)
class Key:
    """What an export depends on. The revision names the weights, the tokenizer, the normalisation."""

    revision: str
    precision: str
    version: int = VERSION

    @property
    def folder(self) -> str:
        """Its folder's name."""
        return f"{self.revision}-{self.precision}-v{self.version}"


class Exports:
    """Exports under one folder, which several processes may share."""

    def __init__(self, folder: Path) -> None:
        """The folder is made with the first export."""
        self.folder = folder

    def find(self, key: Key) -> Path | None:
        """Return the folder of an export, None unless every byte is what the exporter wrote.

        This reads all of it: half a second for the 237 MB of a B/32 in int8.
        """
        folder = self.folder / key.folder
        try:
            manifest = json.loads((folder / MANIFEST).read_bytes())
            if manifest["key"] != asdict(key) or manifest["files"] != _digests(folder):
                return None
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return folder

    def put(self, key: Key, make: Callable[[Path], None]) -> Path:
        """Make an export and return its folder; `make` writes into an empty one.

        Call it under the lock. What lay there before goes, as does what a killed exporter left.
        """
        for left in self.folder.glob(f".{key.folder}.*"):
            shutil.rmtree(left, ignore_errors=True)
        work = Path(tempfile.mkdtemp(prefix=f".{key.folder}.", dir=self.folder))
        try:
            make(work)
            write(work / MANIFEST, {"key": asdict(key), "files": _digests(work)})
            target = self.folder / key.folder
            shutil.rmtree(target, ignore_errors=True)
            work.rename(target)
        finally:
            shutil.rmtree(work, ignore_errors=True)
        return target

    @contextmanager
    def locked(self, revision: str) -> Iterator[None]:
        """Keep other processes from exporting this model; waits for one that does it now.

        The lock falls with its holder, however that dies.
        """
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (self.folder / f"{revision}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def write(path: Path, value: Any) -> None:
    """Write JSON so that a reader sees all of it or none."""
    work = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        work.write_text(json.dumps(value, indent=2) + "\n")
        work.replace(path)
    finally:
        with suppress(FileNotFoundError):
            work.unlink()


def _digests(folder: Path) -> dict[str, str]:
    """The SHA-256 of each file by name; a file too many makes an export foreign, too."""
    found = {}
    for path in sorted(folder.iterdir()):
        if path.name != MANIFEST:
            with path.open("rb") as file:
                found[path.name] = hashlib.file_digest(file, "sha256").hexdigest()
    return found
