"""Backup of a data folder into one tar file, also while it is in use; and its restore into a new one.

The database first, as one snapshot, then the blobs: bytes are written before the row that names
them and never changed, so whatever the snapshot names is there when the blobs are copied. Uploads
are deleted soon after they were read, so they are linked aside before the dump begins.
"""

import fcntl
import json
import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click
import psycopg

from db.blobs import blob_path
from db.embedded.postgres import DATABASE, Postgres, binaries
from db.models import SCHEMA

FORMAT = 1
ABOUT, DUMP, ROLES = "about.json", "database.dump", "roles.sql"
UNFINISHED = "#"
"""What the blob store puts into the name of a file that is still being written."""
NAMED = f"""
    SELECT tenant_id, sha256 FROM {SCHEMA}.items WHERE sha256 IS NOT NULL
    UNION SELECT tenant_id, sha256 FROM {SCHEMA}.documents
"""


class BackupFailed(Exception):
    """Raised when a backup or a restore cannot be made; says why in plain words."""


@dataclass(frozen=True)
class About:
    """What a backup says of itself, written last: without it the file is not whole."""

    made_at: str
    jobs: int
    items: int
    blobs: int
    missing: int
    """Blobs that a row names and that are not there: 0, or the data was damaged before."""
    format: int = FORMAT


def backup(folder: Path, target: Path) -> About:
    """Write the data of `folder` into the new file `target`. Raises BackupFailed.

    A stack that runs there goes on; where none does, Postgres is started for the while.
    """
    folder = folder.resolve()
    if target.exists():
        raise BackupFailed(f"{target} exists already")
    if not (folder / "postgres" / "PG_VERSION").exists():
        raise BackupFailed(f"{folder} holds no Sightline data")
    half = target.with_name(target.name + ".partial")
    try:
        with _server(folder) as url, _aside(folder) as aside:
            about = _write(folder, url, aside, half)
        half.rename(target)
    finally:
        half.unlink(missing_ok=True)
    return about


def restore(source: Path, folder: Path) -> About:
    """Make the new data folder `folder` of a backup; it appears when all is there.

    Raises BackupFailed, also where the folder holds anything.
    """
    folder = folder.resolve()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise BackupFailed(f"{folder} is not empty; restore into a new folder")
    folder.parent.mkdir(parents=True, exist_ok=True)
    half = Path(tempfile.mkdtemp(prefix=f".{folder.name}-restoring-", dir=folder.parent))
    try:
        half.chmod(0o755)
        _unpack(source, half)
        about = About(**json.loads((half / ABOUT).read_text()))
        with Postgres(half) as server:
            _load(server, half)
            missing = _missing(server.url, half / "blobs")
        for name in (ABOUT, DUMP, ROLES):
            (half / name).unlink()
        half.rename(folder)
    finally:
        shutil.rmtree(half, ignore_errors=True)
    return About(**{**asdict(about), "missing": missing})


def _write(folder: Path, url: str, aside: Path, half: Path) -> About:
    store = folder / "blobs"
    _link(store / "uploads", aside / "uploads")
    with psycopg.connect(url) as connection:
        snapshot = _snapshot(connection)
        _link(store / "uploads", aside / "uploads")
        named = {blob_path(tenant, bytes(sha)) for tenant, sha in connection.execute(NAMED)}
        jobs, items = _counts(connection)
        _run("pg_dump", f"--dbname={url}", "--format=custom", "--compress=1",
             f"--snapshot={snapshot}", f"--file={aside / DUMP}")  # fmt: skip
        _run("pg_dumpall", f"--dbname={url}", "--roles-only", "--no-role-passwords",
             f"--file={aside / ROLES}")  # fmt: skip
    files = [*_files(store, "blobs"), *_files(aside, "uploads")]
    with tarfile.open(half, "w") as tar:
        for name in (DUMP, ROLES):
            tar.add(aside / name, name)
        stored = _pack(tar, files)
        missing = len(named - stored)
        about = About(datetime.now(UTC).isoformat(), jobs, items, len(stored), missing)
        (aside / ABOUT).write_text(json.dumps(asdict(about)))
        tar.add(aside / ABOUT, ABOUT)
    return about


def _snapshot(connection: psycopg.Connection[Any]) -> str:
    """Begin the one view of the database that everything here sees."""
    connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    connection.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
    return str(_one(connection, "SELECT pg_export_snapshot()")[0])


def _counts(connection: psycopg.Connection[Any]) -> tuple[int, int]:
    jobs, items = _one(
        connection, f"SELECT (SELECT count(*) FROM {SCHEMA}.jobs), count(*) FROM {SCHEMA}.items"
    )
    return jobs, items


def _pack(tar: tarfile.TarFile, files: list[tuple[Path, str, int]]) -> set[str]:
    """Add files with a bar; returns the names of those that were still there."""
    stored = set()
    with click.progressbar(length=sum(size for *_, size in files), label="blobs") as bar:
        for path, name, size in files:
            with suppress(FileNotFoundError):
                tar.add(path, f"blobs/{name}", recursive=False)
                stored.add(name)
            bar.update(size)
    return stored


def _unpack(source: Path, folder: Path) -> None:
    try:
        with (
            tarfile.open(source) as tar,
            click.progressbar(length=source.stat().st_size, label="unpacking") as bar,
        ):
            for member in tar:
                tar.extract(member, folder, filter="data")
                bar.update(member.size)
    except (tarfile.TarError, OSError) as error:
        raise BackupFailed(f"{source} cannot be read: {error}") from error
    if not all((folder / name).is_file() for name in (ABOUT, DUMP, ROLES)):
        raise BackupFailed(f"{source} is no whole backup")
    if json.loads((folder / ABOUT).read_text()).get("format") != FORMAT:
        raise BackupFailed(f"{source} was made by another version of Sightline")


def _load(server: Postgres, folder: Path) -> None:
    """Roles first, since the dump grants rights to them; the server's own exists already."""
    anywhere = server.url_of("postgres")
    _run("psql", f"--dbname={anywhere}", "--quiet", "--no-psqlrc", f"--file={folder / ROLES}")
    _run("pg_restore", f"--dbname={anywhere}", "--clean", "--if-exists", "--create",
         "--exit-on-error", f"--jobs={min(4, os.cpu_count() or 1)}", str(folder / DUMP))  # fmt: skip


def _missing(url: str, store: Path) -> int:
    with psycopg.connect(url) as connection:
        named = connection.execute(NAMED).fetchall()
    return sum(not (store / blob_path(tenant, bytes(sha))).is_file() for tenant, sha in named)


@contextmanager
def _server(folder: Path) -> Iterator[str]:
    """The URL of the folder's Postgres: the one that runs, else one started for the while."""
    with (folder / "lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield _url_of_running(folder)
        else:
            with Postgres(folder) as server:
                yield server.url


def _url_of_running(folder: Path) -> str:
    """Lines 4 and 5 of a server's pid file are its port and the folder of its socket."""
    try:
        lines = (folder / "postgres" / "postmaster.pid").read_text().splitlines()
        port, sockets = lines[3], lines[4]
    except (OSError, IndexError) as error:
        raise BackupFailed(f"the Postgres of {folder} does not run; try again shortly") from error
    return f"postgresql://postgres@/{DATABASE}?host={quote(sockets)}&port={port}"


@contextmanager
def _aside(folder: Path) -> Iterator[Path]:
    """A folder on the same disk, so that files can be linked into it; gone afterwards."""
    run = folder / "run"
    run.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="backup-", dir=run) as aside:
        yield Path(aside)


def _link(source: Path, target: Path) -> None:
    """Link every whole file below `source` into `target`, where it stays when it is deleted."""
    for path, name, _ in _files(source, "."):
        link = target / name
        link.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError, FileExistsError):
            os.link(path, link)


def _files(folder: Path, below: str) -> Iterator[tuple[Path, str, int]]:
    """The whole files below a part of a folder: path, name inside the folder, size."""
    for path, _, names in os.walk(folder / below):
        for name in sorted(names):
            file = Path(path) / name
            with suppress(FileNotFoundError):
                if UNFINISHED not in name:
                    yield file, str(file.relative_to(folder)), file.stat().st_size


def _run(program: str, *arguments: str) -> None:
    """One of Postgres's own programs, without settings of the caller's. Raises BackupFailed."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PG")}
    done = subprocess.run(
        [str(binaries() / program), *arguments], check=False, env=environment,
        stdin=subprocess.DEVNULL, capture_output=True, text=True,
    )  # fmt: skip
    if done.returncode:
        raise BackupFailed(f"{program} failed: {done.stderr.strip()[-2000:]}")


def _one(connection: psycopg.Connection[Any], statement: str) -> tuple[Any, ...]:
    row = connection.execute(statement).fetchone()
    assert row is not None
    return tuple(row)
