"""A plain folder of pictures: names become captions, folders categories."""

import re
from collections.abc import Iterator, Sequence
from posixpath import splitext

from sightline.importers.files import Files
from sightline.importers.record import Bad, Record, Unusable, cleaned

ENDINGS = frozenset(
    {".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif"}
)  # fmt: skip
BETWEEN_WORDS = re.compile(r"[\s_.+-]+")


class FolderImporter:
    """Every picture in a folder or ZIP, by its name."""

    name = "folder"
    about = "a folder of pictures"

    def __init__(self, files: Files) -> None:
        self._files = files

    def mapping(self) -> Sequence[tuple[str, str]]:
        """Which part of a file's name becomes which field."""
        return [
            ("red-boot_02.jpg", "caption: red boot 02"),
            ("the folder it is in", "category"),
            ("the name with its folders", "id"),
        ]

    def records(self) -> Iterator[Record | Bad]:
        """An item for each picture; other files are passed over."""
        for name in self._files.names():
            stem, ending = splitext(name)
            if ending.lower() not in ENDINGS:
                continue
            try:
                picture = self._files.picture(name)
            except Unusable as error:
                yield Bad(name, None, error.code, error.detail)
                continue
            folder, _, own = stem.rpartition("/")
            fields = {"id": name, "caption": caption_of(own), "category": folder}
            yield Record(name, cleaned(fields), picture=picture)

    def close(self) -> None:
        """Let go of the files."""
        self._files.close()


def caption_of(stem: str) -> str:
    """The words of a file's name: "red-boot_02" is "red boot 02"."""
    return BETWEEN_WORDS.sub(" ", stem).strip()


def has_pictures(files: Files) -> bool:
    """Whether there is any picture, by its name."""
    return any(splitext(name)[1].lower() in ENDINGS for name in files.names())
