"""The loop that most people write: CLIPProcessor and CLIPModel, batches of 32, float32. Prints JSON."""

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from transformers import CLIPModel, CLIPProcessor

BATCH = 32


def main() -> None:
    """Embed every JPEG of a folder in one process; loading the model is not timed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.usual", description=__doc__)
    parser.add_argument("folder", type=Path, help="folder with JPEGs")
    parser.add_argument("model", help="folder of a CLIP model")
    parser.add_argument("out", type=Path, help="file for the embeddings (.npy), by file name")
    options = parser.parse_args()
    model = CLIPModel.from_pretrained(options.model)
    model.train(False)
    processor = CLIPProcessor.from_pretrained(options.model)
    paths = sorted(options.folder.glob("*.jpg"))
    parts = []
    began = time.perf_counter()
    with torch.no_grad():
        for start in range(0, len(paths), BATCH):
            images = [Image.open(path).convert("RGB") for path in paths[start : start + BATCH]]
            inputs = processor(images=images, return_tensors="pt")
            features = model.get_image_features(**inputs).pooler_output
            parts.append(torch.nn.functional.normalize(features, dim=-1).numpy())
    seconds = time.perf_counter() - began
    np.save(options.out, np.concatenate(parts))
    sys.stdout.write(json.dumps({"rate": len(paths) / seconds}))


if __name__ == "__main__":
    main()
