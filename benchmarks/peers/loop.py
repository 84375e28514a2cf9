"""The loop that most people write, into chromadb: CLIPProcessor and CLIPModel, or a CLIP server's HTTP API.

Run by the interpreter of the peers' virtual environment. Prints one line of JSON.
"""

import argparse
import base64
import json
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import chromadb
import numpy as np

from benchmarks.peers.chroma import client

BATCH = 32
REQUESTS = 2
"""That are under way at the CLIP server at once, so that it never waits for this process."""
Batch = Sequence[Path]


class Loop:
    """The model in this process, float32."""

    def __init__(self, model: str) -> None:
        import torch
        import transformers

        self._torch = torch
        self._model = transformers.CLIPModel.from_pretrained(model)
        self._model.train(False)
        self._processor = transformers.CLIPProcessor.from_pretrained(model)
        self.about = f"transformers {transformers.__version__}"

    def embedded(self, batches: Iterable[Batch]) -> Iterator[Any]:
        """Unit vectors of each batch."""
        from PIL import Image

        with self._torch.no_grad():
            for batch in batches:
                images = [Image.open(path).convert("RGB") for path in batch]
                inputs = self._processor(images=images, return_tensors="pt")
                features = self._model.get_image_features(**inputs).pooler_output
                yield self._torch.nn.functional.normalize(features, dim=-1).numpy()


class Remote:
    """A CLIP server that speaks OpenAI's form of embeddings, with pictures as data URLs."""

    def __init__(self, port: int) -> None:
        import httpx

        self._http = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=120)
        self._model = self._http.get("/models").raise_for_status().json()["data"][0]["id"]
        self.about = "over HTTP"

    def embedded(self, batches: Iterable[Batch]) -> Iterator[Any]:
        """Unit vectors of each batch."""
        with ThreadPoolExecutor(REQUESTS) as pool:
            yield from pool.map(self._asked, batches)

    def _asked(self, batch: Batch) -> Any:
        encoded = [base64.b64encode(path.read_bytes()).decode() for path in batch]
        body = {"model": self._model, "modality": "image",
                "input": [f"data:image/jpeg;base64,{one}" for one in encoded]}  # fmt: skip
        answer = self._http.post("/embeddings", json=body).raise_for_status().json()
        return np.array([one["embedding"] for one in answer["data"]], np.float32)


def main() -> None:
    """Embed every JPEG of a folder into a collection; loading the model is not timed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers.loop", description=__doc__)
    parser.add_argument("folder", type=Path, help="folder with JPEGs")
    parser.add_argument("place", help="folder for chromadb's data")
    parser.add_argument("--model", help="folder of a CLIP model, to run it in this process")
    parser.add_argument("--port", type=int, help="of the CLIP server, to ask it instead")
    parser.add_argument("--vectors", type=Path, help="file for the embeddings (.npy), by name")
    given = parser.parse_args()
    source = Loop(given.model) if given.model else Remote(given.port)
    paths = sorted(given.folder.glob("*.jpg"))
    batches = [paths[start : start + BATCH] for start in range(0, len(paths), BATCH)]
    collection = client(given.place).create_collection(
        "pictures", configuration={"hnsw": {"space": "ip"}}, embedding_function=None
    )
    made = []
    began = time.perf_counter()
    for batch, vectors in zip(batches, source.embedded(batches), strict=True):
        collection.add(ids=[path.stem for path in batch], embeddings=vectors,
                       metadatas=[{"file": path.name} for path in batch])  # fmt: skip
        made.append(vectors)
    collection.query(query_embeddings=made[-1][-1:], n_results=10)
    seconds = time.perf_counter() - began
    if given.vectors:
        np.save(given.vectors, np.concatenate(made))
    about = f"{source.about}, chromadb {chromadb.__version__}"
    sys.stdout.write(json.dumps({"rate": len(paths) / seconds, "about": about}) + "\n")


if __name__ == "__main__":
    main()
