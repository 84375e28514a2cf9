"""Folders as Hugging Face's ImageFolder has them: metadata.jsonl or .csv beside the pictures."""

from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from typing import Any

from sightline.importers.files import Files
from sightline.importers.record import Bad, Record, Unusable, cleaned
from sightline.importers.tables import csv_rows, json_rows

NAMES = ("metadata.jsonl", "metadata.csv")
CAPTIONS = ("text", "caption")
FILE_NAME = "file_name"


class HuggingFaceImporter:
    """Every row of every metadata file; pictures are named from the folder that it lies in."""

    name = "huggingface"
    about = "a Hugging Face image folder"

    def __init__(self, files: Files) -> None:
        self._files = files

    def mapping(self) -> Sequence[tuple[str, str]]:
        """Which column becomes which field."""
        return [
            (FILE_NAME, "the picture, and with its folders the id"),
            (" or ".join(CAPTIONS), "caption"),
            ("every other column", "attributes"),
        ]

    def records(self) -> Iterator[Record | Bad]:
        """An item for each row."""
        for name in metadata_of(self._files):
            folder = PurePosixPath(name).parent
            with self._files.open(name) as stream:
                rows = csv_rows(stream) if name.endswith(".csv") else json_rows(stream)
                for line, row in rows:
                    where = f"{name} {line}"
                    yield Bad(where, row.item_id, row.code, row.detail) \
                        if isinstance(row, Bad) else self._record(where, folder, row)  # fmt: skip

    def _record(self, where: str, folder: PurePosixPath, row: dict[str, Any]) -> Record | Bad:
        file_name = row.pop(FILE_NAME, None)
        if not isinstance(file_name, str) or not file_name:
            return Bad(where, None, "invalid_manifest_line", f"The row has no `{FILE_NAME}`.")
        name = file_name if folder == PurePosixPath(".") else f"{folder}/{file_name}"
        try:
            picture = self._files.picture(name)
        except Unusable as error:
            return Bad(where, None, error.code, error.detail)
        caption = next((row.pop(one) for one in CAPTIONS if isinstance(row.get(one), str)), None)
        attributes = {key: value for key, value in row.items() if value is not None}
        fields = {"id": name, "caption": caption, "attributes": attributes}
        return Record(where, cleaned(fields), picture=picture)

    def close(self) -> None:
        """Let go of the files."""
        self._files.close()


def metadata_of(files: Files) -> list[str]:
    """The names of all metadata files."""
    return [name for name in files.names() if PurePosixPath(name).name in NAMES]
