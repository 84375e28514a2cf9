"""chromadb's side: adds vectors with metadata to a collection, and searches it.

Run by the interpreter of the peers' virtual environment, which has nothing of ours.
"""

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import chromadb
import numpy as np
from chromadb.config import Settings

from benchmarks.peers import asking
from benchmarks.peers.asking import Vector

COLLECTION = "shop"
BATCH = 1_000
"""Of one `add`. 20,000 vectors on two cores, rows/s: 200 a batch 2,100, 500 2,700, 1,000 2,900, 2,000
2,900, 5,461 (the most) 2,900; by two threads 2,600; with `sync_threshold` and `batch_size` 100,000
instead of 1,000 and 100: the same. So all else is as it comes."""


def client(place: str) -> Any:
    """A folder's client in this process, or that of the server at a port; both tell nobody."""
    settings = Settings(anonymized_telemetry=False)
    if place.isdigit():
        return chromadb.HttpClient(host="127.0.0.1", port=int(place), settings=settings)
    return chromadb.PersistentClient(place, settings=settings)


def add(place: str, folder: Path, count: int) -> dict[str, Any]:
    """The seconds from the first batch until all are found by one search, and the version."""
    vectors = np.load(folder / "vectors.npy", mmap_mode="r")[:count]
    categories, prices = (np.load(folder / f"{name}.npy") for name in ("categories", "prices"))
    chroma = client(place)
    collection = chroma.create_collection(
        COLLECTION, configuration={"hnsw": {"space": "ip"}}, embedding_function=None
    )
    began = time.perf_counter()
    for start in range(0, count, BATCH):
        rows = range(start, min(count, start + BATCH))
        collection.add(
            ids=[str(row) for row in rows],
            embeddings=np.asarray(vectors[rows.start : rows.stop]),
            metadatas=[
                {"category": str(categories[row]), "price": int(prices[row])} for row in rows
            ],
        )
    added = time.perf_counter() - began
    collection.query(query_embeddings=[vectors[count - 1]], n_results=10)
    seconds = time.perf_counter() - began
    return {"seconds": seconds, "added": added, "batch": BATCH, "version": chromadb.__version__}


class Chroma:
    """One collection. It reads `ef_search` with its index, so another one takes another process."""

    def __init__(self, place: str, ef: int | None) -> None:
        self._collection = client(place).get_collection(COLLECTION, embedding_function=None)
        if ef is not None:
            self._collection.modify(configuration={"hnsw": {"ef_search": ef}})

    def ask(self, vector: Vector, where: dict[str, Any]) -> list[int]:
        """The ten nearest, with metadata and distances, as a shop shows them."""
        found = self._collection.query(
            query_embeddings=[vector],
            n_results=10,
            where=where or None,
            include=["metadatas", "distances"],
        )
        return [int(key) for key in found["ids"][0]]


def main() -> None:
    """`add` prints one line of JSON; `ask` reads commands and answers each."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers.chroma", description=__doc__)
    parser.add_argument("action", choices=("add", "ask"))
    parser.add_argument("place", help="folder of the data, or the port of a server")
    parser.add_argument("--folder", type=Path, help="folder with the vectors and metadata")
    parser.add_argument("--count", type=int, help="how many of them")
    parser.add_argument("--ef", type=int, help="candidates of each search")
    given = parser.parse_args()
    if given.action == "ask":
        asking.answer(Chroma(given.place, given.ef))
    else:
        found = add(given.place, given.folder, given.count)
        sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
