"""Promise 12: whatever schemathesis makes of the description, the server neither fails nor lies."""

import json
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import httpx

from tests.hostile.run import stack

CHECKS = (
    "not_a_server_error", "status_code_conformance", "content_type_conformance",
    "response_schema_conformance", "unsupported_method",
)  # fmt: skip
MOST_SECONDS = 1_800


def run(quick: bool) -> dict[str, Any]:
    """Start a stack, let schemathesis at it, and count: cases, server_errors, breaks."""
    with (
        stack({"SIGHTLINE_REQUESTS_PER_SECOND": "0"}) as running,
        tempfile.TemporaryDirectory() as folder,
    ):
        report = Path(folder) / "report.ndjson"
        _fuzz(running.url, _key(running.url), report, 10 if quick else 200)
        return _counted(report)


def _key(url: str) -> str:
    answer = httpx.post(f"{url}/v1/keys", json={"scopes": ["admin"]})
    return str(answer.raise_for_status().json()["key"])


def _fuzz(url: str, key: str, report: Path, examples: int) -> None:
    """With a key from the start: one that schemathesis makes would close the door behind it."""
    subprocess.run(
        [Path(sys.executable).with_name("schemathesis"), "run", f"{url}/openapi.json",
         "--checks", ",".join(CHECKS), "--phases", "coverage,fuzzing",
         "--max-examples", str(examples), "--continue-on-failure", "--no-shrink",
         "--seed", "1", "--generation-database", "none", "--suppress-health-check", "all",
         "--header", "Prefer: wait=0", "--header", f"Authorization: Bearer {key}", "--request-timeout", "90",
         "--report", "ndjson", "--report-ndjson-path", str(report)],
        cwd=report.parent, check=False, timeout=MOST_SECONDS, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip


def _counted(report: Path) -> dict[str, Any]:
    """What schemathesis wrote down: cases sent, failures of each check by operation."""
    cases, failed = 0, Counter[tuple[str, str]]()
    for line in report.read_text().splitlines():
        scenario = json.loads(line).get("ScenarioFinished")
        if scenario:
            recorder = scenario["recorder"]
            cases += len(recorder["interactions"])
            checks = [one for checked in recorder["checks"].values() for one in checked]
            failed.update(
                (one["name"], recorder["label"]) for one in checks if one["status"] == "failure"
            )
    errors = [label for name, label in failed if name == CHECKS[0]]
    breaks = [f"{name}: {label}" for name, label in failed if name != CHECKS[0]]
    return {"cases": cases, "server_errors": errors, "breaks": breaks}
