"""What the API costs: the time to import it, and the memory of its processes after use."""

import subprocess
import sys

import psutil

from benchmarks.report import Figure, at_most, percentile
from benchmarks.server import ROOT, server

IMPORT = "import time; t = time.perf_counter(); import api; print(time.perf_counter() - t)"


def run(quick: bool) -> list[Figure]:
    """`import api` in a fresh interpreter; resident memory after 500 requests of each kind."""
    tries = 3 if quick else 9
    seconds = [
        float(subprocess.run([sys.executable, "-c", IMPORT], cwd=ROOT, check=True,
                             stdout=subprocess.PIPE, text=True).stdout)
        for _ in range(tries)
    ]  # fmt: skip
    with server() as running:
        running.http.put("/v1/catalogs/shop", json={}).raise_for_status()
        for number in range(100 if quick else 500):
            running.http.get("/v1/catalogs/shop").raise_for_status()
            body = {"text": f"thing {number}"}
            running.http.post("/v1/catalogs/shop/searches", json=body).raise_for_status()
        master = psutil.Process(running.stack.processes["api"])
        largest = max(child.memory_info().rss for child in master.children()) / 2**20
    return [
        at_most("import api, median", percentile(seconds, 50), 1, "s"),
        at_most("largest API process", largest, 120, "MiB"),
    ]
