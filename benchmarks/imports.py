"""An import over HTTP until all is searchable, against the encoder alone on the same pictures."""

from benchmarks import pictures
from benchmarks.report import Figure, at_least
from benchmarks.server import archive_of, python, server
from db.settings import DEMO_MODEL


def run(quick: bool) -> list[Figure]:
    """2,000 drawn pictures with the demo model; then the same again, from the cache."""
    count = 200 if quick else 2000
    archive = archive_of(pictures.drawn(count))
    with server() as running:
        path = running.folder / "pictures.zip"
        path.write_bytes(archive)
        alone = python("benchmarks.alone", str(path), DEMO_MODEL)["rate"]
        rate = count / running.import_zip("first", archive)
        again = count / running.import_zip("second", archive)
    return [
        Figure("encoder alone, one process", alone, "pictures/s"),
        Figure("import, upload to searchable", rate, "pictures/s"),
        at_least("import / encoder alone", rate / alone, 0.6),
        Figure("import of known bytes, from the cache", again, "pictures/s"),
    ]
