"""What became of an import, in a sentence."""

from sightline.bulk import Report
from sightline.bulk.documents import DocumentReport
from sightline.cli.show import cell

WORDS = ("unchanged", "updated", "failed", "canceled", "pending")


def sentence(report: Report) -> str:
    """Every item is counted once in it."""
    parts = [f"{report.succeeded:,} new or changed"]
    parts += [
        f"{count:,} {name}" for name in WORDS if (count := getattr(report, name)) or name == WORDS[0]
    ]  # fmt: skip
    sent = f"{report.pictures_sent:,} pictures, {size(report.bytes_sent)} sent"
    return f"{report.items:,} items: {', '.join(parts)}; {sent} in {report.seconds:.1f} s."


def document_sentence(report: DocumentReport) -> str:
    """What a document became."""
    if report.unchanged:
        return "unchanged, nothing sent."
    failed = f", {report.failed:,} failed" if report.failed else ""
    return f"{cell(report.pages)} pages became {report.items:,} items{failed}."


def size(count: int) -> str:
    """Bytes in words."""
    if count < 1024:
        return f"{count} bytes"
    scaled, unit = float(count), "bytes"
    for unit in ("kB", "MB", "GB"):  # noqa: B007
        scaled /= 1024
        if scaled < 1024:
            break
    return f"{scaled:.1f} {unit}"
