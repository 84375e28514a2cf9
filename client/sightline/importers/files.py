"""The files that a source names: in a folder or in a ZIP, and never outside of it."""

import os
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, Protocol

from sightline.importers.record import Picture, Unrecognised, Unusable


class Files(Protocol):
    """Files by their names, with `/` between folders."""

    def names(self) -> Iterator[str]:
        """All names, in an order that is the same each time; hidden files are left out."""

    def has(self, name: str) -> bool:
        """Whether there is such a file."""

    def open(self, name: str) -> IO[bytes]:
        """A file's bytes. Raises OSError and what zipfile raises."""

    def picture(self, name: str) -> Picture:
        """A picture by the name that a manifest gives. Raises Unusable."""

    def close(self) -> None:
        """Let go of what is open."""


class FolderFiles:
    """The files of a folder and of those in it. What leads out of it, by `..` or a link, is refused:

    else a manifest of a stranger would have any file of this machine sent. Paths are handled as
    text here: that takes a quarter of the time of pathlib and its `resolve`.
    """

    def __init__(self, root: Path) -> None:
        self._root = str(root)
        self._real = os.path.realpath(root)
        self._folder = ("", False)
        """The folder that was asked for last, and whether it is inside."""

    def names(self) -> Iterator[str]:
        """All names, folder by folder."""
        for folder, below, files in os.walk(self._root):
            below[:] = sorted(name for name in below if not name.startswith("."))
            inner = os.path.relpath(folder, self._root).replace(os.sep, "/")
            prefix = "" if inner == "." else f"{inner}/"
            yield from (prefix + name for name in sorted(files) if not name.startswith("."))

    def has(self, name: str) -> bool:
        """Whether there is such a file."""
        return os.path.isfile(os.path.join(self._root, name))

    def open(self, name: str) -> IO[bytes]:
        """A file's bytes."""
        return Path(self._root, name).open("rb")

    def picture(self, name: str) -> Picture:
        """A picture by its name. Raises Unusable."""
        path = os.path.join(self._root, name)
        with suppress(OSError, ValueError):  # a name that is too long, or holds a NUL
            if not self._is_inside(path):
                raise Unusable("unsafe_name", f"{name!r} leads out of the folder.")
            if os.path.isfile(path):
                return Picture(name, lambda: Path(path).open("rb"))
        raise Unusable("file_missing", f"There is no file {name!r}.")

    def _is_inside(self, path: str) -> bool:
        if os.path.islink(path):
            return self._holds(os.path.realpath(path))
        folder = os.path.dirname(path)
        if folder != self._folder[0]:
            self._folder = (folder, self._holds(os.path.realpath(folder)))
        return self._folder[1]

    def _holds(self, real: str) -> bool:
        return os.path.commonpath([self._real, real]) == self._real

    def close(self) -> None:
        """Nothing is open."""


class ZipFiles:
    """The files of a ZIP; where one folder holds everything, names are those below it."""

    def __init__(self, path: Path) -> None:
        try:
            self._archive = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, OSError, ValueError) as error:
            raise Unrecognised(f"{path} is no ZIP that can be read: {error}.") from error
        entries = [one.filename for one in self._archive.infolist() if not one.is_dir()]
        tops = {name.partition("/")[0] + "/" for name in entries if not _is_hidden(name)}
        shared = tops.pop() if len(tops) == 1 else ""
        self._below = shared if all(n.startswith(shared) for n in entries if not _is_hidden(n)) \
            else ""  # fmt: skip
        self._names = sorted(
            name.removeprefix(self._below) for name in entries if not _is_hidden(name)
        )

    def names(self) -> Iterator[str]:
        """All names, sorted."""
        return iter(self._names)

    def has(self, name: str) -> bool:
        """Whether there is such an entry."""
        return self._below + name in self._archive.NameToInfo

    def open(self, name: str) -> IO[bytes]:
        """An entry's bytes."""
        return self._archive.open(self._below + name)

    def picture(self, name: str) -> Picture:
        """A picture by its name. Raises Unusable."""
        if not self.has(name):
            raise Unusable("file_missing", f"There is no {name!r} in the ZIP.")
        return Picture(name, lambda: self.open(name))

    def close(self) -> None:
        """Close the archive."""
        self._archive.close()


def _is_hidden(name: str) -> bool:
    """Whether a system put it there, as `__MACOSX/` or `.DS_Store`."""
    return name.startswith("__MACOSX/") or any(p.startswith(".") for p in name.split("/"))
