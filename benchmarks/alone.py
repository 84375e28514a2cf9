"""The floor: the encoder alone in one process, on pictures in memory. Prints JSON."""

import argparse
import json
import sys
import time
import zipfile

from benchmarks.report import percentile
from worker.encoder import ClipEncoder


def main() -> None:
    """Decode and encode every picture of an archive, then words one by one."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.alone", description=__doc__)
    parser.add_argument("archive", help="ZIP with pictures")
    parser.add_argument("model", help="folder of a CLIP model")
    options = parser.parse_args()
    with zipfile.ZipFile(options.archive) as archive:
        names = [name for name in archive.namelist() if name.endswith(".jpg")]
        pictures = [archive.read(name) for name in names]
    encoder = ClipEncoder.load(options.model)
    encoder.warm_up()
    began = time.perf_counter()
    for start in range(0, len(pictures), encoder.batch_size):
        batch = pictures[start : start + encoder.batch_size]
        encoder.images([encoder.preprocessing.array(data) for data in batch])
    seconds = time.perf_counter() - began
    words = []
    for number in range(100):
        began = time.perf_counter()
        encoder.texts([f"a red thing number {number}"])
        words.append((time.perf_counter() - began) * 1000)
    sys.stdout.write(
        json.dumps({"rate": len(pictures) / seconds, "text_ms": percentile(words, 50)})
    )


if __name__ == "__main__":
    main()
