"""Batches: some records with their pictures as one ZIP in memory, small enough to be sent again."""

import io
import json
import zipfile
from typing import Any

from sightline.importers.record import Record

MOST_ITEMS = 256
"""The server reads a manifest in chunks of so many."""
FULL_BYTES = 4 * 1024**2
"""A batch is sent once it holds so much; what a cut costs, and with a picture more what it weighs."""


class Batch:
    """Records on their way into one import."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._out = io.BytesIO()
        self._archive = zipfile.ZipFile(self._out, "w", zipfile.ZIP_STORED)
        self.pictures = 0
        self.picture_bytes = 0

    def __len__(self) -> int:
        return len(self._lines)

    @property
    def is_full(self) -> bool:
        """Whether it is to be sent before more is added."""
        return len(self._lines) >= MOST_ITEMS or self._out.tell() >= FULL_BYTES

    def add(self, record: Record, data: bytes | None) -> None:
        """Take a record with its picture's bytes; in the ZIP the picture is named by its number."""
        line: dict[str, Any] = dict(record.fields)
        for name in ("image_url", "image_base64", "text"):
            if (value := getattr(record, name)) is not None:
                line[name] = value
        if data is not None:
            line["image"] = str(len(self._lines))
            self._archive.writestr(line["image"], data)
            self.pictures += 1
            self.picture_bytes += len(data)
        self._lines.append(json.dumps(line))

    def archive(self) -> bytes:
        """The whole ZIP; nothing can be added any more."""
        self._archive.writestr("manifest.jsonl", "\n".join(self._lines))
        self._archive.close()
        return self._out.getvalue()
