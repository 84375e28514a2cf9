"""The floor of document reading: pypdfium2 alone, text and drawing of each page. Prints JSON."""

import argparse
import json
import sys
import time
from pathlib import Path

import pypdfium2 as pdfium

from worker.ingest.render import PAGE_EDGE


def read(path: Path) -> int:
    """Extract every page's text and draw it at the size that ingest does; return the pages."""
    with pdfium.PdfDocument(path) as document:
        for page in document:
            page.get_textpage().get_text_range()
            page.render(scale=PAGE_EDGE / max(page.get_size())).to_pil()
            page.close()
        return len(document)


def main() -> None:
    """Read every file once."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pdf_alone", description=__doc__)
    parser.add_argument("files", metavar="FILE", type=Path, nargs="+", help="PDFs")
    options = parser.parse_args()
    began = time.perf_counter()
    pages = sum(read(path) for path in options.files)
    seconds = time.perf_counter() - began
    sys.stdout.write(
        json.dumps({"pages": pages, "seconds": seconds, "pages_per_s": pages / seconds}) + "\n"
    )


if __name__ == "__main__":
    main()
