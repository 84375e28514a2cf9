"""The drill: a backup is taken while an import runs, and a new stack goes on from it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import psycopg

from db.blobs import blob_path
from db.embedded import Postgres, Stack, free_port
from db.embedded.backup import NAMED
from tests.acceptance.conftest import ended, picture, zipped

ROOT = Path(__file__).resolve().parents[2]
BEFORE, DURING = 40, 400


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    """`python -m db.embedded …` to its end."""
    return subprocess.run(
        [sys.executable, "-m", "db.embedded", *arguments],
        cwd=ROOT, text=True, capture_output=True, timeout=240, check=False,
    )  # fmt: skip


def upload(http: httpx.Client, catalog: str, numbers: range) -> dict[str, Any]:
    http.put(f"/v1/catalogs/{catalog}", json={})
    lines = [{"id": f"{catalog}-{n}", "name": f"Thing {n}", "image": f"{n}.jpg"} for n in numbers]
    body = zipped(lines, {f"{n}.jpg": picture(n) for n in numbers})
    answer = http.post(f"/v1/catalogs/{catalog}/imports", content=body,
                       headers={"Content-Type": "application/zip"})  # fmt: skip
    assert answer.status_code == 202, answer.text
    return dict(answer.json())


def begun_to_embed(http: httpx.Client, job: dict[str, Any]) -> None:
    """Wait until the first of its pictures are embedded."""
    until = time.monotonic() + 60
    while not http.get(job["urls"]["self"]).json()["counts"]["succeeded"]:
        assert time.monotonic() < until
        time.sleep(0.02)


def found(http: httpx.Client) -> list[tuple[str, float]]:
    """What a search in the catalog that was there before finds."""
    answer = http.post("/v1/catalogs/kept/searches", json={"item_id": "kept-7", "limit": 10},
                       headers={"Prefer": "wait=30"})  # fmt: skip
    job = answer.json()
    assert job["status"] == "succeeded", job
    return [(hit["item"]["id"], round(hit["score"], 4)) for hit in job["result"]["hits"]]


def test_a_backup_taken_during_an_import_is_restored_and_goes_on(
    stack: Stack, http: httpx.Client, model_folder: Path, tmp_path: Path
) -> None:
    ended(http, upload(http, "kept", range(BEFORE)))
    hits = found(http)
    running = upload(http, "running", range(1000, 1000 + DURING))
    embed = stack.processes["embed"]
    assert embed is not None
    begun_to_embed(http, running)
    os.kill(embed, signal.SIGSTOP)  # so that tasks are held and wait while the copy is made
    accepted = {job["id"] for job in http.get("/v1/jobs", params={"limit": 100}).json()["data"]}
    made = command("backup", "--data-dir", str(stack.folder), str(tmp_path / "out.tar"))
    os.kill(embed, signal.SIGCONT)
    assert made.returncode == 0, made.stderr
    assert "items" in made.stdout and not list(tmp_path.glob("*.partial"))
    assert ended(http, running)["counts"]["succeeded"] == DURING, "the stack went on"

    new = tmp_path / "new"
    restored = command("restore", "--data-dir", str(new), str(tmp_path / "out.tar"))
    assert restored.returncode == 0, restored.stderr
    with Postgres(new) as server, psycopg.connect(server.url) as connection:
        statement = "SELECT succeeded FROM sightline.jobs WHERE id = %s AND ended_at IS NULL"
        (succeeded,) = connection.execute(statement, [running["id"]]).fetchone() or (DURING,)
    assert 0 < succeeded < DURING, "the copy was made in the middle of the import"
    settings = {"SIGHTLINE_IMAGE_MODEL": str(model_folder), "SIGHTLINE_LEASE_SECONDS": "6"}
    with (
        Stack(new, free_port(), settings) as second,
        httpx.Client(base_url=second.url, timeout=90) as there,
    ):
        for job in accepted:
            assert there.get(f"/v1/jobs/{job}").status_code == 200
        again = ended(there, there.get(f"/v1/jobs/{running['id']}").json())
        assert (again["status"], again["counts"]["succeeded"]) == ("succeeded", DURING)
        assert found(there) == hits
        with psycopg.connect(second.database_url) as connection:
            named = connection.execute(NAMED).fetchall()
        assert len(named) == BEFORE + DURING
        for tenant, sha256 in named:
            assert (new / "blobs" / blob_path(tenant, bytes(sha256))).is_file()
        shown = there.get("/v1/catalogs/running/items/running-1003/image")
        assert shown.status_code == 200


def test_a_folder_that_holds_something_is_not_restored_into(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("precious")
    (tmp_path / "out.tar").write_bytes(b"")
    refused = command("restore", "--data-dir", str(tmp_path), str(tmp_path / "out.tar"))
    assert refused.returncode == 1 and "not empty" in refused.stderr
    assert (tmp_path / "mine").read_text() == "precious"


def test_half_a_backup_makes_no_folder(tmp_path: Path) -> None:
    (tmp_path / "half.tar").write_bytes(bytes(2048))
    refused = command("restore", "--data-dir", str(tmp_path / "new"), str(tmp_path / "half.tar"))
    assert refused.returncode == 1 and "no whole backup" in refused.stderr
    assert {path.name for path in tmp_path.iterdir()} == {"half.tar"}


def test_nothing_is_backed_up_where_nothing_is_and_no_file_is_overwritten(tmp_path: Path) -> None:
    nothing = command("backup", "--data-dir", str(tmp_path), str(tmp_path / "out.tar"))
    assert nothing.returncode == 1 and "no Sightline data" in nothing.stderr
    (tmp_path / "out.tar").write_text("older")
    refused = command("backup", "--data-dir", str(tmp_path), str(tmp_path / "out.tar"))
    assert refused.returncode == 1 and "exists already" in refused.stderr
